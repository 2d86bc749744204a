import type { AccessStore, Clock, KeyRecord } from '../ports.ts';

/** A revoked key stops within 30 s everywhere: this, plus the longest time a lookup under way may take. */
const FRESH_MS = 10_000;
const MOST_KEYS = 10_000;

/**
 * Remembers key lookups for ten seconds, so that a warm request asks no store. Unknown ids are remembered as well: a flood
 * of one wrong key costs one read in ten seconds. Two lookups of one id at once share the read.
 */
export const cacheAccess = (store: AccessStore, clock: Clock): AccessStore => {
  const known = new Map<string, { at: number; record: Promise<KeyRecord | undefined> }>();
  const forget = (id: string) => known.delete(id);
  /** Forgets what was read before the change was made, and while it was. */
  const change = <T>(id: string, work: Promise<T>): Promise<T> => work.finally(() => forget(id));
  return {
    findKey: (id) => {
      const now = clock.now();
      const entry = known.get(id);
      if (entry !== undefined && now >= entry.at && now - entry.at < FRESH_MS) return entry.record;
      const record = store.findKey(id);
      known.delete(id);
      known.set(id, { at: now, record });
      record.catch(() => {
        if (known.get(id)?.record === record) forget(id);
      });
      for (const oldest of known.keys()) {
        if (known.size <= MOST_KEYS) break;
        forget(oldest);
      }
      return record;
    },
    createKey: (record) => change(record.id, store.createKey(record)),
    revokeKey: (id, at) => change(id, store.revokeKey(id, at)),
    listKeys: () => store.listKeys(),
  };
};
