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
    createKey: (record) => {
      forget(record.id);
      return store.createKey(record);
    },
    revokeKey: (id, at) => {
      forget(id);
      return store.revokeKey(id, at);
    },
    listKeys: () => store.listKeys(),
  };
};
