import type { Readable } from 'node:stream';
import type { UpstreamReply } from '../../core/call/upstream.ts';
import { readEvents } from './read-events.ts';
import { readText } from './read-text.ts';

/** The head and the unread body of an answer as the port's reply, a redirect's included: it is not followed. */
export const toReply = (
  status: number,
  headers: Record<string, string | string[] | undefined>,
  body: Readable,
  signal: AbortSignal,
): UpstreamReply => {
  // A body that is destroyed emits its error also when nobody reads any more; whoever reads gets it from the reading.
  body.on('error', ignore);
  const flat = flatten(headers);
  return {
    status,
    headers: flat,
    text: () => readText(body, flat, signal),
    events: () => readEvents(body, flat, signal),
  };
};

/** Lower-case already; a header that came more than once is joined. */
const flatten = (headers: Record<string, string | string[] | undefined>): Record<string, string> => {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
};

const ignore = (): void => {};
