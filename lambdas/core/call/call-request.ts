import type { Admission } from '../admit/admission.ts';
import { admitAttempts } from '../admit/admit-attempt.ts';
import { outputLimitOf } from '../admit/output-limit.ts';
import { stopByTime } from '../admit/run-refusals.ts';
import type { Ports } from '../ports.ts';
import { present } from '../read-json.ts';
import { planOf } from '../route/plan-of.ts';
import type { FallbackCause } from '../target.ts';
import type { CallRequest } from './call.ts';
import { LONGEST_SILENCE_MS } from './call-policy.ts';
import type { StopWatch } from './watch-for-stop.ts';

/** Puts an admitted request into the terms of the call layer, which knows nothing of money. */
export const callRequestOf = (
  admission: Admission,
  stop: Pick<StopWatch, 'signal' | 'killed'>,
  ports: Pick<Ports, 'clock' | 'ledger' | 'limits' | 'log'>,
): CallRequest => {
  const { plan, runEndsAt, runEndsBy } = admission;
  const { surface, conversation, body, alias } = admission.asked;
  const now = ports.clock.now();
  return {
    requestId: admission.requestId,
    surface,
    conversation,
    body,
    alias,
    targets: plan.targets,
    ...fallbacksOf(admission),
    context: {
      requestId: admission.requestId,
      alias: conversation.model,
      createdAt: Math.floor(now / 1000),
      streamUsage: conversation.streamUsage,
      asked: body,
      ...present('embedding', conversation.embedding),
    },
    outputLimit: (target) => {
      const limit = outputLimitOf(admission, target);
      return limit.setBy === 'model' ? undefined : limit.tokens;
    },
    deadlineAt: Math.min(
      now + longestAnswerMs(alias.timeouts.totalMs, conversation.stream),
      runEndsAt ?? Number.POSITIVE_INFINITY,
    ),
    signal: stop.signal,
    stoppedByRun: (outcome) => {
      if (outcome === 'cancelled') return stop.killed;
      const isUp = outcome === 'deadline' && runEndsAt !== null && ports.clock.now() >= runEndsAt;
      return isUp && runEndsBy !== undefined ? stopByTime(runEndsBy, runEndsAt) : undefined;
    },
    ...present('isHeldBack', plan.isHeldBack),
    confirmCanary: (target) => planOf(target, admission)?.confirmCanary?.(target),
    passedOver: ({ id }, reason) => {
      const { passedOver } = admission.receipt.plan;
      if (!passedOver.some(({ target }) => target === id)) passedOver.push({ target: id, reason });
    },
    ...admitAttempts(admission, ports),
  };
};

/** How long the whole answer may take, milliseconds. */
const longestAnswerMs = (totalMs: number, isStream: boolean): number =>
  isStream ? totalMs : Math.min(totalMs, LONGEST_SILENCE_MS);

/** Whom the call may fall back on, and a note in the receipt when it does. */
const fallbacksOf = ({
  plan,
  receipt,
  asked,
}: Admission): Pick<CallRequest, 'fallbackCauses' | 'fallbackTargets' | 'fellBack'> => {
  const { fallbacks } = plan;
  if (fallbacks === undefined) return {};
  return {
    fallbackCauses: new Set(Object.keys(asked.alias.fallbacks ?? {}) as FallbackCause[]),
    fallbackTargets: (cause) => fallbacks(cause).flatMap(({ targets }) => targets),
    fellBack: (because) => {
      const notes = fallbacks(because).map(({ alias, targets }) => ({
        alias,
        because,
        targets: targets.map(({ id }) => id),
      }));
      receipt.fallbacks = [...(receipt.fallbacks ?? []), ...notes];
    },
  };
};
