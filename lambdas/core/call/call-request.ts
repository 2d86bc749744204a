import type { Admission } from '../admit/admission.ts';
import { admitAttempts } from '../admit/admit-attempt.ts';
import { outputLimitOf } from '../admit/output-limit.ts';
import type { Ports } from '../ports.ts';
import type { CallRequest } from './call.ts';
import { LONGEST_SILENCE_MS } from './call-policy.ts';

/** Puts an admitted request into the terms of the call layer, which knows nothing of money. */
export const callRequestOf = (
  admission: Admission,
  signal: AbortSignal,
  ports: Pick<Ports, 'clock' | 'ledger' | 'limits' | 'log'>,
): CallRequest => {
  const { plan } = admission;
  const { surface, conversation, body, alias } = admission.asked;
  const now = ports.clock.now();
  return {
    requestId: admission.requestId,
    surface,
    conversation,
    body,
    alias,
    targets: plan.targets,
    context: {
      requestId: admission.requestId,
      alias: conversation.model,
      createdAt: Math.floor(now / 1000),
      streamUsage: conversation.streamUsage,
    },
    outputLimit: (target) => {
      const limit = outputLimitOf(admission, target);
      return limit.setBy === 'model' ? undefined : limit.tokens;
    },
    deadlineAt: Math.min(
      now + longestAnswerMs(alias.timeouts.totalMs, conversation.stream),
      admission.runEndsAt ?? Number.POSITIVE_INFINITY,
    ),
    signal,
    ...admitAttempts(admission, ports),
  };
};

/** How long the whole answer may take, milliseconds. */
const longestAnswerMs = (totalMs: number, isStream: boolean): number =>
  isStream ? totalMs : Math.min(totalMs, LONGEST_SILENCE_MS);
