import type { Surface } from '../../core/dialect.ts';
import { encodeError } from '../openai-chat/encode-error.ts';
import { decodeAnswer } from './decode-answer.ts';
import { decodeRequest } from './decode-request.ts';
import { decodeStream } from './decode-stream.ts';
import { encodeAnswer } from './encode-answer.ts';
import { encodeRequest } from './encode-request.ts';
import { encodeStream } from './encode-stream.ts';
import { decodeError } from './errors.ts';
import { relayAnswer, relayRequest, relayStream } from './relay.ts';

/** OpenAI's Responses, as spoken by OpenAI and Azure, and by some other vendors and servers. Errors are those of Chat Completions. */
export const openaiResponses: Surface = {
  name: 'openai-responses',
  cannotCarry: new Set([
    'choices',
    'seed',
    'presence-penalty',
    'frequency-penalty',
    'top-k',
    'stop-sequences',
    'many-stop-sequences',
    'reasoning-budget',
    'is-error',
    'document-text',
    'document-context',
    'cite',
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
