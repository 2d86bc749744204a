import type { Stop } from '../conversation.ts';
import type { AttemptFailure } from '../failures.ts';
import type { Clock } from '../ports.ts';
import type { Outcome } from '../receipt.ts';
import type { Timeouts } from '../target.ts';
import { attemptFailure } from './attempt-failure.ts';
import type { AttemptRecord } from './call.ts';
import { DRAIN_MS, DRAIN_TOKENS, PACE_WINDOW_MS } from './call-policy.ts';
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
  /** What came that could not be said to the client. */
  unsaid: readonly string[];
}

/**
 * A stream whose first content has come. It is pulled: no reader, no reading. It ends in one of three ways, and exactly
 * once: complete; broken, with the surface's error event as the last chunk; or left by its reader, which stops the vendor;
 * where little more than the usage is missing, that is read first, since the vendor bills it anyway.
 */
export const openCommittedStream = ({
  first,
  reader,
  tally,
  watch,
  timeouts: { firstTokenMs, idleMs, minTokensPerSecond },
  clock,
  unsaid,
  errorText,
}: {
  first: Exclude<StreamStep, { kind: 'failed' }>;
  reader: StreamReader;
  tally: Tally;
  watch: Watch;
  timeouts: Pick<Timeouts, 'firstTokenMs' | 'idleMs' | 'minTokensPerSecond'>;
  clock: Clock;
  /** What has come by now that could not be said to the client. */
  unsaid: () => readonly string[];
  /** The surface's error event. */
  errorText: (failure: AttemptFailure) => string;
}): CommittedStream => {
  const { promise: ended, resolve } = Promise.withResolvers<CommittedEnd>();
  let ready = '';
  let isFinished = false;
  let isLeft = false;
  /** The client has gone, and the rest is only read for its usage. */
  let isDrained = false;
  let bug: { error: unknown } | undefined;

  const finish = (outcome: Outcome, failure?: AttemptFailure): void => {
    isFinished = true;
    const { stop } = tally;
    resolve({ outcome, ...(stop !== undefined && { stop }), record: tally.record(failure), unsaid: unsaid() });
  };

  const complete = (): void => {
    watch.release();
    reader.linger();
    finish(isDrained ? 'client-gone' : 'answered');
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
      breakOff(isDrained ? 'client-gone' : 'cut', step.failure);
      return;
    }
    ready += step.text;
    if (step.kind === 'complete') complete();
  };

  const checkPace = paceKeeper(minTokensPerSecond, () => tally.record().seenOutputTokens);
  /** Pieces without content keep a stream alive, but no longer than the first content may take. */
  const mostEmptyMs = Math.max(idleMs, firstTokenMs);
  /** Waited for the vendor since the last content. */
  let emptyMs = 0;
  const read = async (): Promise<void> => {
    const mostMs = Math.max(1, Math.min(idleMs, mostEmptyMs - emptyMs));
    const clear = watch.stopAfter(mostMs, { by: 'idle', afterMs: emptyMs + mostMs });
    const askedAt = clock.now();
    const step = await reader.next();
    clear();
    emptyMs = step.kind === 'text' && step.isEmpty ? emptyMs + clock.now() - askedAt : 0;
    // Only the vendor's own time counts: a client that reads slowly holds it back.
    const failure = step.kind === 'text' ? checkPace(clock.now() - askedAt) : undefined;
    take(failure === undefined ? step : { kind: 'failed', failure });
  };

  const pull = async (): Promise<IteratorResult<string, undefined>> => {
    while (ready === '' && !isFinished) await read();
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
  const drain = async (): Promise<void> => {
    while (!isFinished) await read();
  };
  const leave = (outcome: Outcome): void => {
    if (isFinished || isDrained) return;
    const cause: StopCause = { by: 'caller', outcome };
    if (outcome !== 'client-gone' || !isNearlyWhole(tally)) {
      watch.stop(cause);
      return;
    }
    isDrained = true;
    watch.stopAfter(DRAIN_MS, cause);
    last = last.then(drain);
  };
  if (!isFinished) watch.onCaller(leave);

  const iterator: AsyncIterator<string, undefined> = {
    next() {
      const result = last.then(pull);
      last = result;
      return result;
    },
    // Not queued behind a pending `next`: a reader that leaves is heard at once.
    async return() {
      isLeft = true;
      leave('client-gone');
      return { done: true, value: undefined };
    },
  };
  return { chunks: { [Symbol.asyncIterator]: () => iterator }, ended };
};

const outcomeOfStop = (cause: StopCause): Outcome => {
  if (cause.by === 'caller') return cause.outcome;
  return cause.by === 'deadline' ? 'deadline' : 'cut';
};

/** Whether next to nothing but the usage is missing. */
const isNearlyWhole = (tally: Tally): boolean => {
  if (tally.stop !== undefined) return true;
  const { sentOutputLimit, seenOutputTokens } = tally.record();
  return sentOutputLimit !== undefined && seenOutputTokens >= sentOutputLimit - DRAIN_TOKENS;
};

/** @returns what a stream has failed by that came slower than the floor since it was last looked at; it is looked at rarely */
const paceKeeper = (minTokensPerSecond: number | undefined, seenTokens: () => number) => {
  let waitedMs = 0;
  let tokens = minTokensPerSecond === undefined ? 0 : seenTokens();
  return (ms: number): AttemptFailure | undefined => {
    if (minTokensPerSecond === undefined) return undefined;
    waitedMs += ms;
    if (waitedMs < PACE_WINDOW_MS) return undefined;
    const more = seenTokens() - tokens;
    const pace = (more * 1_000) / waitedMs;
    waitedMs = 0;
    tokens += more;
    return pace >= minTokensPerSecond
      ? undefined
      : attemptFailure('too_slow', {
          message: `${pace.toFixed(1)} tokens a second came, ${minTokensPerSecond} is the least`,
        });
  };
};
