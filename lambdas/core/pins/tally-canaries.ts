import type { LedgerEntry } from '../ports.ts';
import type { CanaryNote, Receipt } from '../receipt.ts';
import { canaryStanding, isRegionOf } from '../route/arrange-canaries.ts';

/** How one of two versions did with the requests whose conversations were drawn for it, or were not drawn. */
export interface Arm {
  /** `provider/model`. */
  version: string;
  /** Requests that it was asked with first. */
  requests: number;
  /** Of those, whose first attempt failed, a filter's no left out; whoever answered in its place is not counted. */
  errors: number;
  /** By what they failed with. */
  reasons: Map<string, number>;
  /** Answered by it, to the end. */
  answered: number;
  /** Refused by the model, or by a filter before it answered. */
  refused: number;
  filtered: number;
  truncated: number;
  invalid: number;
  /** Of answers, milliseconds. */
  durations: number[];
  firstTokens: number[];
  outputTokens: number;
  /** Of all attempts at it, nano-USD. */
  cost: bigint;
  /** Ids of answered requests, newest first, whose feedback may be looked up: at most so many as are asked for. */
  sample: string[];
}

/** A canary beside the target whose place it takes. */
export interface CanaryTally {
  alias: string;
  target: Arm;
  canary: Arm;
}

/**
 * Counts entries in any order, newest first for the sample, by what their receipts say of the draw: the two sides differ by
 * chance alone. Open and lost entries say nothing yet.
 */
export const makeCanaryTally = (options: { alias: string | undefined; sampleSize: number }) => {
  const tallies = new Map<string, CanaryTally>();
  return {
    tallies: (): CanaryTally[] => [...tallies.values()],
    add: (entry: LedgerEntry): void => {
      const { receipt, state } = entry;
      if (state !== 'settled') return;
      for (const note of receipt.plan.canaries ?? []) {
        const alias = note.alias ?? entry.alias;
        if (options.alias !== undefined && alias !== options.alias) continue;
        const key = JSON.stringify([alias, note.of, note.target]);
        const tally = tallies.get(key) ?? { alias, target: newArm(note.of), canary: newArm(note.target) };
        tallies.set(key, tally);
        count(canaryStanding(note) === 'first' ? tally.canary : tally.target, entry, options.sampleSize);
      }
    },
  };
};

const newArm = (version: CanaryNote['of']): Arm => ({
  version,
  requests: 0,
  errors: 0,
  reasons: new Map(),
  answered: 0,
  refused: 0,
  filtered: 0,
  truncated: 0,
  invalid: 0,
  durations: [],
  firstTokens: [],
  outputTokens: 0,
  cost: 0n,
  sample: [],
});

const count = (
  arm: Arm,
  { requestId, receipt }: Pick<LedgerEntry, 'requestId' | 'receipt'>,
  sampleSize: number,
): void => {
  const own = receipt.attempts.filter(({ target }) => isRegionOf(target, arm.version));
  const [first] = own;
  // Not asked: its circuit was open, or another target's turn came first. Or its client has gone, which says nothing of it.
  if (first === undefined || first.failure === 'cancelled') return;
  arm.requests += 1;
  arm.cost += own.reduce((sum, { cost }) => sum + BigInt(cost), 0n);
  if (first.failure === 'content_filter') {
    arm.refused += 1;
    arm.filtered += 1;
  } else if (first.failure !== undefined) {
    arm.errors += 1;
    arm.reasons.set(first.failure, (arm.reasons.get(first.failure) ?? 0) + 1);
  }
  const answer = own.at(-1);
  if (!isAnswered(receipt, arm.version) || answer === undefined || answer.failure !== undefined) return;
  arm.answered += 1;
  if (receipt.flaw === 'refused') arm.refused += 1;
  if (receipt.flaw === 'truncated') arm.truncated += 1;
  if (receipt.flaw === 'invalid-output') arm.invalid += 1;
  arm.durations.push(answer.durationMs);
  if (answer.firstTokenMs !== undefined) arm.firstTokens.push(answer.firstTokenMs);
  arm.outputTokens += (answer.usage ?? receipt.usage)?.outputTokens ?? 0;
  if (arm.sample.length < sampleSize) arm.sample.push(requestId);
};

const isAnswered = ({ answeredBy, outcome }: Receipt, version: string): boolean =>
  outcome === 'answered' && answeredBy !== undefined && isRegionOf(answeredBy, version);
