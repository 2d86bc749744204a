import type { Admission } from '../admit/admission.ts';
import { endQuotas } from '../admit/admit-attempt.ts';
import type { Ports } from '../ports.ts';

type LimitPorts = Pick<Ports, 'limits' | 'clock' | 'log'>;

/**
 * What is left to do for an admitted request whose story broke before it could be settled: its place among the requests
 * under way is freed. Its tokens stay taken as estimated, and its entry stays open: the epoch's close charges the hold.
 */
export const abandon = async (admission: Admission, ports: LimitPorts): Promise<void> => {
  const { takes, epoch } = admission;
  await correctLimits(admission, ports, ({ limits, clock }) =>
    Promise.all(takes.map((take) => limits.settle([take], epoch, take.tokens, clock.now()))),
  );
};

/** Corrects the caller's limits from the estimate to what was used. Best effort: what is lost ages out by itself. Never rejects. */
export const settleLimits = (admission: Admission, usedTokens: number, ports: LimitPorts): Promise<void> =>
  correctLimits(admission, ports, ({ limits, clock }) =>
    limits.settle(admission.takes, admission.epoch, usedTokens, clock.now()),
  );

/** For a request that no target could be asked for: it has cost its caller nothing. Never rejects. */
export const giveLimitsBack = (admission: Admission, ports: LimitPorts): Promise<void> =>
  correctLimits(admission, ports, ({ limits, clock }) =>
    limits.giveBack(admission.takes, admission.epoch, clock.now()),
  );

const correctLimits = async (
  admission: Admission,
  ports: LimitPorts,
  correct: (ports: LimitPorts) => Promise<unknown>,
): Promise<void> => {
  const [corrected] = await Promise.allSettled([correct(ports), endQuotas(admission, ports)]);
  if (corrected.status === 'rejected')
    ports.log.warn('rate limits not corrected', { request_id: admission.requestId, error: corrected.reason });
};
