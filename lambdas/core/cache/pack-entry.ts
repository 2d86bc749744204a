import { gunzip, gunzipSync, gzip, gzipSync } from 'node:zlib';
import type { CachedAnswer } from './cache-stores.ts';

/** Grows whenever `CachedAnswer` or `Answer` changes so that one side would misread the other; another's entries are not read. */
export const ENTRY_VERSION = 1;

/** In a thread of its own. */
const compress = (text: Uint8Array): Promise<Uint8Array> =>
  new Promise((resolve, reject) => gzip(text, (error, packed) => (error ? reject(error) : resolve(packed))));
const decompress = (packed: Uint8Array, limit: { maxOutputLength: number }): Promise<Uint8Array> =>
  new Promise((resolve, reject) => gunzip(packed, limit, (error, text) => (error ? reject(error) : resolve(text))));

/** The first byte: how the rest is written. */
const PLAIN = 1;
const GZIP = 2;
/** JSON, bytes. An answer of 100,000 tokens has half a megabyte; nothing longer is written, nor read back. */
const MOST_BYTES = 8 * 1024 * 1024;
/** Up to here a thread takes longer to begin than the work takes. */
const SMALL_BYTES = 32 * 1024;

/** As bytes, smaller where compression helps; undefined where it is too long. gzip, whose checksum tells what is torn. */
export const packEntry = async (entry: CachedAnswer): Promise<Uint8Array | undefined> => {
  const text = Buffer.from(JSON.stringify(entry));
  if (text.length > MOST_BYTES) return undefined;
  const packed = text.length <= SMALL_BYTES ? gzipSync(text) : await compress(text);
  return packed.length < text.length
    ? Buffer.concat([Buffer.of(GZIP), packed])
    : Buffer.concat([Buffer.of(PLAIN), text]);
};

/** Undefined where it can't be read: written in another way, torn, longer than any that was written here, or another's. */
export const unpackEntry = async (body: Uint8Array, tenant: string, key: string): Promise<CachedAnswer | undefined> => {
  const text = await unpack(body);
  const entry = text && readEntry(text);
  return entry?.tenant === tenant && entry.key === key ? entry : undefined;
};

const unpack = async (body: Uint8Array): Promise<Uint8Array | undefined> => {
  const rest = body.subarray(1);
  if (body[0] === PLAIN) return rest;
  if (body[0] !== GZIP) return undefined;
  const limit = { maxOutputLength: MOST_BYTES };
  try {
    return rest.length <= SMALL_BYTES / 4 ? gunzipSync(rest, limit) : await decompress(rest, limit);
  } catch {
    // No gzip, a torn one, or one that swells: whoever reads an entry is told that it can't be read.
    return undefined;
  }
};

const readEntry = (text: Uint8Array): CachedAnswer | undefined => {
  let value: Partial<CachedAnswer> | null;
  try {
    value = JSON.parse(Buffer.from(text).toString('utf8')) as Partial<CachedAnswer> | null;
  } catch {
    return undefined;
  }
  const answer = value?.answer;
  return Array.isArray(answer?.parts) && typeof answer.stop?.reason === 'string' ? (value as CachedAnswer) : undefined;
};
