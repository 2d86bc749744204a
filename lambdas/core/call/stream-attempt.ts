import type { WireEvent } from '../dialect.ts';
import type { AttemptFailure } from '../failures.ts';
import type { Clock, EventStream } from '../ports.ts';
import type { Provider } from '../provider.ts';
import { attemptFailure } from './attempt-failure.ts';
import { LINGER_MS } from './call-policy.ts';
import type { Watch } from './deadlines.ts';
import type { Tally } from './tally.ts';
import type { StreamTranslator } from './translate-stream.ts';
import { failureOfStreamError } from './upstream-failure.ts';

/** What one event of the vendor's came to. */
export type StreamStep =
  | { kind: 'text'; text: string }
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
  clock,
  failureOf,
}: {
  events: EventStream;
  translator: StreamTranslator;
  tally: Tally;
  watch: Watch;
  mapError: Provider['mapError'];
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
    const { text, events } = translator.push(event);
    for (const event of events) {
      if (event.type === 'error') return failed(failureOfStreamError(event.error, mapError, hadBegun));
      tally.see(event);
    }
    return { kind: tally.hasEnded ? 'complete' : 'text', text };
  };

  const readStep = async (): Promise<StreamStep> => {
    const item = await watch.guard(() => iterator.next());
    if (item.done === true) {
      isClosed = true;
      if (tally.stop !== undefined) return { kind: 'complete', text: translator.end() };
      return failed(
        attemptFailure('cut_off', { message: 'the stream ended before the answer did', mayBeBilled: true }),
      );
    }
    let taken = read(item.value);
    while (taken.kind === 'text' && taken.text.length < MOST_TEXT) {
      const event = events.arrived?.();
      if (event === undefined) break;
      const more = read(event);
      if (more.kind === 'failed') later = more;
      else taken = { kind: more.kind, text: taken.text + more.text };
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
