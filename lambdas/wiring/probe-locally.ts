import { PROBE_EVERY_MS } from '../contract/probing.ts';
import type { CircuitStore } from '../core/call/circuit-store.ts';
import { type ProbeSchedule, tickProbes } from '../core/probe/probe-circuits.ts';
import type { ProbePorts } from '../core/probe/probe-target.ts';

export interface LocalProber {
  /** The circuits, for whoever opens them: that wakes the prober. */
  circuits: CircuitStore;
  /** From here on it probes; at once what an earlier process has left open. */
  begin(ports: ProbePorts): void;
  /** Ends a probe that is under way, which is settled, and any wait. */
  stop(): Promise<void>;
}

/** The background prober within a server's own process: rounds as on AWS (docs/decisions/012), and no timer while every circuit is closed. */
export const makeLocalProber = (circuits: CircuitStore): LocalProber => {
  const stopping = new AbortController();
  const { signal } = stopping;
  let ports: ProbePorts | undefined;
  let isOn = false;
  let running: Promise<void> | undefined;

  const goRound = async (at: ProbePorts): Promise<void> => {
    while (isOn && !signal.aborted) {
      const nextAt = at.clock.now() + PROBE_EVERY_MS;
      try {
        await tickProbes(at, { schedule, periodMs: PROBE_EVERY_MS, signal });
      } catch (error) {
        at.log.error('a round of the circuit prober failed; the next one tries again', { error });
      }
      if (isOn) await at.clock.sleep(nextAt - at.clock.now(), signal);
    }
  };
  const run = (): void => {
    if (ports === undefined || running !== undefined || !isOn || signal.aborted) return;
    running = goRound(ports).finally(() => {
      running = undefined;
      // It may have been put on again just as the last round ended.
      run();
    });
  };
  const schedule: ProbeSchedule = {
    start: async () => {
      isOn = true;
      run();
    },
    stop: async () => {
      isOn = false;
    },
  };

  return {
    circuits: {
      ...circuits,
      write: async (next) => {
        const hasWon = await circuits.write(next);
        if (hasWon && next.circuit.state === 'open') await schedule.start();
        return hasWon;
      },
    },
    begin: (given) => {
      ports = given;
      isOn = true;
      run();
    },
    stop: async () => {
      stopping.abort('cancelled');
      await running;
    },
  };
};
