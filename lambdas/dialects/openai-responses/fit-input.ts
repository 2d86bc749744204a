import type { JsonValue } from '../../core/conversation.ts';
import type { EncodeTarget } from '../../core/dialect.ts';
import { digestOf } from '../../core/digest.ts';
import { objectOf } from '../openai-chat/wire.ts';
import { isSealedHere } from './seals.ts';

/** OpenAI refuses longer ids of calls; other vendors make them, and a conversation may move between them. */
const LONGEST_CALL_ID = 64;

export const fitCallId = (id: string): string => (id.length <= LONGEST_CALL_ID ? id : `call_${digestOf(id, 24)}`);

/** Ids that answers of other vendors got here: the provider knows none of them (encode-answer.ts). */
const MADE_HERE = /^(msg|fc|rs)_req_[0-9a-z]+_\d+_[0-9A-Za-z]+_\d+$/;

/**
 * A client's own items as OpenAI takes them: without what another vendor thought, which is named, and with ids of calls that
 * are short enough. Each becomes the same every time, so that a prompt cache holds; items that have nothing to
 * change are returned as they are.
 */
export const fitInput = (
  input: JsonValue,
  target: Pick<EncodeTarget, 'thoughtsIn'> = {},
  dropped: Set<string> = new Set(),
): JsonValue => {
  if (!Array.isArray(input)) return input;
  const fitted = input.flatMap((item) => {
    if (!isForeignThought(item, target)) return fitItem(item);
    dropped.add('reasoning parts');
    return [];
  });
  return fitted.length !== input.length || fitted.some((item, index) => item !== input[index]) ? fitted : input;
};

/**
 * Whether a reasoning item means nothing to the provider: sealed here, or with neither its proof nor an id by which it finds its
 * own. Servers of other makers may read thoughts that are plain text.
 */
const isForeignThought = (value: JsonValue, { thoughtsIn }: Pick<EncodeTarget, 'thoughtsIn'>): boolean => {
  const item = objectOf(value);
  if (item?.['type'] !== 'reasoning') return false;
  const { id, encrypted_content: encrypted } = item;
  if (isSealedHere(encrypted)) return true;
  const hasProof = typeof encrypted === 'string' && encrypted !== '';
  const isKnownThere = typeof id === 'string' && id !== '' && !MADE_HERE.test(id);
  return thoughtsIn === 'none' && !hasProof && !isKnownThere;
};

const fitItem = (value: JsonValue): JsonValue[] => {
  const item = objectOf(value);
  if (item === undefined) return [value];
  const { id, call_id: callId, content, extra_content: extra, ...rest } = item;
  const isOurs = typeof id === 'string' && MADE_HERE.test(id);
  const isLong = typeof callId === 'string' && fitCallId(callId) !== callId;
  const parts = Array.isArray(content) ? content.map(withoutExtra) : undefined;
  const isSame = parts === undefined || parts.every((part, at) => part === (content as JsonValue[])[at]);
  if (!isOurs && !isLong && extra === undefined && isSame) return [value];
  return [
    {
      ...rest,
      ...(id !== undefined && !isOurs && { id }),
      ...(callId !== undefined && { call_id: isLong ? fitCallId(callId) : callId }),
      ...(content !== undefined && { content: parts ?? content }),
    },
  ];
};

/** Signatures of other vendors stand beside the fields that OpenAI knows, and it refuses what it does not. */
const withoutExtra = (value: JsonValue): JsonValue => {
  const object = objectOf(value);
  if (object === undefined || object['extra_content'] === undefined) return value;
  const { extra_content: _, ...rest } = object;
  return rest;
};
