import type { RunStop } from '../admit/run-refusals.ts';
import type { AttemptFailure, AttemptReason, AttemptSummary, Refusal, VendorError } from '../failures.ts';
import { refuse } from '../failures.ts';
import { present } from '../read-json.ts';
import type { Outcome } from '../receipt.ts';
import type { Target } from '../target.ts';
import type { AttemptRecord } from './call.ts';
import { UNTOLD_RETRY_MS } from './call-policy.ts';
import type { Entry } from './circuit-board.ts';

/** An attempt that failed. */
export type FailedAttempt = AttemptRecord & { failure: AttemptFailure };

/** Whether a target could be asked, and if not, why. */
export type Shut = Entry | { kind: 'wait'; until: number; because: 'quota'; target: string };

export interface FinalWord {
  refusal: Refusal;
  outcome: Outcome;
}

/**
 * What the client is told when no target answered and the call was not stopped.
 *
 * @param shut what kept the other targets out
 */
export const finalRefusal = (
  attempts: readonly FailedAttempt[],
  shut: readonly Shut[],
  alias: string,
  now: number,
): FinalWord => {
  const last = deciding(attempts);
  if (last === undefined) return { refusal: refuseUntried(shut, alias, now), outcome: 'failed' };

  const { failure } = last;
  if (isNo(failure))
    return {
      refusal: refuse('invalid_request', failure.message || `${last.target.id} refused the request.`, {
        shouldRetry: false,
        attempts: summarise(attempts),
        ...saidBy(failure),
      }),
      outcome: 'refused-by-provider',
    };
  return { refusal: refuseFailed(attempts, shut, alias, now), outcome: 'failed' };
};

const isNo = ({ reason }: AttemptFailure): boolean => reason === 'bad_request' || reason === 'content_filter';

/**
 * The attempt whose word goes to the client: the last one. But where a canary has refused the request, and its target could not
 * be asked at all since it is gone, the canary's is all that is known of the request.
 */
const deciding = (attempts: readonly FailedAttempt[]): FailedAttempt | undefined => {
  const last = attempts.at(-1);
  if (last === undefined || (last.failure.reason !== 'not_found' && last.failure.reason !== 'unauthorized'))
    return last;
  return attempts.findLast(({ target, failure }) => target.canaryOf !== undefined && isNo(failure)) ?? last;
};

/** What goes to the client beside the vendor's words where it is the vendor who refuses. */
const saidBy = ({ reason, told }: AttemptFailure): Pick<Refusal, 'told' | 'isFiltered'> => ({
  ...present('told', told),
  ...(reason === 'content_filter' && { isFiltered: true }),
});

/** The same where it is one target's word alone. */
const saidByOne = (attempts: readonly FailedAttempt[]): Pick<Refusal, 'told' | 'isFiltered'> => {
  const last = attempts.at(-1);
  return last !== undefined && attempts.every(({ target }) => target.id === last.target.id) ? saidBy(last.failure) : {};
};

const refuseUntried = (shut: readonly Shut[], alias: string, now: number): Refusal => {
  const waits = shut.filter(isWait);
  if (waits.length > 0 && waits.every(({ until }) => until === Number.POSITIVE_INFINITY))
    return refuse(
      'rate_limit_exceeded',
      `This request alone is larger than the quota of every target of "${alias}". Shorten it; waiting can't help.`,
      { scope: scopeOf(waits.map(targetOf), alias), shouldRetry: false },
    );
  const retryAfterMs = soonestEntryMs(waits, now);
  if (waits.length > 0 && waits.every(isLimit))
    return refuse('rate_limit_exceeded', `Every target of "${alias}" is at its provider's rate limit.`, {
      scope: scopeOf(waits.map(targetOf), alias),
      retryAfterMs,
    });
  const isByHand = waits.length > 0 && waits.every(({ because }) => because === 'by-hand');
  const why = isByHand
    ? 'each one has been shut by hand'
    : 'each one has failed repeatedly and is being rested, is busy, or has been shut by hand';
  return refuse('no_target_available', `No target of "${alias}" can be asked now: ${why}.`, { retryAfterMs });
};

/** Whoever has failed has said when to come back. */
const isTold = (entry: Shut): entry is Extract<Shut, { kind: 'wait' }> =>
  entry.kind === 'wait' && entry.because === 'retry-after' && !entry.isUntold;

/** Its provider, or its quota, said that it takes no more for now; not that it is down. */
const isLimit = (wait: Extract<Shut, { kind: 'wait' }>): boolean =>
  wait.because === 'quota' || (wait.because === 'retry-after' && !wait.isDown);

/** Until the first of them may be asked, ms. */
const soonestEntryMs = (waits: readonly { until: number }[], now: number): number =>
  waits.length === 0 ? UNTOLD_RETRY_MS : Math.max(1, Math.min(...waits.map(({ until }) => until)) - now);

const isWait = (entry: Shut): entry is Extract<Shut, { kind: 'wait' }> => entry.kind === 'wait';

const targetOf = (entry: Shut): string | undefined => ('target' in entry ? entry.target : undefined);

/** The one target whose rate limit says no, or the alias that has several. */
const scopeOf = (targets: readonly (string | undefined)[], alias: string): string => {
  const [first, ...others] = new Set(targets);
  return first !== undefined && others.length === 0 ? `target ${first}` : `alias ${alias}`;
};

const refuseFailed = (
  attempts: readonly FailedAttempt[],
  shut: readonly Shut[],
  alias: string,
  now: number,
): Refusal => {
  const list = summarise(attempts);
  const said = attempts.map(({ target, failure }) => `${target.id}: ${failure.message}`).join('; ');
  const all = (...reasons: AttemptReason[]) => attempts.every(({ failure }) => reasons.includes(failure.reason));

  if (all('too_large')) return refuse('request_too_large', said, { shouldRetry: false, attempts: list });
  if (all('context_length', 'too_large'))
    return refuse('context_length_exceeded', said, {
      ...present('told', fieldAtFault(attempts.at(-1)?.failure.told)),
      shouldRetry: false,
      attempts: list,
    });
  // Groq's word for it: what the model wrote was no call. Another try may do better, but it is a 400 to its own clients.
  if (all('malformed_answer') && attempts.every(({ failure }) => failure.status === 400))
    return refuse('invalid_request', said, { ...saidByOne(attempts), attempts: list });
  if (all('not_found')) {
    // Bedrock and Groq say 400 of a model that they don't know: the client's SDK raises the class that their own would.
    const code = attempts.every(({ failure }) => failure.status === 400) ? 'invalid_request' : 'model_not_found';
    return refuse(code, `No provider knows the model behind "${alias}": ${said}`, {
      shouldRetry: false,
      attempts: list,
      ...(code === 'invalid_request' && saidByOne(attempts)),
    });
  }
  const waited = attempts.filter(({ failure }) => failure.isRetryable);
  // Of a target that was not asked nobody knows; `shut` has all targets, those that were asked too.
  const isEachAsked = new Set(attempts.map(({ target }) => target.id)).size >= shut.length;
  if (all('rate_limited') && waited.length === 0 && isEachAsked)
    return refuse(
      'rate_limit_exceeded',
      `Every target of "${alias}" is out of quota at its provider, and waiting can't help: ${said}`,
      {
        scope: scopeOf(
          attempts.map(({ target }) => target.id),
          alias,
        ),
        shouldRetry: false,
        attempts: list,
        ...saidByOne(attempts),
      },
    );
  if (all('rate_limited'))
    return refuse('rate_limit_exceeded', `Every target of "${alias}" is at its provider's rate limit: ${said}`, {
      scope: scopeOf([...attempts.map(({ target }) => target.id), ...shut.map(targetOf)], alias),
      retryAfterMs: Math.min(soonestRetryMs(waited, now), ...quotaWaits(shut, now)),
      attempts: list,
    });
  if (attempts.every(({ leastBad, failure }) => leastBad && failure.countsAgainstCircuit))
    return refuse(
      'no_target_available',
      `No target of "${alias}" can be asked now: each one has failed repeatedly and is being rested, or is shut. The least bad was tried all the same: ${said}`,
      { retryAfterMs: soonestEntryMs(shut.filter(isWait), now), attempts: list },
    );
  const count = attempts.length === 1 ? 'The only attempt' : `All ${attempts.length} attempts`;
  return refuse('all_targets_failed', `${count} for "${alias}" failed. ${said}`, {
    attempts: list,
    ...(attempts.every(({ failure }) => !failure.isRetryable) && { shouldRetry: false }),
    ...(waited.length > 0 && shut.length > 0 && shut.every(isTold) && { retryAfterMs: soonestEntryMs(shut, now) }),
  });
};

/** Until the first of the targets may be asked again, ms. What it asked for counts from when it was told; a later word replaces an earlier one. */
const soonestRetryMs = (attempts: readonly FailedAttempt[], now: number): number => {
  const until = new Map<string, number>();
  for (const { target, startedAt, durationMs, failure } of attempts)
    if (failure.retryAfterMs !== undefined) until.set(target.id, startedAt + durationMs + failure.retryAfterMs);
  return until.size === 0 ? UNTOLD_RETRY_MS : Math.max(1, Math.min(...until.values()) - now);
};

/** That an answer broke off is our word, and so is its code; Anthropic's errors have a type and no code. */
const withoutCode = (told: VendorError | undefined): VendorError | undefined => {
  const { code: _, ...fields } = told?.fields ?? {};
  return told && { ...told, fields };
};

/** The field at fault; the code for it is ours on every surface. */
const fieldAtFault = (told: VendorError | undefined): VendorError | undefined => {
  const param = told?.fields['param'];
  return told === undefined || param === undefined ? undefined : { ...told, fields: { param } };
};

const quotaWaits = (shut: readonly Shut[], now: number): number[] =>
  shut.flatMap((entry) => (entry.kind === 'wait' && entry.because === 'quota' ? [Math.max(1, entry.until - now)] : []));

/** The attempts as a client is shown them. */
export const summarise = (attempts: readonly FailedAttempt[]): AttemptSummary[] =>
  attempts.map(({ target, failure: { status, reason, message } }) => ({
    target: target.id,
    ...(status !== undefined && { status }),
    reason,
    message,
  }));

/**
 * What the client is told when the call was stopped before any content.
 *
 * @param byRun where its agent run has ended it: nothing brings that back
 */
export const stoppedRefusal = (outcome: Outcome, attempts: readonly FailedAttempt[], byRun?: RunStop): FinalWord => {
  const more = {
    ...(attempts.length > 0 && { attempts: summarise(attempts) }),
    ...(byRun && { scope: byRun.scope, shouldRetry: false as const }),
  };
  if (outcome === 'deadline')
    return {
      refusal: refuse('deadline_exceeded', byRun?.why ?? 'No target answered before the deadline.', more),
      outcome,
    };
  const why = outcome === 'cancelled' ? 'The request was cancelled.' : 'The client closed the connection.';
  return { refusal: refuse('cancelled', byRun?.why ?? why, more), outcome };
};

/**
 * The error event's content for a stream that broke after content had been sent.
 *
 * @param stoppedByRun the agent run that has ended it, where one has
 */
export const brokenStream = (
  failure: AttemptFailure,
  target: Target,
  stoppedByRun?: (outcome: Outcome) => RunStop | undefined,
): Refusal => {
  switch (failure.reason) {
    case 'cancelled':
    case 'deadline':
      return stoppedStream(failure.reason, stoppedByRun?.(failure.reason));
    default:
      return refuse(
        'all_targets_failed',
        `The answer of ${target.id} broke off and is incomplete: ${failure.message}`,
        { ...saidBy(failure), ...present('told', withoutCode(failure.told)) },
      );
  }
};

const stoppedStream = (reason: 'cancelled' | 'deadline', byRun: RunStop | undefined): Refusal => {
  const code = reason === 'cancelled' ? 'cancelled' : 'deadline_exceeded';
  if (byRun !== undefined)
    return refuse(code, `${byRun.why} The answer is incomplete.`, { scope: byRun.scope, shouldRetry: false });
  return refuse(
    code,
    reason === 'cancelled'
      ? 'The request was cancelled; the answer is incomplete.'
      : 'The deadline passed; the answer is incomplete.',
  );
};
