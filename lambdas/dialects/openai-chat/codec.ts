import type { Surface } from '../../core/dialect.ts';
import { decodeAnswer } from './decode-answer.ts';
import { decodeError } from './decode-error.ts';
import { decodeRequest } from './decode-request.ts';
import { decodeStream } from './decode-stream.ts';
import { encodeAnswer } from './encode-answer.ts';
import { encodeError } from './encode-error.ts';
import { encodeRequest } from './encode-request.ts';
import { encodeStream } from './encode-stream.ts';
import { relayAnswer, relayRequest, relayStream } from './relay.ts';

/** OpenAI's Chat Completions, as spoken by OpenAI, Azure, and most other vendors and servers. */
export const openaiChat: Surface = {
  name: 'openai-chat',
  cannotCarry: new Set([
    'top-k',
    'many-stop-sequences',
    'reasoning-budget',
    'is-error',
    'tool-result-image',
    'tool-result-document',
    'document-url',
    'document-text',
    'document-context',
    'cite',
    'text-after-call',
    'citations',
    'cache',
    'cache-1h',
    'reasoning',
  ]),
  decodeRequest,
  encodeRequest,
  decodeAnswer,
  encodeAnswer,
  decodeStream,
  encodeStream,
  decodeError,
  relayRequest,
  relayAnswer,
  relayStream,
  encodeError,
};
