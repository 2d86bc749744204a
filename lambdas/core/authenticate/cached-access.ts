import { OutOfPatience, withPatience } from '../call/with-patience.ts';
import { type Clock, StoreUnavailable } from '../ports.ts';
import { withinDeadline } from '../store-deadline.ts';
import type { AccessStore, KeyRecord } from './access-store.ts';

/** A revoked key stops within 30 s everywhere: this, plus the longest time a lookup under way may take. */
const FRESH_MS = 10_000;
/** A key that was known goes on for so long while the store does not answer: a key that nobody can look up is not a wrong one. */
const STALE_MS = 60_000;
/** How long a lookup is waited for where there is such a record. */
const STALE_PATIENCE_MS = 500;
/** How soon a store that was down is asked again. */
const ASK_AGAIN_MS = 500;
const MOST_KEYS = 10_000;

interface Known {
  /** From when on it counts as fresh. */
  at: number;
  record: Promise<KeyRecord | undefined>;
  /** What the store said last, and when it was asked. */
  told: { at: number; record: KeyRecord } | undefined;
}

/**
 * Remembers key lookups for ten seconds, so that a warm request asks no store. Unknown ids are remembered as well: a flood
 * of one wrong key costs one read in ten seconds. Two lookups of one id at once share the read. While the store is down, keys
 * that it has confirmed within the last minute are taken as they were; of others nobody knows anything, which is said.
 */
export const cacheAccess = (store: AccessStore, clock: Clock): AccessStore => {
  const known = new Map<string, Known>();
  const forget = (id: string) => known.delete(id);
  /** Forgets what was read before the change was made, and while it was. */
  const change = <T>(id: string, work: Promise<T>): Promise<T> => work.finally(() => forget(id));

  const lookUp = (id: string, before: Known['told'], now: number): Known => {
    const ageMs = before === undefined ? Number.POSITIVE_INFINITY : now - before.at;
    const stale = ageMs >= 0 && ageMs < STALE_MS ? before : undefined;
    const asked = withinDeadline('findKey', () => store.findKey(id), clock);
    const entry: Known = {
      at: now,
      told: stale,
      record: stale === undefined ? asked : withPatience(() => asked, STALE_PATIENCE_MS, clock),
    };
    asked.then(
      (record) => {
        entry.told = record && { at: now, record };
        entry.record = asked;
        entry.at = now;
      },
      () => {
        // Whoever waits for it hears of it below.
      },
    );
    entry.record = entry.record.catch((error: unknown) => {
      if (stale !== undefined && (error instanceof OutOfPatience || error instanceof StoreUnavailable)) {
        entry.at = clock.now() - FRESH_MS + ASK_AGAIN_MS;
        return stale.record;
      }
      if (known.get(id) === entry) forget(id);
      throw error;
    });
    return entry;
  };

  return {
    findKey: (id) => {
      const now = clock.now();
      const found = known.get(id);
      if (found !== undefined && now >= found.at && now - found.at < FRESH_MS) return found.record;
      const entry = lookUp(id, found?.told, now);
      known.delete(id);
      known.set(id, entry);
      for (const oldest of known.keys()) {
        if (known.size <= MOST_KEYS) break;
        forget(oldest);
      }
      return entry.record;
    },
    createKey: (record) => change(record.id, store.createKey(record)),
    revokeKey: (id, at) => change(id, store.revokeKey(id, at)),
    listKeys: () => store.listKeys(),
  };
};
