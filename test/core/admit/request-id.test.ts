import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LANES } from '../../../lambdas/contract/timing.ts';
import { makeRequestId, parseRequestId } from '../../../lambdas/core/admit/request-id.ts';

const RANDOM = 'aB3dE6gH9jK2mN5p';

describe('request ids', () => {
  test('say the epoch in base 36, the lane and the random part', () => {
    expect(makeRequestId({ epoch: 5_983_200, lane: 7, random: RANDOM })).toBe(`req_3k8o0_7_${RANDOM}`);
  });

  test('come back as they were made', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 ** 12 }),
        fc.integer({ min: 0, max: LANES - 1 }),
        fc.stringMatching(/^[0-9A-Za-z]{16,64}$/),
        (epoch, lane, random) => {
          expect(parseRequestId(makeRequestId({ epoch, lane, random }))).toEqual({ epoch, lane, random });
        },
      ),
    );
  });

  test('of what parses there is one spelling only', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^req_[0-9a-zA]{1,3}_[0-9]{1,2}_[0-9a-z!]{15,17}$/), (text) => {
        const parts = parseRequestId(text);
        if (parts !== undefined) expect(makeRequestId(parts)).toBe(text);
      }),
    );
  });

  test.each([
    '',
    'req_',
    RANDOM,
    `req_1_${RANDOM}`,
    `req_1_16_${RANDOM}`,
    `req_1_-1_${RANDOM}`,
    `req_01_1_${RANDOM}`,
    `req_1_01_${RANDOM}`,
    `req_1a!_1_${RANDOM}`,
    `req_A_1_${RANDOM}`,
    `req_1_1_${RANDOM}!`,
    `req_1_1_${RANDOM}\n`,
    ` req_1_1_${RANDOM}`,
    `req_1_1_${RANDOM.slice(1)}`,
    `req_1_1_${'a'.repeat(65)}`,
    `req_zzzzzzzzzzz_1_${RANDOM}`,
    `req_1_1_${'é'.repeat(16)}`,
  ])('%j is none', (text) => {
    expect(parseRequestId(text)).toBeUndefined();
  });

  test.each([
    { epoch: -1, lane: 0, random: RANDOM },
    { epoch: 1.5, lane: 0, random: RANDOM },
    { epoch: 1, lane: LANES, random: RANDOM },
    { epoch: 1, lane: 0, random: 'short' },
    { epoch: 1, lane: 0, random: `${RANDOM}!` },
  ])('%j makes none', (parts) => {
    expect(() => makeRequestId(parts)).toThrow(RangeError);
  });
});
