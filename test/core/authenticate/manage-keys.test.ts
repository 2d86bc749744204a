import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type EmbeddedStores, openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import { parseApiKey, secretMatches } from '../../../lambdas/core/authenticate/api-key.ts';
import { issueKey, type NewKey, revokeKey, rotateKey } from '../../../lambdas/core/authenticate/manage-keys.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const clock = makeFakeClock();
const HOUR = 3_600_000;

const wanted: NewKey = {
  name: 'search app',
  team: 'search',
  user: 'ann',
  tags: { project: 'x' },
  aliases: ['assistant'],
  rights: ['read-usage'],
  expiresAt: null,
};

let stores: EmbeddedStores;
const ports = () => ({ access: stores.access, clock, random: systemRandom });

beforeEach(() => {
  stores = openEmbeddedStores({ file: ':memory:', clock, random: systemRandom });
});
afterEach(() => stores.close());

/** The value, or the problem as an error. */
const done = <T>(change: { ok: true; value: T } | { ok: false; problem: string }): T => {
  if (!change.ok) throw new Error(change.problem);
  return change.value;
};

describe('a new key', () => {
  test('is stored with what it is for and opens by its secret, which is not stored', async () => {
    const { key, record } = await issueKey(wanted, ports());
    const stored = await stores.access.findKey(record.id);
    expect(stored).toEqual({ ...wanted, id: record.id, hash: record.hash, createdAt: clock.now(), revokedAt: null });
    const { id, secret } = parseApiKey(key) ?? { id: '', secret: '' };
    expect(id).toBe(record.id);
    expect(secretMatches(secret, record.hash)).toBe(true);
    expect(JSON.stringify(stored)).not.toContain(secret);
  });

  test('whose id is taken is made anew, and the other key stays', async () => {
    const first = await issueKey(wanted, ports());
    let repeats = true;
    const random = {
      ...systemRandom,
      // Makes the id of the first key once more, then goes on as ever.
      bytes: (count: number) => {
        if (!repeats) return systemRandom.bytes(count);
        repeats = false;
        const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
        return Uint8Array.from([...first.record.id.repeat(2)].slice(0, count), (character) =>
          alphabet.indexOf(character),
        );
      },
    };
    const second = await issueKey({ ...wanted, name: 'other' }, { ...ports(), random });
    expect(second.record.id).not.toBe(first.record.id);
    expect(repeats).toBe(false);
    expect((await stores.access.listKeys()).map(({ name }) => name).sort()).toEqual(['other', 'search app']);
  });

  test('is not looked for without end where randomness repeats itself', async () => {
    const random = { ...systemRandom, bytes: (count: number) => new Uint8Array(count) };
    await issueKey(wanted, { ...ports(), random });
    await expect(issueKey(wanted, { ...ports(), random })).rejects.toThrow('repeats itself');
  });
});

describe('revoking', () => {
  test('ends a key now, also one that was to end later', async () => {
    const { record } = await issueKey(wanted, ports());
    await stores.access.revokeKey(record.id, clock.now() + HOUR);
    expect(done(await revokeKey(record.id, ports())).revokedAt).toBe(clock.now());
  });

  test('twice keeps the first time', async () => {
    const { record } = await issueKey(wanted, ports());
    const { revokedAt } = done(await revokeKey(record.id, ports()));
    await clock.advance(HOUR);
    expect(done(await revokeKey(record.id, ports())).revokedAt).toBe(revokedAt);
  });

  test('a key that does not exist is a problem', async () => {
    expect(await revokeKey('nope', ports())).toMatchObject({ ok: false, problem: expect.stringContaining('"nope"') });
  });
});

describe('rotating', () => {
  test('makes a key for the same and lets the old one work for the grace', async () => {
    const { record } = await issueKey({ ...wanted, expiresAt: clock.now() + 100 * HOUR }, ports());
    const { key, record: next, old } = done(await rotateKey(record.id, { graceMs: 24 * HOUR }, ports()));
    expect(parseApiKey(key)?.id).toBe(next.id);
    expect(next).toEqual({ ...record, id: next.id, hash: next.hash, createdAt: clock.now() });
    expect(next.hash).not.toBe(record.hash);
    expect(old).toEqual({ ...record, revokedAt: clock.now() + 24 * HOUR });
    expect(await stores.access.listKeys()).toHaveLength(2);
  });

  test('twice does not let the old key live longer', async () => {
    const { record } = await issueKey(wanted, ports());
    await rotateKey(record.id, { graceMs: HOUR }, ports());
    const { old } = done(await rotateKey(record.id, { graceMs: 24 * HOUR }, ports()));
    expect(old.revokedAt).toBe(clock.now() + HOUR);
  });

  test('a revoked, expired or unknown key makes none', async () => {
    const revoked = await issueKey(wanted, ports());
    await revokeKey(revoked.record.id, ports());
    const expired = await issueKey({ ...wanted, expiresAt: clock.now() }, ports());
    for (const id of [revoked.record.id, expired.record.id, 'nope'])
      expect(await rotateKey(id, { graceMs: 0 }, ports())).toMatchObject({ ok: false });
    expect(await stores.access.listKeys()).toHaveLength(2);
  });

  test('an expired key makes one that ends at another time', async () => {
    const { record } = await issueKey({ ...wanted, expiresAt: clock.now() }, ports());
    const rotated = done(await rotateKey(record.id, { graceMs: 0, expiresAt: clock.now() + HOUR }, ports()));
    expect(rotated.record.expiresAt).toBe(clock.now() + HOUR);
  });
});
