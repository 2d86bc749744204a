import type { Surface } from '../../core/dialect.ts';
import { decodeAnswer } from './decode-answer.ts';
import { decodeRequest } from './decode-request.ts';
import { decodeStream } from './decode-stream.ts';
import { encodeAnswer } from './encode-answer.ts';
import { encodeRequest } from './encode-request.ts';
import { encodeStream } from './encode-stream.ts';
import { decodeError, encodeError } from './errors.ts';
import { relayAnswer, relayRequest, relayStream } from './relay.ts';

/** Anthropic's Messages API (anthropic-version 2023-06-01), as clients and as Anthropic speak it. */
export const anthropicMessages: Surface = {
  name: 'anthropic-messages',
  cannotCarry: new Set([
    'choices',
    'seed',
    'logprobs',
    'presence-penalty',
    'frequency-penalty',
    'hot-temperature',
    'json-format',
    'tool-without-parameters',
    'invalid-arguments',
    'image-detail',
    'many-systems',
    'refusal',
    'reasoning',
  ]),
  decodeRequest,
  encodeRequest,
  decodeAnswer,
  encodeAnswer,
  decodeStream,
  encodeStream,
  decodeError,
  encodeError,
  relayRequest,
  relayAnswer,
  relayStream,
};
