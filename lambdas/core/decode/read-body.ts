import { EVENT_OVERHEAD_BYTES, MAX_EVENT_BYTES } from '../../contract/bounds.ts';
import type { JsonObject, JsonValue } from '../conversation.ts';
import { type Refusal, refuse } from '../failures.ts';
import { isDeeperThan, MAX_DEPTH } from '../read-json.ts';

export type ReadBody = { ok: true; body: JsonValue } | { ok: false; refusal: Refusal };

/** Bytes of JSON-escaped body that the front door takes; the local server has the same bound as the deployed one. */
const MAX_BODY_BYTES = MAX_EVENT_BYTES - EVENT_OVERHEAD_BYTES;

/** Reads a request's body as JSON: bounded while it comes in, UTF-8 or refused. */
export const readBody = async (request: Request): Promise<ReadBody> => {
  const declared = Number(request.headers.get('content-length') ?? '0');
  if (declared > MAX_BODY_BYTES) return tooLarge(declared);
  let bytes: Uint8Array | undefined;
  try {
    // A declared length is one that the server holds the body to: it can be taken whole, without a stream around it.
    bytes = declared > 0 ? new Uint8Array(await request.arrayBuffer()) : await collect(request.body);
  } catch {
    // Only its sender can break a body off.
    return malformed('The body broke off before its end.');
  }
  if (bytes === undefined) return tooLarge(MAX_BODY_BYTES + 1);
  const escaped = escapedLength(bytes);
  if (escaped > MAX_BODY_BYTES) return tooLarge(escaped);
  if (bytes.length === 0) return malformed('The body is empty: expected a JSON object.');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return malformed('The body is not valid UTF-8: JSON must be sent as UTF-8.');
  }
  let body: JsonValue;
  try {
    body = JSON.parse(text) as JsonValue;
  } catch (error) {
    return malformed(`The body is not valid JSON: ${parserWords(error)}.`);
  }
  // Here for all surfaces: whatever walks or writes the body afterwards may use the stack.
  if (isDeeperThan(body, MAX_DEPTH)) return malformed(`The body is nested deeper than ${MAX_DEPTH} levels.`);
  return { ok: true, body };
};

export const isJsonObject = (value: JsonValue): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @returns undefined when the body passes the bound; what follows is left unread. */
const collect = async (body: ReadableStream<Uint8Array> | null): Promise<Uint8Array | undefined> => {
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length);
};

/** Bytes of the body once it stands as a string inside Lambda's event; bodies far from the bound are not counted. */
const escapedLength = (bytes: Uint8Array): number => {
  if (bytes.length * 6 <= MAX_BODY_BYTES) return bytes.length;
  let length = 0;
  for (const byte of bytes) length += ESCAPED[byte] ?? 1;
  return length;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SHORT_ESCAPES = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d, QUOTE, BACKSLASH]);
const ESCAPED = Uint8Array.from({ length: 256 }, (_, byte) => (SHORT_ESCAPES.has(byte) ? 2 : byte < 0x20 ? 6 : 1));

/** V8 quotes the text around the fault; a prompt must not travel into an error, so only the position is kept. */
const parserWords = (error: unknown): string => {
  const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  return position === undefined
    ? 'it ends too early or holds a stray character'
    : `unexpected character at position ${position}`;
};

const malformed = (message: string): ReadBody => ({
  ok: false,
  refusal: refuse('invalid_request', message, { shouldRetry: false }),
});

const tooLarge = (bytes: number): ReadBody => ({
  ok: false,
  refusal: refuse(
    'request_too_large',
    `The body has ${bytes > MAX_BODY_BYTES + 1 ? bytes : `more than ${MAX_BODY_BYTES}`} bytes (JSON escaping included), at most ${MAX_BODY_BYTES} are allowed. Send images by URL or shorten the conversation.`,
    { shouldRetry: false },
  ),
});
