import { epochOf } from '../contract/timing.ts';
import type { LimitStore, LimitTake } from './admit/limit-store.ts';
import type { RequestLedger } from './ledger.ts';
import { type Clock, StoreUnavailable } from './ports.ts';
import { withinDeadline } from './store-deadline.ts';

export interface StoreHealth {
  /** Resolves while the store takes writes: without them no request is served. @throws {StoreUnavailable} otherwise */
  check(): Promise<void>;
}

type Writes = Pick<RequestLedger, 'hold' | 'open' | 'settle'>;

/** So long a ledger's write that failed speaks against it, unless one has come through since. */
const FAILURE_COUNTS_MS = 5_000;
/** A write of its own is tried no more often, however often somebody asks … */
const WRITE_EVERY_MS = 5_000;
/** … and after one that failed. */
const TRY_AGAIN_MS = 1_000;
/** An embedded store waits that long for a lock, and longer than that nobody's health check does. */
const PATIENCE_MS = 2_500;
/** A limit of nobody's: what is taken of it drains by itself, and no account or entry is touched. */
const OWN_TAKE: LimitTake = { scope: 'health', limit: { requestsPerMinute: 6_000 }, tokens: 0 };

/**
 * Watches whether the store takes writes: reads go on while a disk is full or a file is locked. It goes by what became of the
 * requests' own writes, and by one of its own in the store of limits, when it is asked.
 *
 * @param limits as they are, without what stands in for them while they are down
 * @returns the ledger, to be used in the place of the one given, and its health
 */
export const watchStoreHealth = <Ledger extends Writes>(
  ledger: Ledger,
  limits: Pick<LimitStore, 'take'>,
  clock: Clock,
): { ledger: Ledger; storeHealth: StoreHealth } => {
  let failed: { at: number; error: StoreUnavailable } | undefined;
  let own: { at: number; holdsMs: number; written: Promise<unknown> } | undefined;

  const watched = async <T>(work: Promise<T>): Promise<T> => {
    try {
      const outcome = await work;
      failed = undefined;
      return outcome;
    } catch (error) {
      if (error instanceof StoreUnavailable) failed = { at: clock.now(), error };
      throw error;
    }
  };
  const isWithin = (since: number, ms: number): boolean => {
    const ageMs = clock.now() - since;
    return ageMs >= 0 && ageMs < ms;
  };
  const writeOwn = (): Promise<unknown> => {
    if (own !== undefined && isWithin(own.at, own.holdsMs)) return own.written;
    const at = clock.now();
    const written = withinDeadline('health', () => limits.take([OWN_TAKE], epochOf(at), at), clock, {
      deadlineMs: PATIENCE_MS,
    });
    const mine = { at, holdsMs: WRITE_EVERY_MS, written };
    own = mine;
    written.catch(() => Object.assign(mine, { at: clock.now(), holdsMs: TRY_AGAIN_MS }));
    return written;
  };

  return {
    ledger: {
      ...ledger,
      hold: (request: Parameters<Writes['hold']>[0]) => watched(ledger.hold(request)),
      open: (entry: Parameters<Writes['open']>[0]) => watched(ledger.open(entry)),
      settle: (settlement: Parameters<Writes['settle']>[0]) => watched(ledger.settle(settlement)),
    },
    storeHealth: {
      async check() {
        if (failed !== undefined && isWithin(failed.at, FAILURE_COUNTS_MS)) throw failed.error;
        await writeOwn();
      },
    },
  };
};
