/**
 * Rate limits by the generic cell rate algorithm: one number a limit, the theoretical arrival time (TAT) at which
 * everything taken so far will have drained. A limit of N a minute drains N units a minute and holds one minute's worth,
 * so an idle caller may take N at once, and in any window of W minutes at most N·W + N are admitted.
 *
 * A burst of a whole minute is what the vendors' own limits do (token buckets that refill continuously), so a client tuned
 * to theirs behaves the same here. A smaller one would refuse a request for its size alone: an estimate of 30,000 tokens
 * must fit a limit of 40,000 a minute.
 *
 * Times are integer microseconds since 1970 (below 2^53 until 2255). The cost of n units is rounded up once, so a limit is
 * never exceeded and never missed by more than a microsecond a request.
 */
export const LIMIT_PERIOD_US = 60_000_000;

/** Clocks of callers may disagree by so much before a bucket from the future counts as written under a wrong clock. */
const CLOCK_TOLERANCE_US = 1_000_000;

export interface Bucket {
  tatUs: number;
  /** When the bucket was last written, by the writer's clock. */
  atUs: number;
}

export interface BucketStanding {
  /** Units that would be admitted now. */
  remaining: number;
  /** Until the limit is whole again, milliseconds. */
  resetMs: number;
}

export type BucketOutcome =
  | { kind: 'admitted'; bucket: Bucket }
  /** `retryAfterMs` is exact: admitted then, refused a millisecond earlier, if nobody else takes. `never`: waiting can't help. */
  | { kind: 'refused'; retryAfterMs: number; never: boolean };

/** ⌊a·b / c⌋ and whether anything was left, exact where the product passes 2^53. */
const multiplyDivide = (a: number, b: number, c: number): { quotient: number; exact: boolean } => {
  const product = a * b;
  if (Number.isSafeInteger(product)) {
    const rest = product % c;
    return { quotient: (product - rest) / c, exact: rest === 0 };
  }
  const wide = BigInt(a) * BigInt(b);
  return { quotient: Number(wide / BigInt(c)), exact: wide % BigInt(c) === 0n };
};

/** The farthest that a TAT may lie, so that sums stay exact integers. */
const clampTime = (timeUs: number): number => Math.min(timeUs, Number.MAX_SAFE_INTEGER - LIMIT_PERIOD_US);

/** Time that `units` take to drain at `limit` a minute, rounded up. */
const drainTimeUs = (units: number, limit: number): number => {
  if (units === 0) return 0;
  const { quotient, exact } = multiplyDivide(units, LIMIT_PERIOD_US, limit);
  return exact ? quotient : quotient + 1;
};

const checkUnits = (name: string, value: number): void => {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${name}: expected a whole number from 0, got ${value}`);
};

/**
 * The bucket as it stands at `nowMs`; an absent one is full. One written at a time that lies ahead of now was written
 * before the clock went back: it moves back by as much, or its callers would be locked out for the length of the jump.
 */
export const readBucket = (stored: Bucket | undefined, nowMs: number): Bucket => {
  const nowUs = Math.floor(nowMs) * 1000;
  if (stored === undefined) return { tatUs: nowUs, atUs: nowUs };
  const aheadUs = stored.atUs - nowUs;
  const tatUs = aheadUs > CLOCK_TOLERANCE_US ? stored.tatUs - aheadUs : stored.tatUs;
  return { tatUs: Math.max(tatUs, nowUs), atUs: nowUs };
};

/** Whether a bucket was written under a clock that has since gone back. It must then be written anew even on a refusal, or it would never drain. */
export const isAhead = (stored: Bucket | undefined, nowMs: number): boolean =>
  stored !== undefined && stored.atUs - Math.floor(nowMs) * 1000 > CLOCK_TOLERANCE_US;

/**
 * Takes `units` from a bucket of `limit` a minute.
 *
 * @throws {RangeError} when units or limit is not a whole number from 0.
 */
export const takeUnits = (
  stored: Bucket | undefined,
  { limit, units, nowMs }: { limit: number; units: number; nowMs: number },
): BucketOutcome => {
  checkUnits('limit', limit);
  checkUnits('units', units);
  if (units > limit) return { kind: 'refused', retryAfterMs: 0, never: true };
  const bucket = readBucket(stored, nowMs);
  const tatUs = bucket.tatUs + drainTimeUs(units, limit);
  const waitUs = tatUs - LIMIT_PERIOD_US - bucket.atUs;
  if (waitUs > 0) return { kind: 'refused', retryAfterMs: Math.ceil(waitUs / 1000), never: false };
  return { kind: 'admitted', bucket: { tatUs, atUs: bucket.atUs } };
};

/** Gives units back: the exact inverse of a take that was just made; later it never fills the bucket beyond whole. */
export const returnUnits = (
  stored: Bucket | undefined,
  { limit, units, nowMs }: { limit: number; units: number; nowMs: number },
): Bucket => {
  checkUnits('units', units);
  const bucket = readBucket(stored, nowMs);
  if (units > limit) return { tatUs: bucket.atUs, atUs: bucket.atUs };
  return { tatUs: bucket.tatUs - drainTimeUs(units, limit), atUs: bucket.atUs };
};

/** Takes units that were used already, room or not: what is over becomes a debt that drains before anybody is admitted again. */
export const chargeUnits = (
  stored: Bucket | undefined,
  { limit, units, nowMs }: { limit: number; units: number; nowMs: number },
): Bucket => {
  checkUnits('units', units);
  const bucket = readBucket(stored, nowMs);
  if (limit === 0) return bucket;
  return { tatUs: clampTime(bucket.tatUs + drainTimeUs(units, limit)), atUs: bucket.atUs };
};

/** What is left of a bucket of `limit` a minute. */
export const readStanding = (
  stored: Bucket | undefined,
  { limit, nowMs }: { limit: number; nowMs: number },
): BucketStanding => {
  const bucket = readBucket(stored, nowMs);
  const roomUs = bucket.atUs + LIMIT_PERIOD_US - bucket.tatUs;
  return {
    remaining: roomUs <= 0 ? 0 : multiplyDivide(roomUs, limit, LIMIT_PERIOD_US).quotient,
    resetMs: Math.ceil((bucket.tatUs - bucket.atUs) / 1000),
  };
};
