import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accountKey, runKey } from '../../../lambdas/core/admit/account-keys.ts';
import type { ScopeKind } from '../../../lambdas/core/budget/budgets.ts';

const scopes = fc.constantFrom<ScopeKind>('org', 'team', 'user', 'key', 'tag', 'alias', 'run');
const periods = fc.constantFrom('2026-11', '2026-11-22', '2026-W47', 'all');
/** Ids made of what could go wrong, lone surrogates included. */
const ids = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(fc.constantFrom('#', '%', '2', '3', '5', 'u', 'h', '\ud800', '\udc00', '2026-11', 'team', '\n', 'é'), {
      maxLength: 8,
    })
    .map((parts) => parts.join('')),
);
const triple = fc.tuple(scopes, ids, periods);

describe('account keys', () => {
  test('an ordinary id stands in its key as it is', () => {
    expect(accountKey('team', 'search', '2026-11')).toBe('team#search#2026-11');
    expect(accountKey('user', 'ada.lovelace@example.com', '2026-11-22')).toBe(
      'user#ada.lovelace@example.com#2026-11-22',
    );
    expect(accountKey('user', 'Zoë 東京', '2026-11')).toBe('user#Zoë 東京#2026-11');
  });

  test('an id can never spell the key of another account', () => {
    expect(accountKey('user', 'a#2026-11', '2026-12')).toBe('user#a%232026-11#2026-12');
    expect(accountKey('user', 'a%23', '2026-12')).not.toBe(accountKey('user', 'a#', '2026-12'));
    expect(accountKey('user', '\ud800', '2026-12')).not.toBe(accountKey('user', '\ufffd', '2026-12'));
  });

  test('two accounts never share a key, not even written as UTF-8', () => {
    fc.assert(
      fc.property(triple, triple, (a, b) => {
        const same = a.every((part, i) => part === b[i]);
        const bytes = (parts: typeof a) => Buffer.from(accountKey(...parts), 'utf8').toString('hex');
        expect(bytes(a) === bytes(b)).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a key has two marks, no control character, and fits into a DynamoDB key', () => {
    fc.assert(
      fc.property(triple, (parts) => {
        const key = accountKey(...parts);
        expect(key.split('#')).toHaveLength(3);
        expect(key).not.toMatch(/\p{Cc}/u);
        expect(Buffer.byteLength(key)).toBeLessThan(2_048);
      }),
    );
  });

  test('no team can name the run of another', () => {
    const team = fc
      .array(fc.constantFrom('a', 'b', '/', '#', '%'), { minLength: 1, maxLength: 5 })
      .map((c) => c.join(''));
    const run = fc.stringMatching(/^[ab][ab.:-]{0,4}$/);
    fc.assert(
      fc.property(team, run, team, run, (teamA, runA, teamB, runB) => {
        const isSame = teamA === teamB && runA === runB;
        expect(accountKey('run', runKey(teamA, runA), 'all') === accountKey('run', runKey(teamB, runB), 'all')).toBe(
          isSame,
        );
      }),
      { numRuns: 1_000 },
    );
    expect(accountKey('run', runKey('search', 'deploy-42'), 'all')).toBe('run#search/deploy-42#all');
  });

  test('long ids that differ only at their end have keys of their own', () => {
    const long = 'x'.repeat(5_000);
    expect(accountKey('user', `${long}1`, '2026-11')).not.toBe(accountKey('user', `${long}2`, '2026-11'));
  });
});
