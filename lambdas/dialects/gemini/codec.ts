import type { Dialect } from '../../core/dialect.ts';
import { decodeAnswer } from './decode-answer.ts';
import { decodeRequest } from './decode-request.ts';
import { decodeStream } from './decode-stream.ts';
import { encodeAnswer } from './encode-answer.ts';
import { encodeRequest } from './encode-request.ts';
import { encodeStream } from './encode-stream.ts';
import { decodeError } from './errors.ts';

/**
 * Google's generateContent and streamGenerateContent (`alt=sse`); the model is in the path, not in the body.
 *
 * Several answers to one prompt are not carried: models from generation 3 on refuse to give them, and no model streams them.
 */
export const gemini: Dialect = {
  name: 'gemini',
  cannotCarry: new Set([
    'choices',
    'user',
    'one-tool-at-a-time',
    'invalid-arguments',
    'image-detail',
    'document-text',
    'document-name',
    'document-context',
    'cite',
    'late-system',
    'many-systems',
    'refusal',
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
};
