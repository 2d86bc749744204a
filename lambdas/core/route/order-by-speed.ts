import { hashFraction } from './hash-fraction.ts';
import type { PolicyFacts } from './order-facts.ts';

/** The share of requests that go to an unmeasured target while there is one: new and long forgotten ones are measured by it. */
export const EXPLORED_SHARE = 0.1;
/** The share that goes to a target that was slow when it was measured last, a while ago: so one that has recovered is found. */
export const TRIED_AGAIN_SHARE = 0.05;
/**
 * How much slower than the fastest the target may be that holds the conversation's prompt cache, before it is left: what it
 * has in its cache it need not read again, and the others would.
 */
export const HOME_PATIENCE = 1.25;
/** Targets within that of the fastest are as fast: the measurement tells no more. */
export const AS_FAST = 1.1;

/**
 * The fastest first, the unmeasured after them as they are listed. A conversation stays with its home while that is about as
 * fast as the fastest; of those that are as fast, one whose home nobody knows here goes where its name says, so that every
 * process sends it to the same. Of the others a tenth (by the draw) goes first to an unmeasured target, to each as often, and
 * a twentieth to one whose measurement is stale.
 */
export const orderBySpeed = (
  ids: readonly string[],
  { ms, home, draw, seed, stale = [] }: Extract<PolicyFacts, { policy: 'fastest' }>,
): number[] => {
  const order = ms
    .map((time, i) => ({ time: time ?? Number.POSITIVE_INFINITY, i }))
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.i - b.i))
    .map(({ i }) => i);
  const fastest = Math.min(...ms.map((time) => time ?? Number.POSITIVE_INFINITY));
  if (home !== undefined) {
    // Where nobody was measured there is nothing that it could be compared with.
    const isFastEnough = (ms[home] ?? Number.POSITIVE_INFINITY) <= fastest * HOME_PATIENCE;
    return isFastEnough ? withFirst([home], order) : order;
  }
  const unmeasured = ms.flatMap((time, i) => (time === null ? [i] : []));
  if (draw !== undefined) {
    const triedFrom = unmeasured.length > 0 ? EXPLORED_SHARE : 0;
    const tried =
      draw < triedFrom
        ? drawn(unmeasured, draw / EXPLORED_SHARE)
        : drawn(stale, (draw - triedFrom) / TRIED_AGAIN_SHARE);
    if (tried !== undefined) return withFirst([tried], order);
  }
  if (seed === undefined) return order;
  const asFast = asFastAs(fastest, ms).map((i) => ({ i, place: hashFraction(`${seed} ${ids[i]}`) }));
  return withFirst(
    asFast.sort((a, b) => a.place - b.place).map(({ i }) => i),
    order,
  );
};

/** @param place in [0, 1) for one of them, to each as often; beyond it none */
const drawn = (targets: readonly number[], place: number): number | undefined =>
  place < 1 ? targets[Math.floor(place * targets.length)] : undefined;

/** Those that are as fast as the fastest, itself among them. */
export const asFastAs = (fastest: number, ms: readonly (number | null)[]): number[] =>
  ms.flatMap((time, i) => (time !== null && time <= fastest * AS_FAST ? [i] : []));

const withFirst = (first: readonly number[], order: readonly number[]): number[] => [
  ...first,
  ...order.filter((target) => !first.includes(target)),
];
