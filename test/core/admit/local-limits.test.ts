import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import { epochOf } from '../../../lambdas/contract/timing.ts';
import type { LimitTake } from '../../../lambdas/core/admit/limit-store.ts';
import { makeLocalLimits } from '../../../lambdas/core/admit/local-limits.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const SCOPES = ['key#k1', 'team#search', 'org#acme'];
const limit = fc.record(
  {
    requestsPerMinute: fc.integer({ min: 1, max: 6 }),
    tokensPerMinute: fc.integer({ min: 1, max: 500 }),
    concurrent: fc.integer({ min: 1, max: 3 }),
  },
  { requiredKeys: [] },
);
type Step =
  | { kind: 'take'; scopes: string[]; tokens: number }
  | { kind: 'settle'; which: number; used: number }
  | { kind: 'giveBack'; which: number }
  | { kind: 'wait'; ms: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('take' as const),
    scopes: fc.subarray(SCOPES),
    tokens: fc.integer({ min: 0, max: 300 }),
  }),
  fc.record({ kind: fc.constant('settle' as const), which: fc.nat(20), used: fc.integer({ min: 0, max: 900 }) }),
  fc.record({ kind: fc.constant('giveBack' as const), which: fc.nat(20) }),
  // Not so long that the store takes a request for lost: nobody here dies.
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
);

test('limits kept in a process let in, refuse and tell exactly what the store would', async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(limit, limit, limit),
      fc.array(step, { minLength: 5, maxLength: 40 }),
      async (limits, steps) => {
        const clock = makeFakeClock();
        const stores = openEmbeddedStores({ file: ':memory:', clock, random: systemRandom });
        const local = makeLocalLimits();
        const underWay: LimitTake[][] = [];
        const oneOf = (which: number) => underWay.splice(which % Math.max(1, underWay.length), 1)[0];
        try {
          for (const one of steps) {
            const now = clock.now();
            const epoch = epochOf(now);
            if (one.kind === 'wait') await clock.advance(one.ms);
            else if (one.kind === 'take') {
              const takes = one.scopes.map((scope) => ({
                scope,
                limit: limits[SCOPES.indexOf(scope)] ?? {},
                tokens: one.tokens,
              }));
              const there = await stores.limits.take(takes, epoch, now);
              const here = local.take(takes, now);
              expect(here).toEqual(there);
              if (here.kind === 'taken') underWay.push(takes);
              else refused += 1;
            } else {
              const takes = oneOf(one.which);
              if (takes === undefined) continue;
              if (one.kind === 'settle') {
                await stores.limits.settle(takes, epoch, one.used, now);
                local.settle(takes, one.used, now);
              } else {
                await stores.limits.giveBack(takes, epoch, now);
                local.giveBack(takes, now);
              }
            }
          }
        } finally {
          stores.close();
        }
      },
    ),
    { numRuns: 150 },
  );
  expect(refused).toBeGreaterThan(100);
});

describe('scopes that nobody uses', () => {
  test('are forgotten, so that memory is bounded; those with requests under way are not', () => {
    const local = makeLocalLimits();
    const one = (scope: string): LimitTake => ({ scope, limit: { concurrent: 1 }, tokens: 0 });
    local.take([one('busy')], 0);
    for (let i = 0; i < 20_000; i++) {
      local.take([one(`idle${i}`)], 0);
      local.giveBack([one(`idle${i}`)], 0);
    }
    expect(local.take([one('busy')], 0).kind).toBe('refused');
  });
});
