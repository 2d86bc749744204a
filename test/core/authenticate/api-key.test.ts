import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeApiKey, parseApiKey, randomText, secretMatches } from '../../../lambdas/core/authenticate/api-key.ts';
import type { Random } from '../../../lambdas/core/ports.ts';

const randomFrom = (seed: number): Random => {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  return {
    bytes: (count) => Uint8Array.from({ length: count }, () => next() >>> 24),
    fraction: () => next() / 2 ** 32,
  };
};

describe('API keys', () => {
  test('a made key parses back to its id and a secret that matches its hash', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { key, id, hash } = makeApiKey(randomFrom(seed));
        const parsed = parseApiKey(key);
        expect(key).toMatch(/^tg_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$/);
        expect(parsed?.id).toBe(id);
        expect(secretMatches(parsed?.secret ?? '', hash)).toBe(true);
        expect(hash).not.toContain(parsed?.secret);
      }),
    );
  });

  test('any single changed character is refused by the checksum or by the secret', () => {
    const { key, id, hash } = makeApiKey(randomFrom(7));
    fc.assert(
      fc.property(fc.nat(key.length - 1), fc.constantFrom(...'0123456789abcXYZ_- '), (at, character) => {
        fc.pre(key[at] !== character);
        const changed = key.slice(0, at) + character + key.slice(at + 1);
        const parsed = parseApiKey(changed);
        if (parsed === undefined) return;
        expect(parsed.id === id && secretMatches(parsed.secret, hash)).toBe(false);
      }),
    );
  });

  test.each([
    ['', 'empty'],
    ['sk-proj-abc', "another vendor's"],
    ['tg_short_x', 'too short'],
  ])('%s is no key (%s)', (text) => {
    expect(parseApiKey(text)).toBeUndefined();
  });

  test('random text uses the whole alphabet without bias towards its beginning', () => {
    const text = randomText(randomFrom(3), 62 * 500);
    const counts = new Map<string, number>();
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
    expect(counts.size).toBe(62);
    expect(Math.max(...counts.values()) / Math.min(...counts.values())).toBeLessThan(1.6);
  });

  test('a stored hash of the wrong length matches nothing and does not throw', () => {
    expect(secretMatches('anything', 'abcd')).toBe(false);
  });
});
