import type { Readable } from 'node:stream';
import { createParser } from 'eventsource-parser';
import { MAX_EVENT_DATA_BYTES } from '../../contract/bounds.ts';
import { type EventStream, UpstreamError } from '../../core/call/upstream.ts';
import type { WireEvent } from '../../core/dialect.ts';
import { toUpstreamError } from './to-upstream-error.ts';

/**
 * A body as server-sent events, each as soon as its blank line has come, and no faster than they are asked for: what the
 * reader leaves, the connection holds back. Returning early closes the connection, also while an event is awaited.
 */
export const readEvents = (
  body: Readable,
  headers: Record<string, string>,
  signal: AbortSignal,
  maxDataLength = MAX_EVENT_DATA_BYTES,
): AsyncIterableIterator<WireEvent, undefined> & EventStream => {
  const queue: WireEvent[] = [];
  const events = parse(body, headers, signal, maxDataLength, queue);
  return {
    next: () => events.next(),
    arrived: () => queue.shift(),
    // A generator's own return waits for the event under way, which may never come.
    return: () => {
      body.destroy();
      return events.return(undefined);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};

async function* parse(
  body: Readable,
  headers: Record<string, string>,
  signal: AbortSignal,
  maxDataLength: number,
  /** Events that have come; whoever takes one here takes it from the generator. */
  queue: WireEvent[],
): AsyncGenerator<WireEvent, undefined, undefined> {
  let overflow = false;
  const parser = createParser({
    maxBufferSize: maxDataLength,
    onEvent: ({ event = '', data }) => queue.push({ type: event, data }),
    onError: ({ type }) => {
      overflow ||= type === 'max-buffer-size-exceeded';
    },
  });
  const decoder = new TextDecoder();
  let last = '';
  try {
    refuseOtherTypes(headers);
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const text = decoder.decode(chunk, { stream: true });
      last = text.at(-1) ?? last;
      parser.feed(text);
      for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event;
      if (overflow) throw new UpstreamError('too-large', `One event is larger than ${maxDataLength} bytes`);
    }
    // A last event that lacks only its blank line is whole; one that breaks off within a line is not.
    if (last === '\n' || last === '\r') parser.feed('\n\n');
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event;
  } catch (error) {
    throw toUpstreamError(error, signal, true);
  } finally {
    body.destroy();
  }
}

/** Servers name event streams by many types, but JSON and HTML are none, and compressed bytes can't be read as they come. */
const refuseOtherTypes = (headers: Record<string, string>): void => {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = headers;
  if (/json|html/i.test(type)) throw new UpstreamError('malformed', `Expected an event stream, got ${type}`);
  if (!/^\s*(identity)?\s*$/i.test(encoding))
    throw new UpstreamError('malformed', `Expected a plain event stream, got one encoded as ${encoding}`);
};
