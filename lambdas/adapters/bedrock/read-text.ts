import type { Readable } from 'node:stream';
import { UpstreamError } from '../../core/call/upstream.ts';
import { toUpstreamError } from './to-upstream-error.ts';

/** Reads a body whole, never holding more than the bound. @throws {UpstreamError} */
export const readText = async (body: Readable, signal: AbortSignal, maxBytes: number): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new UpstreamError('too-large', `The reply is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    body.destroy();
    throw toUpstreamError(error, signal);
  }
  return Buffer.concat(chunks, bytes).toString('utf8');
};
