import { leaseProbe, untouchedCircuit } from '../call/circuit.ts';
import type { CircuitBoard } from '../call/circuit-board.ts';
import type { CircuitRecord } from '../call/circuit-store.ts';
import { afterProbe, type CallReport } from '../call/probe-verdict.ts';
import { type Ports, StoreUnavailable } from '../ports.ts';

export interface ProbeLease {
  /** For the call: lets it in only with the lease in the store, and takes its word. */
  board: CircuitBoard;
  /** What the call came to; undefined where the lease was not to be had, and nothing was called. */
  report(): CallReport | undefined;
  /** Writes what was learnt. Never rejects: what can't be written leaves a lease that runs out. */
  conclude(): Promise<void>;
}

const CONCLUDE_TRIES = 3;

/**
 * The lease of one probe: the same conditional write by which a user's request becomes the prober, but without the memory
 * that a gateway process falls back on. No acknowledged lease, no call.
 *
 * @param seen the circuit as read, due for a probe; if it has moved since, there is no lease
 */
export const makeProbeLease = (
  seen: CircuitRecord,
  { circuits, clock, random, log }: Pick<Ports, 'circuits' | 'clock' | 'random' | 'log'>,
): ProbeLease => {
  const { target } = seen;
  const probe = Buffer.from(random.bytes(8)).toString('hex');
  let leased: CircuitRecord | undefined;
  let report: CallReport = 'abandoned';

  const takeLease = async (): Promise<void> => {
    const next = leaseProbe(seen, clock.now(), probe);
    try {
      if (await circuits.write(next)) leased = next;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      log.warn('no probe: its lease was not acknowledged, and runs out if it was taken', { target, error });
    }
  };

  const writeVerdict = async (record: CircuitRecord): Promise<void> => {
    let known = record;
    for (let tries = 0; tries < CONCLUDE_TRIES; tries++) {
      const next = afterProbe(known, { report, probe }, clock.now(), random);
      if (next === undefined || (await circuits.write(next))) return;
      [known = untouchedCircuit(target)] = await circuits.read([target]);
    }
    log.warn("probe's word not written: others were faster each time", { target });
  };

  const peek: CircuitBoard['peek'] = () => ({ kind: 'wait', until: clock.now(), because: 'circuit' });

  return {
    board: {
      tryEnter: async (asked) => {
        // The second time is for a key that was read anew.
        if (leased === undefined) await takeLease();
        return leased === undefined ? peek(asked) : { kind: 'go', probe };
      },
      // Never `go`: after the one call there is no second round.
      peek,
      shareOf: () => 1,
      leastBad: () => undefined,
      report: (_, word) => {
        report = word;
      },
      refresh: async () => {},
      catchUp: async () => {},
      settled: async () => {},
      // One call at a time says nothing of how many wait.
      startWaiting: () => () => {},
      heard: () => {},
    },
    report: () => (leased === undefined ? undefined : report),
    conclude: async () => {
      if (leased === undefined) return;
      try {
        await writeVerdict(leased);
      } catch (error) {
        log.error("probe's word not written: its lease runs out", { target, error });
      }
    },
  };
};
