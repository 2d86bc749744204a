import type { CallRequest, PassedOver } from '../call/call.ts';
import type { Ports } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Admission } from './admission.ts';
import { giveQuotaBack, type QuotaTake, settleQuota, takeQuota } from './target-quota.ts';
import { topUp } from './top-up.ts';

type AttemptAdmissionPorts = Pick<Ports, 'ledger' | 'limits' | 'clock' | 'log'>;

/**
 * What the call layer asks before each attempt, and tells after it: enough is held, and the target's own quota has room. Both
 * are asked at once; what the first trip has asked already costs nothing more.
 */
export const admitAttempts = (
  admission: Admission,
  ports: AttemptAdmissionPorts,
): Required<Pick<CallRequest, 'admitAttempt' | 'attemptEnded'>> => {
  /** Of the attempt under way: there is one at a time. */
  let current: QuotaTake | undefined;

  return {
    admitAttempt: async (target, earlier) => {
      const [held, quota] = await Promise.allSettled([
        topUp(target, earlier, admission, ports),
        askedBefore(admission, target) ?? takeQuota(target, admission, ports.clock.now(), ports),
      ]);
      if (quota.status === 'rejected') throw quota.reason;
      if (quota.value?.kind === 'full') return passOver(quota.value, admission);
      if (held.status === 'rejected' || held.value !== undefined) {
        await giveQuotaBack(quota.value, ports);
        if (held.status === 'rejected') throw held.reason;
        return held.value;
      }
      current = quota.value;
      return undefined;
    },
    attemptEnded: (record, wasSent) => {
      const ended = current;
      current = undefined;
      if (ended === undefined) return;
      admission.quotaWrites.push(wasSent ? settleQuota(ended, record, ports) : giveQuotaBack(ended, ports));
    },
  };
};

/** What was asked of this target in advance; once. */
const askedBefore = ({ quotas }: Admission, target: Target): QuotaTake | undefined => {
  const index = quotas.findIndex((quota) => quota.target === target);
  return index === -1 ? undefined : quotas.splice(index, 1)[0];
};

const passOver = ({ target, until, why }: Extract<QuotaTake, { kind: 'full' }>, { receipt }: Admission): PassedOver => {
  const { passedOver } = receipt.plan;
  if (!passedOver.some((one) => one.target === target.id)) passedOver.push({ target: target.id, reason: why });
  return { passOverUntil: until };
};

/** At a request's end: what was taken in advance and never used goes back, and corrections under way are waited for. */
export const endQuotas = async (
  { quotas, quotaWrites }: Pick<Admission, 'quotas' | 'quotaWrites'>,
  ports: Pick<Ports, 'limits' | 'clock' | 'log'>,
): Promise<void> => {
  await Promise.all([...quotaWrites, ...quotas.splice(0).map((quota) => giveQuotaBack(quota, ports))]);
};
