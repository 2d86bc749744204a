import type { Stop } from '../conversation.ts';
import type { AttemptFailure } from '../failures.ts';
import type { Outcome } from '../receipt.ts';
import type { AttemptRecord } from './call.ts';
import type { StopCause, Watch } from './deadlines.ts';
import type { StreamReader, StreamStep } from './stream-attempt.ts';
import type { Tally } from './tally.ts';
import { failureOfStop } from './upstream-failure.ts';

export interface CommittedStream {
  chunks: AsyncIterable<string>;
  /** Resolves once, whatever happens to the vendor or the reader. */
  ended: Promise<CommittedEnd>;
}

export interface CommittedEnd {
  outcome: Outcome;
  stop?: Stop;
  record: AttemptRecord;
}

/**
 * A stream whose first content has come. It is pulled: no reader, no reading. It ends in one of three ways, and exactly
 * once: complete; broken, with the surface's error event as the last chunk; or left by its reader, which stops the vendor.
 */
export const openCommittedStream = ({
  first,
  reader,
  tally,
  watch,
  idleMs,
  errorText,
}: {
  first: Exclude<StreamStep, { kind: 'failed' }>;
  reader: StreamReader;
  tally: Tally;
  watch: Watch;
  idleMs: number;
  /** The surface's error event. */
  errorText: (failure: AttemptFailure) => string;
}): CommittedStream => {
  const { promise: ended, resolve } = Promise.withResolvers<CommittedEnd>();
  let ready = '';
  let isFinished = false;
  let isLeft = false;
  let bug: { error: unknown } | undefined;

  const finish = (outcome: Outcome, failure?: AttemptFailure): void => {
    isFinished = true;
    const { stop } = tally;
    resolve({ outcome, ...(stop !== undefined && { stop }), record: tally.record(failure) });
  };

  const complete = (): void => {
    watch.release();
    reader.linger();
    finish('answered');
  };

  const breakOff = (outcome: Outcome, failure: AttemptFailure): void => {
    watch.close();
    finish(outcome, failure);
    try {
      ready += errorText(failure);
    } catch (error) {
      // This may run in a timer, where it would end the process; the reader gets it instead, and the client is cut off.
      bug = { error };
    }
  };

  const take = (step: StreamStep): void => {
    // A stop has come first and said how it ended.
    if (isFinished) return;
    if (step.kind === 'failed') {
      breakOff('cut', step.failure);
      return;
    }
    ready += step.text;
    if (step.kind === 'complete') complete();
  };

  const pull = async (): Promise<IteratorResult<string, undefined>> => {
    while (ready === '' && !isFinished) {
      const clear = watch.stopAfter(idleMs, { by: 'idle', afterMs: idleMs });
      const step = await reader.next();
      clear();
      take(step);
    }
    if (bug !== undefined) throw bug.error;
    if (ready === '' || isLeft) return { done: true, value: undefined };
    const value = ready;
    ready = '';
    return { done: false, value };
  };

  take(first);
  // Also when nobody reads: the deadline and the client's hang-up end the stream by themselves.
  if (!isFinished) watch.onStop((cause) => breakOff(outcomeOfStop(cause), failureOfStop(cause, true)));

  let last: Promise<unknown> = Promise.resolve();
  const iterator: AsyncIterator<string, undefined> = {
    next() {
      const result = last.then(pull);
      last = result;
      return result;
    },
    // Not queued behind a pending `next`: a reader that leaves is heard at once.
    async return() {
      isLeft = true;
      if (!isFinished) watch.stop({ by: 'caller', outcome: 'client-gone' });
      return { done: true, value: undefined };
    },
  };
  return { chunks: { [Symbol.asyncIterator]: () => iterator }, ended };
};

const outcomeOfStop = (cause: StopCause): Outcome => {
  if (cause.by === 'caller') return cause.outcome;
  return cause.by === 'deadline' ? 'deadline' : 'cut';
};
