import type { Ports } from '../ports.ts';
import type { KeyRecord } from './access-store.ts';
import { makeApiKey } from './api-key.ts';

type KeyPorts = Pick<Ports, 'access' | 'clock' | 'random'>;

/** What a new key is for; the rest is made. */
export type NewKey = Pick<KeyRecord, 'name' | 'team' | 'user' | 'tags' | 'aliases' | 'rights' | 'expiresAt'>;

export interface IssuedKey {
  /** The whole key: shown to its owner now, and never again. */
  key: string;
  record: KeyRecord;
}

export type KeyChange<T> = { ok: true; value: T } | { ok: false; problem: string };

/** Ids are random, so that a second try is as good as sure; a third one means that something else is wrong. */
const ID_TRIES = 3;

/** Makes a key and stores its hash. @throws {StoreUnavailable} */
export const issueKey = async (wanted: NewKey, { access, clock, random }: KeyPorts): Promise<IssuedKey> => {
  for (let tries = 0; tries < ID_TRIES; tries++) {
    const { key, id, hash } = makeApiKey(random);
    const record: KeyRecord = { ...wanted, id, hash, createdAt: clock.now(), revokedAt: null };
    if (await access.createKey(record)) return { key, record };
  }
  throw new Error(`${ID_TRIES} new key ids in a row were taken: the source of randomness repeats itself`);
};

/** Ends a key now. An earlier revocation stays. @throws {StoreUnavailable} */
export const revokeKey = async (id: string, ports: KeyPorts): Promise<KeyChange<KeyRecord>> => {
  await ports.access.revokeKey(id, ports.clock.now());
  const record = await ports.access.findKey(id);
  return record === undefined ? noSuchKey(id) : { ok: true, value: record };
};

/**
 * A new key in the place of an old one, which goes on working for `graceMs`. The new one is stored first: a crash between
 * leaves two keys that work, never none.
 *
 * @param change.expiresAt where the new key is to end at another time than the old one
 * @throws {StoreUnavailable}
 */
export const rotateKey = async (
  id: string,
  change: { graceMs: number; expiresAt?: number },
  ports: KeyPorts,
): Promise<KeyChange<IssuedKey & { old: KeyRecord }>> => {
  const found = await ports.access.findKey(id);
  const now = ports.clock.now();
  if (found === undefined) return noSuchKey(id);
  if (found.revokedAt !== null && found.revokedAt <= now)
    return { ok: false, problem: `The key ${id} was revoked on ${isoDate(found.revokedAt)}. Create a new one.` };
  const expiresAt = change.expiresAt ?? found.expiresAt;
  if (expiresAt !== null && expiresAt <= now)
    return { ok: false, problem: `The key ${id} expired on ${isoDate(expiresAt)}. Say when the new one shall expire.` };
  const { name, team, user, tags, aliases, rights } = found;
  const issued = await issueKey({ name, team, user, tags, aliases, rights, expiresAt }, ports);
  await ports.access.revokeKey(id, now + change.graceMs);
  const old = (await ports.access.findKey(id)) ?? found;
  return { ok: true, value: { ...issued, old } };
};

const noSuchKey = (id: string): { ok: false; problem: string } => ({
  ok: false,
  problem: `There is no key with the id ${JSON.stringify(id)}. The id is the part between "tg_" and the next "_".`,
});

const isoDate = (timeMs: number): string => new Date(timeMs).toISOString();
