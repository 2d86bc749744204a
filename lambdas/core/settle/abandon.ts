import type { Admission } from '../admit/admit.ts';
import type { Ports } from '../ports.ts';

/**
 * What is left to do for an admitted request whose story broke before it could be settled: its place among the requests
 * under way is freed. Its tokens stay taken as estimated, and its entry stays open: the epoch's close charges the hold.
 */
export const abandon = (admission: Admission, ports: Pick<Ports, 'limits' | 'clock' | 'log'>): Promise<void> =>
  settleLimits(admission, admission.takes[0]?.tokens ?? 0, ports);

/** Best effort: what is lost ages out of the limits by itself. Never rejects. */
export const settleLimits = async (
  { takes, epoch, requestId }: Admission,
  usedTokens: number,
  { limits, clock, log }: Pick<Ports, 'limits' | 'clock' | 'log'>,
): Promise<void> => {
  try {
    await limits.settle(takes, epoch, usedTokens, clock.now());
  } catch (error) {
    log.warn('rate limits not corrected', { request_id: requestId, error });
  }
};
