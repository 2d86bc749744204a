/**
 * A distribution of durations that old values fade from: weights in buckets whose bounds grow by a fixed factor, so that it
 * stays small whatever the values are, and any quantile of it is right within some 9 %.
 */

/** Weight by bucket: bucket i lies around 2^(i / BUCKETS_AN_OCTAVE). */
export type Digest = ReadonlyMap<number, number>;

const BUCKETS_AN_OCTAVE = 4;
/** 2^30 microseconds are 18 minutes, longer than any call. */
const LAST_BUCKET = 30 * BUCKETS_AN_OCTAVE;
/** A weight below it is gone: it stands for a value of several half-lives ago. */
const LEAST_WEIGHT = 0.05;

export const EMPTY_DIGEST: Digest = new Map();

const bucketOf = (value: number): number =>
  Math.min(LAST_BUCKET, Math.max(0, Math.round(Math.log2(Math.max(1, value)) * BUCKETS_AN_OCTAVE)));

export const isDuration = (value: number | undefined): value is number =>
  value !== undefined && Number.isFinite(value) && value >= 0;

/** Takes a value in; undefined, or what is no duration, leaves it as it is. */
export const noteValue = (digest: Digest, value: number | undefined): Digest => {
  if (!isDuration(value)) return digest;
  const bucket = bucketOf(value);
  return new Map(digest).set(bucket, (digest.get(bucket) ?? 0) + 1);
};

/** @param factor 0..1 */
export const decayDigest = (digest: Digest, factor: number): Digest =>
  new Map(
    [...digest].flatMap(([bucket, weight]) => {
      const left = weight * factor;
      return left < LEAST_WEIGHT ? [] : [[bucket, left] as const];
    }),
  );

/** Of each bucket the larger weight. */
export const joinDigests = (a: Digest, b: Digest): Digest => {
  const joined = new Map(a);
  for (const [bucket, weight] of b) joined.set(bucket, Math.max(weight, joined.get(bucket) ?? 0));
  return joined;
};

/** How many values it stands for, the faded ones for less. */
export const weightOf = (digest: Digest): number => [...digest.values()].reduce((sum, weight) => sum + weight, 0);

/** The value that a share of all values is not above; undefined where there are none. @param share 0..1 */
export const quantileOf = (digest: Digest, share: number): number | undefined => {
  const sorted = [...digest].sort(([a], [b]) => a - b);
  const wanted = weightOf(digest) * share;
  let below = 0;
  for (const [bucket, weight] of sorted) {
    if (below + weight >= wanted) {
      // Within the bucket its values are taken to lie evenly.
      const inside = weight === 0 ? 0.5 : (wanted - below) / weight;
      return 2 ** ((bucket - 0.5 + inside) / BUCKETS_AN_OCTAVE);
    }
    below += weight;
  }
  return undefined;
};
