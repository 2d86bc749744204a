import type { Clock, Log } from '../ports.ts';
import { makeReadAnew } from '../read-anew.ts';
import type { WrongHitRecord, WrongHitStore } from './cache-stores.ts';
import type { SemanticPolicy } from './eligibility.ts';
import { noteAudit, thresholdNow, UNAUDITED, type WrongHitChange, wrongShare } from './wrong-hits.ts';

/** How wrong each alias's semantic cache has been, as one gateway process knows it: everybody's audits, a few seconds old. */
export interface WrongHitBook {
  /**
   * Never waits: what is stale is read anew beside the request.
   *
   * @returns what a score has to reach now; undefined where nothing may be answered: the cache has turned itself off, or
   * this process has not heard yet whether it has
   */
  thresholdOf(alias: string, policy: SemanticPolicy, embedder: string): number | undefined;
  /**
   * Takes one audited hit in, whoever else does so at the same time.
   *
   * @returns undefined where it counts no more: the cache is off by now, or its threshold above this hit's score
   * @throws {StoreUnavailable} whether it was counted is not known then
   */
  note(audit: AuditedHit): Promise<NotedAudit | undefined>;
  /** Reads what is known of all; at start it spares the first requests a miss. Never rejects. */
  refresh(): Promise<void>;
  /** Resolves when nothing is being read: for a process that is about to stop. */
  settled(): Promise<void>;
}

export interface AuditedHit {
  alias: string;
  embedder: string;
  policy: SemanticPolicy;
  /** The hit's cosine, not rounded. */
  score: number;
  isWrong: boolean;
}

/** The share of wrong hits among those audited under the present threshold, this one counted; the interval holds the true one with 95 %. */
export interface NotedAudit {
  share: number;
  low: number;
  high: number;
  change: WrongHitChange;
}

/** Age from which what was read is read anew, once somebody asks. */
export const WRONG_HITS_REFRESH_MS = 10_000;
/** As long as nothing is known nothing is answered: then it is asked for sooner. */
const RETRY_MS = 1_000;
const PATIENCE_MS = 2_000;
/** Audits are rare: who loses so often meets something other than other writers. */
const WRITE_TRIES = 32;

/** A store that is down leaves in force what was known last; what was never known answers nothing. */
export const makeWrongHitBook = (store: WrongHitStore, clock: Clock, log: Log): WrongHitBook => {
  const records = new Map<string, WrongHitRecord>();
  let isKnown = false;

  /** A read that a write has overtaken is older. */
  const adopt = (record: WrongHitRecord): void => {
    const key = keyOf(record.alias, record.embedder);
    const known = records.get(key);
    if (known === undefined || record.version > known.version) records.set(key, record);
  };

  const { whenOlder, refresh, settled } = makeReadAnew({
    read: () => store.list(),
    take: (found) => {
      for (const record of found) adopt(record);
      isKnown = true;
    },
    onDown: (error) => log.warn('audits of the semantic cache unreachable', { answers: isKnown, error }),
    patienceMs: PATIENCE_MS,
    clock,
  });

  return {
    thresholdOf(alias, policy, embedder) {
      whenOlder(isKnown ? WRONG_HITS_REFRESH_MS : RETRY_MS);
      return isKnown ? thresholdNow(records.get(keyOf(alias, embedder))?.state ?? UNAUDITED, policy) : undefined;
    },

    async note({ alias, embedder, policy, score, isWrong }) {
      for (let tries = 0; tries < WRITE_TRIES; tries++) {
        const known = await store.read(alias, embedder);
        adopt(known);
        const threshold = thresholdNow(known.state, policy);
        if (threshold === undefined || score < threshold) return undefined;
        const { state, change } = noteAudit(known.state, isWrong, policy);
        const next = { alias, embedder, version: known.version + 1, state, changedAt: clock.now() };
        if (!(await store.write(next))) continue;
        adopt(next);
        const { audited, wrong } = known.state;
        // Tightening begins to count anew: what is told is what led to it.
        const { share = 0, interval } = wrongShare({
          ...known.state,
          audited: audited + 1,
          wrong: wrong + (isWrong ? 1 : 0),
        });
        const noted = { share, ...interval, change };
        if (change !== 'none') announce(next, noted, policy, log);
        return noted;
      }
      log.warn('an audit of the semantic cache was not counted: others were faster each time', { alias, embedder });
      return undefined;
    },

    refresh,
    settled,
  };
};

const keyOf = (alias: string, embedder: string): string => JSON.stringify([alias, embedder]);

const announce = (
  { alias, embedder, state }: WrongHitRecord,
  { share, low, high, change }: NotedAudit,
  policy: SemanticPolicy,
  log: Log,
): void => {
  const facts = { alias, embedder, share, low, high, allowed: policy.maxWrongShare };
  const undo = `tollgate cache trust ${alias}`;
  if (change === 'turned-off')
    log.warn('the semantic cache gave too many wrong answers, and has turned itself off', { ...facts, undo });
  else
    log.warn('the semantic cache gave too many wrong answers: its threshold is raised', {
      ...facts,
      threshold: thresholdNow(state, policy),
      undo,
    });
};

/**
 * What only a person does: forgets what audits have found of an alias, with any embedder, so that its semantic cache answers
 * again from the threshold that was set.
 *
 * @returns as they were, those that had anything to forget
 * @throws {StoreUnavailable}
 */
export const trustAgain = async (
  alias: string,
  store: WrongHitStore,
  clock: Pick<Clock, 'now'>,
): Promise<WrongHitRecord[]> => {
  const forgotten: WrongHitRecord[] = [];
  for (const { embedder, alias: of } of await store.list()) {
    if (of !== alias) continue;
    for (;;) {
      const known = await store.read(alias, embedder);
      const { tightened, isOff, audited } = known.state;
      if (tightened === 0 && !isOff && audited === 0) break;
      if (!(await store.write({ ...known, version: known.version + 1, state: UNAUDITED, changedAt: clock.now() })))
        continue;
      forgotten.push(known);
      break;
    }
  }
  return forgotten;
};
