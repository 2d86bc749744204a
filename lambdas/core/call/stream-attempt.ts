import type { JsonValue, ProviderError } from '../conversation.ts';
import { isJsonObject } from '../decode/read-body.ts';
import type { Dialect, WireEvent } from '../dialect.ts';
import type { AttemptFailure } from '../failures.ts';
import type { Clock } from '../ports.ts';
import type { Provider } from '../provider.ts';
import { attemptFailure } from './attempt-failure.ts';
import { LINGER_MS } from './call-policy.ts';
import type { Watch } from './deadlines.ts';
import { parseJson } from './no-answer.ts';
import type { Tally } from './tally.ts';
import type { StreamTranslator } from './translate-stream.ts';
import type { EventStream } from './upstream.ts';
import { failureOfStreamError } from './upstream-failure.ts';

/** What one event of the vendor's came to. */
export type StreamStep =
  /** `isEmpty`: nothing came but pieces without content. */
  | { kind: 'text'; text: string; isEmpty?: true }
  /** The vendor's end mark, or its close after a stop: nothing follows. */
  | { kind: 'complete'; text: string }
  | { kind: 'failed'; failure: AttemptFailure };

export interface StreamReader {
  /** Reads one event. Never rejects. */
  next(): Promise<StreamStep>;
  /** After `complete`: reads on until the vendor closes, so that the connection can be used again, but not for long. */
  linger(): void;
}

/** Characters that go on together at most: a client that reads slowly holds back the vendor, not this process's memory. */
const MOST_TEXT = 16_384;

/** Reads a vendor's stream one event at a time, only when asked: the client's pace is the vendor's pace. */
export const readStream = ({
  events,
  translator,
  tally,
  watch,
  mapError,
  decodeError,
  clock,
  failureOf,
}: {
  events: EventStream;
  translator: StreamTranslator;
  tally: Tally;
  watch: Watch;
  mapError: Provider['mapError'];
  decodeError: Dialect['decodeError'];
  clock: Clock;
  /** What something thrown on the way means. */
  failureOf: (error: unknown) => AttemptFailure;
}): StreamReader => {
  const iterator = events[Symbol.asyncIterator]();
  let isClosed = false;
  /** What broke the stream behind text that has to go first. */
  let later: StreamStep | undefined;

  const read = (event: WireEvent): StreamStep => {
    const hadBegun = tally.usage !== undefined || tally.hasContent;
    const told = errorEvent(event, decodeError);
    if (told !== undefined) return failed(failureOfStreamError(told, mapError, hadBegun));
    const { text, events } = translator.push(event);
    // Events that have a name say something by it, a ping that the model is at work.
    let isEmpty = event.type === '' || events.length > 0;
    for (const event of events) {
      if (event.type === 'error') {
        const { usage } = event.error;
        if (usage !== undefined) tally.see({ type: 'usage', usage });
        return failed(failureOfStreamError(event.error, mapError, hadBegun));
      }
      if (tally.see(event) || !event.type.endsWith('-delta')) isEmpty = false;
    }
    return tally.hasEnded ? finish(text) : { kind: 'text', text, ...(isEmpty && { isEmpty }) };
  };

  /** The vendor has said all that it will; it may itself call that a failure. */
  const finish = (text: string): StreamStep => {
    const error = tally.stop?.error;
    if (error === undefined) return { kind: 'complete', text };
    return failed(failureOfStreamError(error, mapError, tally.usage !== undefined || tally.hasContent));
  };

  /** Other successes than 200 promise no answer; what has come all the same is another matter. */
  const mayHaveBegun = (): boolean => (tally.status ?? 200) === 200 || tally.usage !== undefined || tally.hasContent;

  const readStep = async (): Promise<StreamStep> => {
    const item = await watch.guard(() => iterator.next());
    if (item.done === true) {
      isClosed = true;
      const { text, events } = translator.end();
      for (const event of events) tally.see(event);
      if (tally.stop !== undefined) return finish(text);
      return failed(
        attemptFailure('cut_off', { message: 'the stream ended before the answer did', mayBeBilled: mayHaveBegun() }),
      );
    }
    let taken = read(item.value);
    while (taken.kind === 'text' && taken.text.length < MOST_TEXT) {
      const event = events.arrived?.();
      if (event === undefined) break;
      const more = read(event);
      if (more.kind === 'failed') later = more;
      else if (more.kind === 'complete') taken = { kind: 'complete', text: taken.text + more.text };
      else taken = { ...(taken.isEmpty ? more : { kind: 'text' }), text: taken.text + more.text };
      if (later !== undefined) break;
    }
    return taken;
  };

  return {
    async next() {
      try {
        if (later === undefined) return await readStep();
        const step = later;
        later = undefined;
        return step;
      } catch (error) {
        return failed(failureOf(error));
      }
    },
    linger() {
      if (isClosed) return;
      const clear = clock.after(LINGER_MS, () => watch.close());
      void readToEnd(iterator).finally(clear);
    },
  };
};

/** Inside a stream the status was a success long ago. */
const STATUS = 200;

/**
 * What servers put into an event that they name `error`: plain words, or an object in no dialect's shape of an error. The rest is
 * the decoder's to read.
 */
const errorEvent = ({ type, data }: WireEvent, decodeError: Dialect['decodeError']): ProviderError | undefined => {
  if (type !== 'error' || typeof data !== 'string') return undefined;
  const body = parseJson(data);
  if (body !== undefined && isJsonObject(body) && (body['error'] !== undefined || isNamed(body['type'])))
    return undefined;
  const error = decodeError(STATUS, {}, data);
  return error.status === STATUS ? { ...error, status: 502 } : error;
};

/** The dialects that name an event in its data too. */
const isNamed = (type: JsonValue | undefined): boolean =>
  typeof type === 'string' && (type === 'error' || type.startsWith('response.'));

const failed = (failure: AttemptFailure): StreamStep => ({ kind: 'failed', failure });

/** The answer is complete and delivered: whatever breaks after it concerns nobody. */
const readToEnd = async (iterator: AsyncIterator<WireEvent>): Promise<void> => {
  try {
    while ((await iterator.next()).done !== true);
  } catch {
    // See above.
  }
};

/**
 * Reads until there is something that a client would see; until then nothing has reached it and another target may still
 * answer. An answer that completes without content is a valid, empty one.
 *
 * @param holdsRefusals whether a refusal's own words are kept back until it is known that they are not all that comes
 */
export const readUntilContent = async (
  reader: StreamReader,
  tally: Tally,
  holdsRefusals: () => boolean = () => false,
): Promise<StreamStep> => {
  let text = '';
  for (;;) {
    const step = await reader.next();
    if (step.kind === 'failed') return step;
    text += step.text;
    const isSeen = tally.hasMoreThanRefusal || (tally.hasContent && !holdsRefusals());
    if (step.kind === 'complete' || isSeen) return { kind: step.kind, text };
  }
};
