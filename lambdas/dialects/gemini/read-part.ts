import type { JsonObject } from '../../core/conversation.ts';
import { digestOf } from '../../core/digest.ts';
import { isDeeperThan, MAX_DEPTH } from '../../core/read-json.ts';
import { objectOf, textOf } from './wire.ts';

/** What one part of a candidate's content says. */
export type Piece =
  | { kind: 'text' | 'reasoning'; text: string; signature: string | undefined }
  | { kind: 'call'; id: string | undefined; name: string; arguments: string; signature: string | undefined };

/**
 * Reads a part of an answer. Parts that have no canonical form (images, and what Google's own tools ran and found) are
 * left out; `unsaidOf` names them.
 *
 * @returns undefined for those, and for parts that say nothing
 */
export const readPiece = (part: JsonObject): Piece | undefined => {
  const signature = textOf(part['thoughtSignature']) || undefined;
  const call = objectOf(part['functionCall']);
  if (call !== undefined)
    return {
      kind: 'call',
      id: textOf(call['id']) || undefined,
      name: textOf(call['name']) ?? '',
      arguments: writeArguments(call),
      signature,
    };
  const text = textOf(part['text']);
  if (text === undefined && (signature === undefined || Object.keys(part).length > 1)) return undefined;
  if ((text ?? '') === '' && signature === undefined) return undefined;
  return { kind: part['thought'] === true ? 'reasoning' : 'text', text: text ?? '', signature };
};

const SAID = new Set([
  'text',
  'thought',
  'thoughtSignature',
  'functionCall',
  'partMetadata',
  'mediaResolution',
  'videoMetadata',
]);

/** What a part holds that has no canonical form, by Google's names: an image, code that Google ran, and what it gave. */
export const unsaidOf = (part: JsonObject): string[] =>
  Object.keys(part)
    .filter((name) => !SAID.has(name))
    .map((name) => {
      const mediaType = textOf(objectOf(part[name])?.['mimeType']);
      return `${name}${mediaType === undefined ? '' : ` (${mediaType})`}`.slice(0, 100);
    });

/** Functions without arguments are called without `args`. */
export const writeArguments = (call: JsonObject): string => {
  const args = objectOf(call['args']);
  return args === undefined || isDeeperThan(args, MAX_DEPTH) ? '{}' : JSON.stringify(args);
};

/**
 * An id for a call that came without: the same for the same answer, another for another, since clients pair by it.
 *
 * @param ordinal of the call among the answer's, from 0
 */
export const makeCallId = (
  answerId: string,
  ordinal: number,
  { name, arguments: args }: Piece & { kind: 'call' },
): string => `call_${digestOf(JSON.stringify([answerId, ordinal, name, args]), 24)}`;
