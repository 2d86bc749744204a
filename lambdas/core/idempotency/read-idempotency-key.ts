import { type Refusal, refuse } from '../failures.ts';

const MAX_LENGTH = 255;
const KEY = new RegExp(`^[\\x21-\\x7e]{1,${MAX_LENGTH}}$`);

export type ReadIdempotencyKey = { ok: true; key: string | undefined } | { ok: false; refusal: Refusal };

/** The header `idempotency-key` (draft-ietf-httpapi-idempotency-key-header), which the client makes up; undefined where there is none. */
export const readIdempotencyKey = (headers: Headers): ReadIdempotencyKey => {
  const header = headers.get('idempotency-key');
  if (header === null) return { ok: true, key: undefined };
  const key = header.trim();
  if (KEY.test(key)) return { ok: true, key };
  return {
    ok: false,
    refusal: refuse(
      'invalid_request',
      `idempotency-key: expected 1 to ${MAX_LENGTH} visible ASCII characters without spaces, such as a UUID, got ${key.length} characters.`,
      { param: 'idempotency-key', shouldRetry: false },
    ),
  };
};
