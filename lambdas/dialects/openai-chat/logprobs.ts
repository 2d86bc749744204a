import type { JsonObject, JsonValue, TokenLogprob } from '../../core/conversation.ts';
import { objectOf, objectsOf } from './wire.ts';

/** Reads a choice's `logprobs`; undefined where there are none. */
export const decodeLogprobs = (value: JsonValue | undefined): TokenLogprob[] | undefined => {
  const tokens = objectsOf(objectOf(value)?.['content']).map(
    (item): TokenLogprob => ({ ...readToken(item), top: objectsOf(item['top_logprobs']).map(readToken) }),
  );
  return tokens.length === 0 ? undefined : tokens;
};

/** Below what any model tells: OpenAI's own number for "as good as impossible". */
const IMPOSSIBLE = -9999;

const readToken = ({ token, logprob, bytes }: JsonObject): Omit<TokenLogprob, 'top'> => ({
  token: typeof token === 'string' ? token : '',
  ...(Array.isArray(bytes) && { bytes: bytes.filter((byte) => typeof byte === 'number') }),
  logprob: typeof logprob === 'number' ? logprob : IMPOSSIBLE,
});

export const encodeLogprobs = (tokens: readonly TokenLogprob[]): JsonObject => ({
  content: tokens.map(({ top, ...chosen }) => ({ ...writeToken(chosen), top_logprobs: top.map(writeToken) })),
  refusal: null,
});

const writeToken = ({ token, logprob, bytes }: Omit<TokenLogprob, 'top'>): JsonObject => ({
  token,
  logprob,
  bytes: bytes ?? null,
});
