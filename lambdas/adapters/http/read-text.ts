import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { MAX_REPLY_BYTES } from '../../contract/bounds.ts';
import { UpstreamError } from '../../core/call/upstream.ts';
import { toUpstreamError } from './to-upstream-error.ts';

/** Some proxies compress whatever one asks for, error pages above all. */
const DECODERS: Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** Reads a body whole, never holding more than the bound. Bytes that are no UTF-8 become U+FFFD; a BOM is dropped. */
export const readText = async (
  body: Readable,
  headers: Record<string, string>,
  signal: AbortSignal,
  maxBytes = MAX_REPLY_BYTES,
): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    body.destroy();
    throw toUpstreamError(error, signal, true);
  }
  const whole = await decompress(Buffer.concat(chunks, bytes), headers['content-encoding'], maxBytes);
  return new TextDecoder().decode(whole);
};

const decompress = async (bytes: Buffer, encoding: string | undefined, maxBytes: number): Promise<Buffer> => {
  const name = encoding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || name === '' || bytes.length === 0) return bytes;
  const decode = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
  if (decode === undefined) throw new UpstreamError('malformed', `The reply is encoded as ${JSON.stringify(encoding)}`);
  try {
    return await decode(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new UpstreamError('malformed', `The reply says it is ${name} and is not`, { cause: error });
  }
};

const tooLarge = (maxBytes: number): UpstreamError =>
  new UpstreamError('too-large', `The reply is larger than ${maxBytes} bytes`);
