import { UpstreamError } from '../../core/call/upstream.ts';

/** A frame's length leads it: 4 bytes, big endian, the whole frame included. */
const LENGTH_BYTES = 4;
/** Prelude 12 bytes, message checksum 4. */
const SMALLEST_FRAME = 16;

/**
 * Passes the bytes of an AWS event stream on as they come, and stops at a frame that claims to be larger than allowed, or
 * smaller than a frame can be. The SDK's reader believes the length and allocates it at once: up to 4 GB for four bad bytes.
 *
 * @throws {UpstreamError} too-large, malformed; `reset` where the stream ends within a frame
 */
export async function* boundFrames(
  source: AsyncIterable<Uint8Array>,
  maxFrameBytes: number,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  /** Bytes of the frame's length that have come, and what they say so far. */
  let lengthRead = 0;
  let length = 0;
  /** Bytes of the frame still to come, its length already off. */
  let remaining = 0;
  for await (const chunk of source) {
    let offset = 0;
    while (offset < chunk.length) {
      if (lengthRead === LENGTH_BYTES) {
        const step = Math.min(remaining, chunk.length - offset);
        offset += step;
        remaining -= step;
        if (remaining === 0) lengthRead = 0;
        continue;
      }
      length = (lengthRead === 0 ? 0 : length * 256) + (chunk[offset] ?? 0);
      lengthRead += 1;
      offset += 1;
      if (lengthRead < LENGTH_BYTES) continue;
      if (length > maxFrameBytes)
        throw new UpstreamError('too-large', `One event is larger than ${maxFrameBytes} bytes`);
      if (length < SMALLEST_FRAME) throw new UpstreamError('malformed', 'The event stream holds an impossible frame');
      remaining = length - LENGTH_BYTES;
    }
    yield chunk;
  }
  if (lengthRead > 0) throw new UpstreamError('reset', 'The event stream ended within an event');
}
