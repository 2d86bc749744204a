import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Limits } from '../../../lambdas/core/admit/limit-store.ts';
import { chargedTokens, takesOf, tokenCharge } from '../../../lambdas/core/admit/limit-takes.ts';

const limits = (more: Partial<Limits>): Limits => ({
  teams: new Map(),
  users: new Map(),
  keys: new Map(),
  aliases: new Map(),
  ...more,
});
const charge = (input: number, output: number, usualTokens = 4_096, choices = 1) =>
  tokenCharge(input, output, { usualTokens, choices });

describe('what a request is charged at the door', () => {
  test('its input, and of its output limit no more than an answer usually has', () => {
    expect(chargedTokens({ tokensPerMinute: 100_000 }, charge(500, 300))).toBe(800);
    expect(chargedTokens({ tokensPerMinute: 100_000 }, charge(500, 32_000))).toBe(4_596);
  });

  test('for every choice', () => {
    expect(chargedTokens({ tokensPerMinute: 100_000 }, charge(500, 300, 4_096, 3))).toBe(1_400);
  });

  test('with back-pressure the whole output limit, since that can be lowered', () => {
    const limit = { tokensPerMinute: 10_000, backPressure: 'clamp' } as const;
    expect(chargedTokens(limit, charge(500, 32_000))).toBe(32_500);
  });

  test('a request whose input fits is never refused for good because of its answer', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.nat(100_000),
        fc.integer({ min: 1, max: 10_000 }),
        (input, output, tokensPerMinute) => {
          const tokens = chargedTokens({ tokensPerMinute }, charge(input, output));
          if (input <= tokensPerMinute) expect(tokens).toBeLessThanOrEqual(tokensPerMinute);
          else expect(tokens).toBe(input);
          expect(tokens).toBeGreaterThanOrEqual(input);
        },
      ),
    );
  });
});

describe('the limit of a scope', () => {
  const scopes = [
    { kind: 'org', id: 'acme' },
    { kind: 'team', id: 'search' },
    { kind: 'user', id: 'ada' },
    { kind: 'key', id: 'k1' },
    { kind: 'alias', id: 'assistant' },
    { kind: 'tag', id: 'a=b' },
  ] as const;
  const requests = (limit: Partial<Limits>) =>
    takesOf(scopes, limits(limit), charge(1, 1)).map(({ scope, limit }) => [scope, limit.requestsPerMinute]);

  test('is its own, else the one of all of its kind', () => {
    const every = { requestsPerMinute: 1 };
    const own = { requestsPerMinute: 2 };
    expect(requests({ org: every, perTeam: every, perUser: every, perKey: every, perAlias: every })).toEqual([
      ['org#acme', 1],
      ['team#search', 1],
      ['user#ada', 1],
      ['key#k1', 1],
      ['alias#assistant', 1],
    ]);
    expect(
      requests({
        perTeam: every,
        teams: new Map([['search', own]]),
        users: new Map([['ada', own]]),
        keys: new Map([['k1', own]]),
        aliases: new Map([['assistant', own]]),
      }),
    ).toEqual([
      ['team#search', 2],
      ['user#ada', 2],
      ['key#k1', 2],
      ['alias#assistant', 2],
    ]);
    expect(requests({ users: new Map([['bob', own]]) })).toEqual([]);
  });
});
