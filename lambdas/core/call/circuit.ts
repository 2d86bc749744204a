/**
 * The circuit of one target as a pure state machine:
 *
 *   closed ──(too many fail)──▶ open ──(its time is up: one prober takes the lease)──▶ half-open ──(it answered)──▶ closed
 *                                 ▲                                                       │
 *                                 └──────────(it failed: open again, twice as long)───────┘
 *
 * One that has just closed is given a share of the requests, which grows in steps. Each move makes the next record, whose
 * version is the condition of the write: of many processes that move at once one succeeds, and that picks the single prober.
 * An override set by hand wins over all of it until it expires.
 */

import { CIRCUIT } from './call-policy.ts';
import type { CircuitRecord } from './circuit-store.ts';

/** What a circuit means for a call that would enter now. */
export type Standing =
  | { kind: 'closed' }
  /** `byHand`: somebody wants nothing sent there. */
  | { kind: 'open'; until: number; byHand?: true }
  /** The open time, or the last prober's lease, has run out: whoever takes the lease may try. */
  | { kind: 'probe-due' };

/** A target's circuit before anything was written of it. */
export const untouchedCircuit = (target: string): CircuitRecord => ({
  target,
  version: 0,
  circuit: { state: 'closed' },
  override: null,
  reason: '',
  changedAt: 0,
});

/**
 * Whether `until` still lies ahead, and no further than the machine itself could have put it: after a clock that ran ahead
 * was set back, a target is not shut out for hours.
 */
export const isAhead = (until: number, now: number, longestMs: number): boolean =>
  now < until && until - now <= longestMs;

export const isOverridden = ({ override }: CircuitRecord, now: number): boolean =>
  override !== null && now < override.until;

export const standingOf = ({ circuit, override }: CircuitRecord, now: number): Standing => {
  if (override !== null && now < override.until)
    return override.state === 'open' ? { kind: 'open', until: override.until, byHand: true } : { kind: 'closed' };
  switch (circuit.state) {
    case 'closed':
      return { kind: 'closed' };
    case 'open':
      return isAhead(circuit.until, now, CIRCUIT.longestOpenMs * (1 + CIRCUIT.openJitter))
        ? { kind: 'open', until: circuit.until }
        : { kind: 'probe-due' };
    case 'half-open':
      return isAhead(circuit.leaseUntil, now, CIRCUIT.leaseMs)
        ? { kind: 'open', until: circuit.leaseUntil }
        : { kind: 'probe-due' };
    default:
      return circuit satisfies never;
  }
};

/** Which part of the requests a closed circuit is given, growing in steps. One that was closed by hand, or never opened, gets all. */
export const slowStartShare = (record: CircuitRecord, now: number): number => {
  if (record.circuit.state !== 'closed' || record.version === 0 || isOverridden(record, now)) return 1;
  const ageMs = now - record.changedAt;
  return (ageMs < 0 ? undefined : CIRCUIT.slowStart.find(({ untilMs }) => ageMs < untilMs))?.share ?? 1;
};

/** How long the n-th opening in a row lasts, ms. @param fraction in [0, 1), for the jitter */
export const openTimeMs = (openings: number, fraction: number): number => {
  // The bound keeps the power finite; the cap is reached long before.
  const doubled = CIRCUIT.openMs * 2 ** Math.min(openings - 1, 30);
  return Math.round(Math.min(doubled, CIRCUIT.longestOpenMs) * (1 + CIRCUIT.openJitter * fraction));
};

/** Closed → open, or half-open → open again for longer. */
export const openCircuit = (record: CircuitRecord, now: number, fraction: number, reason: string): CircuitRecord => {
  const openings = record.circuit.state === 'closed' ? 1 : record.circuit.openings + 1;
  return moved(record, now, reason, { state: 'open', until: now + openTimeMs(openings, fraction), openings });
};

/** Open, or half-open with a lease that has run out → half-open with this prober. */
export const leaseProbe = (record: CircuitRecord, now: number, prober: string): CircuitRecord => {
  const openings = record.circuit.state === 'closed' ? 0 : record.circuit.openings;
  const leaseUntil = now + CIRCUIT.leaseMs;
  return moved(record, now, 'probing', { state: 'half-open', prober, leaseUntil, openings });
};

/** Half-open → closed: the prober was answered. */
export const closeCircuit = (record: CircuitRecord, now: number, reason: string): CircuitRecord =>
  moved(record, now, reason, { state: 'closed' });

/** Half-open → open until now: the prober learnt nothing, so that the next caller may probe at once. */
export const returnLease = (record: CircuitRecord, now: number, reason: string): CircuitRecord => {
  const openings = record.circuit.state === 'closed' ? 0 : record.circuit.openings;
  return moved(record, now, reason, { state: 'open', until: now, openings });
};

const moved = (
  record: CircuitRecord,
  now: number,
  reason: string,
  circuit: CircuitRecord['circuit'],
): CircuitRecord => ({ ...record, version: record.version + 1, circuit, reason, changedAt: now });
