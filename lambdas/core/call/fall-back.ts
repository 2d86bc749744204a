import type { FallbackCause, Target } from '../target.ts';
import type { Call } from './call-state.ts';

/**
 * Joins the targets of the next aliases that the call may fall back on to those that it asks: once its own are spent, and
 * before it waits for any of them. For a prompt that was too long those that were named for it come first.
 *
 * @returns whether there are more to ask now
 */
export const fallBack = (call: Call): boolean => {
  if (call.sent >= call.request.alias.attempts) return false;
  for (const cause of causesOf(call)) {
    if (call.fellBack.has(cause)) continue;
    const more = notYetAsked(call, cause);
    call.fellBack.add(cause);
    if (more.length === 0) continue;
    call.targets.push(...more);
    call.request.fellBack?.(cause);
    return true;
  }
  return false;
};

/** Whether there are targets for a cause that has not come to pass yet. */
export const isFallbackLeft = (call: Call, cause: FallbackCause): boolean =>
  !call.fellBack.has(cause) && notYetAsked(call, cause).length > 0;

/**
 * A filter has refused the request: only targets that were named for that are asked with it any more.
 *
 * @returns false where there are none
 */
export const leaveToFilterFallbacks = (call: Call): boolean => {
  const isLeft = call.isFiltered
    ? call.targets.some((target) => !call.finished.has(target) && !hasFailed(call, target))
    : isFallbackLeft(call, 'contentFilter');
  if (!isLeft || call.sent >= call.request.alias.attempts) return false;
  for (const target of call.targets) if (!call.isFiltered || hasFailed(call, target)) call.finished.add(target);
  call.isFiltered = true;
  return true;
};

const hasFailed = ({ attempts }: Call, target: Target): boolean =>
  attempts.some((attempt) => attempt.target === target);

const causesOf = ({ isFiltered, attempts }: Call): FallbackCause[] => {
  if (isFiltered) return ['contentFilter'];
  const isTooLong = attempts.some(({ failure }) => failure.reason === 'context_length');
  return isTooLong ? ['contextLength', 'any'] : ['any'];
};

/** A target that several aliases have is asked as the first of them has it. */
const notYetAsked = ({ request, targets, isFiltered, attempts }: Call, cause: FallbackCause): Target[] => {
  const known = new Set((isFiltered ? attempts.map(({ target }) => target) : targets).map(({ id }) => id));
  return (request.fallbackTargets?.(cause) ?? []).filter(({ id }) => !known.has(id));
};
