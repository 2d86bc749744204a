import type { Admission } from '../admit/admit.ts';
import { outputLimitFor } from '../admit/output-limit.ts';
import { topUp } from '../admit/top-up.ts';
import type { Ports } from '../ports.ts';
import type { CallRequest } from './call.ts';
import { LONGEST_SILENCE_MS } from './call-policy.ts';

/** Puts an admitted request into the terms of the call layer, which knows nothing of money. */
export const callRequestOf = (
  admission: Admission,
  signal: AbortSignal,
  ports: Pick<Ports, 'clock' | 'ledger' | 'gateway' | 'log'>,
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
      alias: alias.name,
      createdAt: Math.floor(now / 1000),
      streamUsage: conversation.streamUsage,
    },
    outputLimit: (target) => {
      const limit = outputLimitFor(conversation, alias, target, admission.isBudgeted);
      return limit.setBy === 'model' ? undefined : limit.tokens;
    },
    deadlineAt: now + longestAnswerMs(alias.timeouts.totalMs, conversation.stream),
    signal,
    admitAttempt: (target, earlier) => topUp(target, earlier, admission, ports),
  };
};

/** How long the whole answer may take, milliseconds. */
const longestAnswerMs = (totalMs: number, isStream: boolean): number =>
  isStream ? totalMs : Math.min(totalMs, LONGEST_SILENCE_MS);
