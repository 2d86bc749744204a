import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { CIRCUIT } from '../../../lambdas/core/call/call-policy.ts';
import { untouchedCircuit } from '../../../lambdas/core/call/circuit.ts';
import type { CircuitRecord } from '../../../lambdas/core/call/circuit-store.ts';
import type { LedgerEntry } from '../../../lambdas/core/ledger.ts';
import { type ProbeSchedule, type ProbeTick, tickProbes } from '../../../lambdas/core/probe/probe-circuits.ts';
import type { Script } from '../call/scripted-upstream.ts';
import { CONFIG, makeStory, type Story } from '../story/story-fixture.ts';

/** Ids of the two targets of the story's configuration. */
export const A = 'a/m-1';
export const B = 'b/m-1';
export const PERIOD_MS = 60_000;

/** A story whose prober can be let tick. */
export interface ProbeStory extends Story {
  /** What the schedule was told, in order. */
  told: string[];
  schedule: ProbeSchedule;
  tick(signal?: AbortSignal): Promise<ProbeTick>;
  /** The circuit as the store has it. */
  circuit(target?: string): Promise<CircuitRecord>;
  /** Writes the circuit, whatever it was. */
  setCircuit(circuit: CircuitRecord['circuit'], more?: Partial<CircuitRecord>): Promise<CircuitRecord>;
  /** Opens the circuit so that it is due in so many milliseconds. */
  openCircuit(dueInMs?: number, target?: string): Promise<CircuitRecord>;
  /** Entries of probes, newest first. */
  probes(): Promise<LedgerEntry[]>;
}

export const makeProbeStory = async (
  scripts: Record<string, Script[]>,
  config: GatewayConfig = CONFIG,
): Promise<ProbeStory> => {
  const story = await makeStory(scripts, config);
  const { clock } = story;
  const told: string[] = [];
  const schedule: ProbeSchedule = {
    start: async () => void told.push('start'),
    stop: async () => void told.push('stop'),
  };
  const circuit = async (target = A): Promise<CircuitRecord> => {
    const [found] = await story.ports.circuits.read([target]);
    return found ?? untouchedCircuit(target);
  };
  const setCircuit: ProbeStory['setCircuit'] = async (state, more = {}) => {
    const { version } = await circuit(more.target);
    const record: CircuitRecord = {
      target: A,
      circuit: state,
      override: null,
      reason: 'test',
      changedAt: clock.now(),
      ...more,
      version: version + 1,
    };
    if (!(await story.ports.circuits.write(record))) throw new Error('the circuit was not written');
    return record;
  };
  return {
    ...story,
    told,
    schedule,
    tick: (signal = new AbortController().signal) =>
      clock.settle(tickProbes(story.ports, { schedule, periodMs: PERIOD_MS, signal })),
    circuit,
    setCircuit,
    openCircuit: (dueInMs = 0, target = A) =>
      setCircuit({ state: 'open', until: clock.now() + dueInMs, openings: 1 }, { target }),
    probes: async () => (await story.entries()).filter(({ keyId }) => keyId === 'circuit-probe'),
  };
};

/** When a circuit that opens now for the n-th time in a row may be probed, at the latest. */
export const latestUntil = (now: number, openings: number): number =>
  now + Math.min(CIRCUIT.openMs * 2 ** (openings - 1), CIRCUIT.longestOpenMs) * (1 + CIRCUIT.openJitter);
