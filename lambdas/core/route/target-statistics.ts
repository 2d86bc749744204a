/**
 * How one target has been doing: calls of the last minutes by how they ended, and digests of its speed. Values, and pure
 * functions over them; who reads and writes them is elsewhere. The projector makes them from settled entries, and every
 * gateway process keeps its own of what it has seen since: `joinStatistics` makes one of both.
 */
import {
  type Digest,
  decayDigest,
  EMPTY_DIGEST,
  isDuration,
  joinDigests,
  noteValue,
  weightOf,
} from './decayed-digest.ts';

/**
 * How a call ended, as far as it says something of its target. `limited`: a 429. `broken`: an error, no connection, a cut or
 * malformed answer. `misconfigured`: a key or model name that the vendor does not take.
 */
export const CALL_KINDS = ['ok', 'limited', 'timeout', 'broken', 'misconfigured'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/** One count a kind, in the order of `CALL_KINDS`. */
export type CallCounts = readonly number[];

export interface TargetStatistics {
  /** Calls by the slot of time in which they ended: its number is the milliseconds since 1970 by `SLOT_MS`. */
  slots: ReadonlyMap<number, CallCounts>;
  /** Milliseconds since 1970 to which the digests are decayed. */
  at: number;
  /** When the newest call ended that the digests of streams, and that of whole answers, know of; 0 = none. */
  streamAt: number;
  wholeAt: number;
  /** Of streams, milliseconds until the first content. */
  firstTokenMs: Digest;
  /** Of streams, microseconds from one output token to the next. */
  tokenUs: Digest;
  /** Of answers that came whole, microseconds by output token, the wait for the first one included. */
  wholeTokenUs: Digest;
}

export const SLOT_MS = 10_000;
/** Slots that are kept: three minutes. */
export const SLOTS = 18;
export const WINDOW_MS = SLOTS * SLOT_MS;
/** A measured speed counts half after that: longer than a call's fate, since few requests measure much. */
export const SPEED_HALF_LIFE_MS = 10 * 60_000;
/** What each new measurement leaves of the weight of those before it: seven new ones outweigh any number of old ones. */
const KEPT_BY_NEWER = 0.9;
/** Measurements are stale when nothing newer has come for that long: the target may have changed, and should be tried again. */
export const STALE_MS = 60_000;
/** All that stale measurements weigh beside a fresh one: two or three of those outweigh them. */
const STALE_WEIGHT = 2.5;
/**
 * Of two accounts of a target everybody's lags a few seconds behind a process's own: by how much the older one's measurements
 * count half beside the newer one's, which has them too but for those seconds.
 */
const LAG_HALF_LIFE_MS = 1_000;

export const NO_STATISTICS: TargetStatistics = {
  slots: new Map(),
  at: 0,
  streamAt: 0,
  wholeAt: 0,
  firstTokenMs: EMPTY_DIGEST,
  tokenUs: EMPTY_DIGEST,
  wholeTokenUs: EMPTY_DIGEST,
};

/** What one call says of its target. */
export interface CallSample {
  /** Milliseconds since 1970. */
  endedAt: number;
  kind: CallKind;
  firstTokenMs?: number;
  tokenUs?: number;
  wholeTokenUs?: number;
}

const slotOf = (ms: number): number => Math.floor(ms / SLOT_MS);

/** The statistics as they stand at `now`: slots that are over are gone, speeds have faded. */
export const statisticsAt = (stats: TargetStatistics, now: number): TargetStatistics => {
  const oldest = slotOf(now) - SLOTS;
  // What a clock that ran ahead has written is of no time that has been; left in, it would never be over.
  const slots = new Map([...stats.slots].filter(([slot]) => slot > oldest && slot <= slotOf(now) + 1));
  const [streamAt, wholeAt] = [Math.min(stats.streamAt, now), Math.min(stats.wholeAt, now)];
  const ageMs = now - stats.at;
  if (ageMs <= 0) return { ...stats, slots, at: now, streamAt, wholeAt };
  const faded = (digest: Digest): Digest => decayDigest(digest, 0.5 ** (ageMs / SPEED_HALF_LIFE_MS));
  return {
    slots,
    at: now,
    streamAt,
    wholeAt,
    firstTokenMs: faded(stats.firstTokenMs),
    tokenUs: faded(stats.tokenUs),
    wholeTokenUs: faded(stats.wholeTokenUs),
  };
};

/** Takes a call in. One that ended before the window says nothing any more; one of the future, by a clock ahead, ended now. */
export const noteCall = (stats: TargetStatistics, sample: CallSample, now: number): TargetStatistics => {
  const current = statisticsAt(stats, now);
  const endedAt = Math.min(sample.endedAt, now);
  const slot = slotOf(endedAt);
  if (slot <= slotOf(now) - SLOTS) return current;
  const before = current.slots.get(slot) ?? [];
  const counts = CALL_KINDS.map((kind, i) => (before[i] ?? 0) + (kind === sample.kind ? 1 : 0));
  const { firstTokenMs, tokenUs, wholeTokenUs } = sample;
  const { streamAt, wholeAt } = current;
  const isStream = isDuration(firstTokenMs) || isDuration(tokenUs);
  return {
    slots: new Map(current.slots).set(slot, counts),
    at: current.at,
    streamAt: isStream ? Math.max(streamAt, endedAt) : streamAt,
    wholeAt: isDuration(wholeTokenUs) ? Math.max(wholeAt, endedAt) : wholeAt,
    firstTokenMs: noteSpeed(current.firstTokenMs, firstTokenMs, endedAt - streamAt),
    tokenUs: noteSpeed(current.tokenUs, tokenUs, endedAt - streamAt),
    wholeTokenUs: noteSpeed(current.wholeTokenUs, wholeTokenUs, endedAt - wholeAt),
  };
};

/** Takes a speed in, so that the newest measurements outweigh the others however many those are. @param gapMs since the one before */
const noteSpeed = (digest: Digest, value: number | undefined, gapMs: number): Digest => {
  if (!isDuration(value)) return digest;
  const kept = gapMs >= STALE_MS ? shareForWeight(digest, STALE_WEIGHT) : 1;
  return noteValue(decayDigest(digest, KEPT_BY_NEWER * kept), value);
};

/** By what a digest is to be multiplied so that it weighs no more than that. */
const shareForWeight = (digest: Digest, weight: number): number => Math.min(1, weight / weightOf(digest));

/**
 * What two accounts of the same target say together: of each figure the larger one. What a process has seen itself comes back
 * to it with everybody's a few seconds later, so a sum would count it twice. Joining the same again changes nothing. Speeds of
 * the account that was told of a call last count most: the other one knows less of how the target is now.
 */
export const joinStatistics = (a: TargetStatistics, b: TargetStatistics): TargetStatistics => {
  const now = Math.max(a.at, b.at);
  const [one, other] = [statisticsAt(a, now), statisticsAt(b, now)];
  const slots = new Map(one.slots);
  for (const [slot, counts] of other.slots) {
    const mine = slots.get(slot) ?? [];
    slots.set(
      slot,
      CALL_KINDS.map((_, i) => Math.max(mine[i] ?? 0, counts[i] ?? 0)),
    );
  }
  const aheadMs = { stream: one.streamAt - other.streamAt, whole: one.wholeAt - other.wholeAt };
  return {
    slots,
    at: now,
    streamAt: Math.max(one.streamAt, other.streamAt),
    wholeAt: Math.max(one.wholeAt, other.wholeAt),
    firstTokenMs: joinSpeeds(one.firstTokenMs, other.firstTokenMs, aheadMs.stream),
    tokenUs: joinSpeeds(one.tokenUs, other.tokenUs, aheadMs.stream),
    wholeTokenUs: joinSpeeds(one.wholeTokenUs, other.wholeTokenUs, aheadMs.whole),
  };
};

/** @param aheadMs by how much the newest measurement of `a` is newer than that of `b` */
const joinSpeeds = (a: Digest, b: Digest, aheadMs: number): Digest => {
  if (aheadMs < 0) return joinSpeeds(b, a, -aheadMs);
  const share = 0.5 ** (aheadMs / LAG_HALF_LIFE_MS);
  // A first call after a rest must not make its target an unmeasured one.
  const least = weightOf(a) < STALE_WEIGHT ? shareForWeight(b, STALE_WEIGHT) : 0;
  return joinDigests(a, decayDigest(b, Math.max(share, least)));
};

/** What a failure of each kind counts as, in failures. A busy target is not a broken one; a timeout has cost somebody seconds. */
export type FailureWeights = Readonly<Record<Exclude<CallKind, 'ok'>, number>>;
export const FAILURE_WEIGHTS: FailureWeights = { limited: 0.25, timeout: 1.5, broken: 1, misconfigured: 1 };

export interface FailureRate {
  calls: number;
  /** Unweighted. */
  failed: number;
  /** Weighted failures by calls, at most 1; 0 where there are no calls. */
  rate: number;
}

/**
 * The share of a target's calls that failed within the last minutes.
 *
 * @param options.since milliseconds since 1970: calls of slots that began before it are left out. After a circuit has closed,
 * what opened it must not open it again
 * @param options.windowMs at most `WINDOW_MS`
 */
export const failureRateOf = (
  stats: TargetStatistics | undefined,
  now: number,
  {
    since = Number.NEGATIVE_INFINITY,
    windowMs = WINDOW_MS,
    weights = FAILURE_WEIGHTS,
  }: { since?: number; windowMs?: number; weights?: FailureWeights } = {},
): FailureRate => {
  let [calls, failed, weighted] = [0, 0, 0];
  const earliest = Math.max(since, now - Math.min(windowMs, WINDOW_MS));
  for (const [slot, counts] of stats?.slots ?? []) {
    if ((slot + 1) * SLOT_MS <= earliest || slot * SLOT_MS < since || slot > slotOf(now) + 1) continue;
    CALL_KINDS.forEach((kind, i) => {
      const count = counts[i] ?? 0;
      calls += count;
      if (kind === 'ok') return;
      failed += count;
      weighted += count * weights[kind];
    });
  }
  return { calls, failed, rate: calls === 0 ? 0 : Math.min(1, weighted / calls) };
};
