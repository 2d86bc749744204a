import type { Seen } from './tally-canaries.ts';

/** What one request says of one figure. */
export interface Reading {
  /** 0 or 1 of a rate; else what was measured. */
  value: number;
  conversation: number;
  share: number;
  /** Its part of its side's figure; those of a side make 1. */
  weight: number;
}

/** One figure of both sides. */
export interface Readings {
  target: Reading[];
  canary: Reading[];
}

/**
 * The two sides of one figure, made comparable: only what ran under the same share, weighted so that both have the same mix of
 * shares. A share that is raised on a busy day would otherwise be the difference.
 */
export const sideBySide = (
  { target, canary }: { target: readonly Seen[]; canary: readonly Seen[] },
  read: (seen: Seen) => number | undefined,
): Readings => {
  const [ofTarget, ofCanary] = [readAll(target, read), readAll(canary, read)];
  // Of one side alone it can be shown, and held against nothing.
  if (ofTarget.length === 0 || ofCanary.length === 0) return { target: evenly(ofTarget), canary: evenly(ofCanary) };
  const [counts, others] = [countByShare(ofTarget), countByShare(ofCanary)];
  const weights = new Map<number, number>();
  for (const [share, count] of counts) {
    const other = others.get(share) ?? 0;
    if (other > 0) weights.set(share, (count * other) / (count + other));
  }
  const all = [...weights.values()].reduce((sum, one) => sum + one, 0);
  const weighted = (readings: Reading[], own: ReadonlyMap<number, number>): Reading[] =>
    readings.flatMap((reading) => {
      const weight = weights.get(reading.share);
      return weight === undefined ? [] : [{ ...reading, weight: weight / all / (own.get(reading.share) ?? 1) }];
    });
  return { target: weighted(ofTarget, counts), canary: weighted(ofCanary, others) };
};

/** Each side by itself, to be shown. */
export const apart = (
  { target, canary }: { target: readonly Seen[]; canary: readonly Seen[] },
  read: (seen: Seen) => number | undefined,
): Readings => ({ target: evenly(readAll(target, read)), canary: evenly(readAll(canary, read)) });

const evenly = (readings: readonly Reading[]): Reading[] =>
  readings.map((reading) => ({ ...reading, weight: 1 / readings.length }));

const readAll = (all: readonly Seen[], read: (seen: Seen) => number | undefined): Reading[] =>
  all.flatMap((seen) => {
    const value = read(seen);
    return value === undefined ? [] : [{ value, conversation: seen.conversation, share: seen.share, weight: 0 }];
  });

const countByShare = (readings: readonly { share: number }[]): Map<number, number> => {
  const counts = new Map<number, number>();
  for (const { share } of readings) counts.set(share, (counts.get(share) ?? 0) + 1);
  return counts;
};

/** The shares under which both sides were asked. */
export const sharesOf = (target: readonly Seen[], canary: readonly Seen[]): number[] => {
  const both = new Set(canary.map(({ share }) => share));
  return [...new Set(target.map(({ share }) => share))].filter((share) => both.has(share)).toSorted((a, b) => a - b);
};

/** What both sides did under such shares; where there are none, all that each did, to be shown. */
export const ranBeside = (target: readonly Seen[], canary: readonly Seen[]) => {
  const shares = sharesOf(target, canary);
  const ran = (seen: readonly Seen[]): readonly Seen[] =>
    shares.length === 0 ? seen : seen.filter(({ share }) => shares.includes(share));
  return { shares, target: ran(target), canary: ran(canary) };
};

export const conversationsOf = (all: readonly { conversation: number }[]): number =>
  new Set(all.map(({ conversation }) => conversation)).size;

/** The weighted mean. */
export const meanOf = (readings: readonly Reading[]): number =>
  readings.reduce((sum, { value, weight }) => sum + value * weight, 0);

/**
 * How many independent requests would tell as much as each side's do: the requests of a conversation have its prompt and its
 * user in common, and fail together. That is measured in both sides, by how far the requests of a conversation stray from the
 * mean in the same direction, and by each side's own spread between conversations; the smaller holds, since of few
 * conversations neither is known well.
 *
 * @param readings of 0 or 1
 * @returns by the z of the interval that is made of it: few conversations stray further than many
 */
export const effectiveSizes = ({ target, canary }: Readings): ((z: number) => Record<keyof Readings, number>) => {
  const sides = [spreadOf(target), spreadOf(canary)] as const;
  const pairs = sides.reduce((sum, one) => sum + one.pairs, 0);
  const alike = sides.reduce((sum, one) => sum + one.alike, 0);
  // Where nothing was seen to differ a conversation counts as one request.
  const likeness = pairs === 0 ? 1 : Math.min(1, Math.max(0, alike / pairs));
  return (z) => ({ target: effectiveSize(sides[0], likeness, z), canary: effectiveSize(sides[1], likeness, z) });
};

interface Spread {
  count: number;
  conversations: number;
  /** Sums over conversations: products of deviations of pairs of requests, as they are and as they could be at most. */
  alike: number;
  pairs: number;
  /** Of the weights: squared alone, and squared by the conversation. */
  squares: number;
  squaresOfSums: number;
  /** Variance of the weighted mean, between conversations; NaN of one. */
  variance: number;
  mean: number;
}

const spreadOf = (readings: readonly Reading[]): Spread => {
  const means = new Map<number, { sum: number; count: number }>();
  for (const { share, value } of readings) {
    const known = means.get(share) ?? { sum: 0, count: 0 };
    means.set(share, { sum: known.sum + value, count: known.count + 1 });
  }
  const byConversation = new Map<number, { r: number; rr: number; sd: number; sdsd: number; v: number; vr: number }>();
  let squares = 0;
  for (const { conversation, share, value, weight } of readings) {
    const { sum, count } = means.get(share) ?? { sum: 0, count: 1 };
    const p = sum / count;
    const [r, sd] = [value - p, Math.sqrt(p * (1 - p))];
    const one = byConversation.get(conversation) ?? { r: 0, rr: 0, sd: 0, sdsd: 0, v: 0, vr: 0 };
    byConversation.set(conversation, one);
    one.r += r;
    one.rr += r * r;
    one.sd += sd;
    one.sdsd += sd * sd;
    one.v += weight;
    one.vr += weight * r;
    squares += weight * weight;
  }
  const all = [...byConversation.values()];
  const total = (of: (one: (typeof all)[number]) => number): number => all.reduce((sum, one) => sum + of(one), 0);
  return {
    count: readings.length,
    conversations: all.length,
    alike: total(({ r, rr }) => r * r - rr),
    pairs: total(({ sd, sdsd }) => sd * sd - sdsd),
    squares,
    squaresOfSums: total(({ v }) => v * v),
    variance: (all.length / (all.length - 1)) * total(({ vr }) => vr * vr),
    mean: meanOf(readings),
  };
};

const effectiveSize = (side: Spread, likeness: number, z: number): number => {
  const { count, conversations, squares, squaresOfSums, variance, mean } = side;
  if (count === 0) return 0;
  const byLikeness = 1 / ((1 - likeness) * squares + likeness * squaresOfSums);
  // Each conversation is one request.
  if (conversations === count) return byLikeness;
  const bySpread = variance > 0 && mean > 0 && mean < 1 ? (mean * (1 - mean)) / variance : Number.POSITIVE_INFINITY;
  const least = 1 / squaresOfSums;
  return Math.min(byLikeness, Math.max(least, bySpread)) * (z / studentZ(z, conversations - 1)) ** 2;
};

/** Student's quantile from the normal one (Cornish and Fisher); good to a percent from three degrees on. */
export const studentZ = (z: number, degrees: number): number => {
  const n = Math.max(1, degrees);
  return z + (z ** 3 + z) / (4 * n) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * n ** 2);
};
