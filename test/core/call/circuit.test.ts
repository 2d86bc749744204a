import { describe, expect, test } from '@jest/globals';
import {
  closeCircuit,
  leaseProbe,
  openCircuit,
  openTimeMs,
  returnLease,
  standingOf,
  untouchedCircuit,
} from '../../../lambdas/core/call/circuit.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const fresh = untouchedCircuit('a');
const opened = openCircuit(fresh, NOW, 0, 'server_error 500');
const leased = leaseProbe(opened, NOW + 30_000, 'p1');

describe('a circuit', () => {
  test('opens for thirty seconds', () => {
    expect(opened).toEqual({
      target: 'a',
      version: 1,
      circuit: { state: 'open', until: NOW + 30_000, openings: 1 },
      override: null,
      reason: 'server_error 500',
      changedAt: NOW,
    });
    expect(standingOf(opened, NOW + 29_999)).toEqual({ kind: 'open', until: NOW + 30_000 });
  });

  test('is due for a probe when its time is up', () => {
    expect(standingOf(opened, NOW + 30_000)).toEqual({ kind: 'probe-due' });
  });

  test('is shut to others while a prober holds the lease', () => {
    expect(leased.version).toBe(2);
    expect(standingOf(leased, NOW + 30_001)).toEqual({ kind: 'open', until: NOW + 60_000 });
  });

  test('is due for a probe again when a prober’s lease runs out without a word', () => {
    expect(standingOf(leased, NOW + 60_000)).toEqual({ kind: 'probe-due' });
  });

  test('opens again for twice as long when the prober fails', () => {
    expect(openCircuit(leased, NOW, 0, 'again').circuit).toEqual({ state: 'open', until: NOW + 60_000, openings: 2 });
  });

  test('closes when the prober is answered, and counts openings from one again', () => {
    const closed = closeCircuit(leased, NOW, 'probe answered');
    expect(standingOf(closed, NOW)).toEqual({ kind: 'closed' });
    expect(openCircuit(closed, NOW, 0, 'x').circuit).toMatchObject({ openings: 1 });
  });

  test('may be probed at once when a prober learnt nothing, and keeps its count', () => {
    const returned = returnLease(leased, NOW + 31_000, 'abandoned');
    expect(standingOf(returned, NOW + 31_000)).toEqual({ kind: 'probe-due' });
    expect(openCircuit(leaseProbe(returned, NOW, 'p2'), NOW, 0, 'x').circuit).toMatchObject({ openings: 2 });
  });

  test.each([
    [1, 30_000],
    [2, 60_000],
    [3, 120_000],
    [4, 240_000],
    [5, 300_000],
    [1_000, 300_000],
  ])('opening %i lasts %i ms', (openings, ms) => {
    expect(openTimeMs(openings, 0)).toBe(ms);
    expect(openTimeMs(openings, 0.999)).toBeGreaterThan(ms);
    expect(openTimeMs(openings, 0.999)).toBeLessThanOrEqual(ms * 1.1);
  });

  test('set open by hand is open until then, whatever the machine says', () => {
    const forced = { ...fresh, override: { state: 'open', until: NOW + 1_000 } } as const;
    expect(standingOf(forced, NOW)).toEqual({ kind: 'open', until: NOW + 1_000, byHand: true });
    expect(standingOf(forced, NOW + 1_000)).toEqual({ kind: 'closed' });
  });

  test('set closed by hand is closed until then, whatever the machine says', () => {
    const forced = { ...opened, override: { state: 'closed', until: NOW + 1_000 } } as const;
    expect(standingOf(forced, NOW)).toEqual({ kind: 'closed' });
    expect(standingOf(forced, NOW + 1_000)).toEqual({ kind: 'open', until: NOW + 30_000 });
  });

  test('opened by a clock that ran ahead by a day is probed, not shut for a day', () => {
    const ahead = openCircuit(fresh, NOW + 86_400_000, 0, 'x');
    expect(standingOf(ahead, NOW)).toEqual({ kind: 'probe-due' });
    expect(standingOf(leaseProbe(ahead, NOW + 86_400_000, 'p'), NOW)).toEqual({ kind: 'probe-due' });
  });
});
