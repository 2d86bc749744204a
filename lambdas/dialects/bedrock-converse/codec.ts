import type { Dialect } from '../../core/dialect.ts';
import { decodeAnswer } from './decode-answer.ts';
import { decodeRequest } from './decode-request.ts';
import { decodeStream } from './decode-stream.ts';
import { encodeAnswer } from './encode-answer.ts';
import { encodeRequest } from './encode-request.ts';
import { encodeStream } from './encode-stream.ts';
import { decodeError } from './errors.ts';

/** Amazon Bedrock's Converse and ConverseStream in their JSON form: blobs are base64 strings, the model is not in the body. */
export const bedrockConverse: Dialect = {
  name: 'bedrock-converse',
  cannotCarry: new Set([
    'choices',
    'seed',
    'logprobs',
    'presence-penalty',
    'frequency-penalty',
    'user',
    'hot-temperature',
    'json-format',
    'tool-without-parameters',
    'tool-choice-none',
    'invalid-arguments',
    'empty-tool-result',
    'image-url',
    'image-detail',
    'document-url',
    'document-text',
    'late-system',
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
};
