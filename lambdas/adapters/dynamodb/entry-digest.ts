import { createHash } from 'node:crypto';
import { LANES } from '../../contract/timing.ts';
import { type Canonical, canonicalText } from '../../core/audit/canonical-text.ts';
import type { LaneSums } from '../../core/audit/epoch-seal.ts';
import { amountOf, type Item, textOf } from './attributes.ts';
import { accountsOf, stateOf } from './entry-item.ts';

/**
 * What an entry's seal leaves out: what may still be written to it once it has ended. Everything else counts, also what a
 * later version adds at the opening or the settlement; an attribute that it writes afterwards belongs here.
 */
const WRITTEN_LATER: ReadonlySet<string> = new Set(['expires', 'correctNonce', 'correctEpoch', 'trueCost']);

/** Putting a lost entry right writes these to it too; the correction, which has a seal of its own, says the same. */
const WRITTEN_BY_CORRECTION: ReadonlySet<string> = new Set(['receipt', 'inputTokens', 'outputTokens', 'settledAt']);

/** An ended entry as one text: the same from the stream, from a write's answer and from a query. */
export const entryText = (item: Item): string => {
  const isLost = stateOf(item) === 'lost';
  const kept = Object.entries(item).filter(
    ([name]) => !WRITTEN_LATER.has(name) && !(isLost && WRITTEN_BY_CORRECTION.has(name)),
  );
  return canonicalText(Object.fromEntries(kept) as unknown as Canonical);
};

/** The lane that an entry lies in, by its key. */
export const laneOf = (item: Item): number => {
  const lane = Number(textOf(item, 'pk')?.split('#')[2]);
  return Number.isInteger(lane) && lane >= 0 && lane < LANES ? lane : 0;
};

/**
 * What the projector saw of entries, in one number that adds up in any order: how many above, the sum of 64 bits of each
 * one's digest below. Room for 16 million entries an account and epoch, in 34 of DynamoDB's 38 digits.
 */
const COUNT_UNIT = 1n << 88n;

export const witnessOf = (item: Item): bigint =>
  COUNT_UNIT + BigInt(`0x${createHash('sha256').update(entryText(item)).digest('hex').slice(0, 16)}`);

/**
 * Whether what the projector saw can't be a part of what is there: it never sees more than there is, and once it has seen
 * as many, they are the same.
 */
export const isDisputed = (seen: bigint, exact: bigint): boolean => {
  const seenCount = seen / COUNT_UNIT;
  const exactCount = exact / COUNT_UNIT;
  return seenCount > exactCount || (seenCount === exactCount && seen !== exact);
};

/** The sum by account of what its entries witness. */
export const sumWitnesses = (items: readonly Item[]): Map<string, bigint> => {
  const sums = new Map<string, bigint>();
  for (const item of items) {
    const state = stateOf(item);
    if (state !== 'settled' && state !== 'lost') continue;
    const witness = witnessOf(item);
    for (const account of accountsOf(item)) sums.set(account, (sums.get(account) ?? 0n) + witness);
  }
  return sums;
};

/** Adds an entry to its lane, if it has ended. */
export const addToLanes = (sums: LaneSums, item: Item): void => {
  const state = stateOf(item);
  if (state === 'settled' || state === 'lost') sums.add(laneOf(item), entryText(item), amountOf(item, 'cost'));
};
