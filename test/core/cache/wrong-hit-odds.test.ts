import { describe, expect, test } from '@jest/globals';
import { noteAudit, UNAUDITED, type WrongHitChange } from '../../../lambdas/core/cache/wrong-hits.ts';
import { seededRandom } from '../../adapters/embedded/embedded-worlds.ts';

/** Hits that are wrong by chance, in a share that the cache does not know (docs/decisions/044 has the figures). */

const POLICY = { maxWrongShare: 0.01, threshold: 0.9 };

/** After how many audits it was first done, in each run; Infinity where it was not within `most`. Tightening helps nothing here. */
const auditsUntil = (wanted: WrongHitChange, share: number, most: number, runs = 200): number[] => {
  const random = seededRandom(Math.round(share * 10_000));
  const once = (): number => {
    let state = UNAUDITED;
    for (let audits = 1; audits <= most; audits++) {
      const noted = noteAudit(state, random.fraction() < share, POLICY);
      if (noted.change === wanted) return audits;
      ({ state } = noted);
    }
    return Number.POSITIVE_INFINITY;
  };
  return Array.from({ length: runs }, once).sort((a, b) => a - b);
};

const partOf = (audits: readonly number[], within: number): number =>
  audits.filter((count) => count <= within).length / audits.length;

describe('a cache that may be wrong in 1 % of its hits', () => {
  test.each([
    [0.5, 10, 40],
    [0.2, 30, 110],
    [0.1, 60, 200],
    [0.05, 140, 450],
    [0.02, 1_000, 4_000],
  ])(
    'and is in %d has raised its threshold after %i audits in nine of ten cases, and is off after %i',
    (share, tightened, off) => {
      expect(partOf(auditsUntil('tightened', share, tightened), tightened)).toBeGreaterThanOrEqual(0.9);
      expect(partOf(auditsUntil('turned-off', share, off), off)).toBeGreaterThanOrEqual(0.9);
    },
  );

  test('and is in 0.5 % stays as it is through 10,000 audits in nine of ten cases and is never off; in 0.2 % hardly ever changes', () => {
    const [runs, most] = [60, 10_000];
    expect(partOf(auditsUntil('tightened', 0.005, most, runs), most)).toBeLessThan(0.1);
    expect(partOf(auditsUntil('turned-off', 0.005, most, runs), most)).toBe(0);
    expect(partOf(auditsUntil('tightened', 0.002, most, runs), most)).toBeLessThan(0.05);
  });
});
