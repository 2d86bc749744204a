import { indexNames } from '../../contract/search-index.ts';
import type { VectorCount, VectorIndex } from '../../core/cache/vector-index.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { type Ask, makeAsk, NOT_FOUND, search } from './ask.ts';
import { deleteWhere } from './delete-where.ts';
import type { OpenSearch } from './open-search.ts';
import { markOf } from './purge-marks.ts';
import { wipeDeleted } from './wipe-deleted.ts';

export interface IndexAdministrationOptions {
  openSearch: OpenSearch;
  /** Before the names of all indices. */
  prefix: string;
  timeoutMs?: number;
  /** Of one request of a wipe. */
  wipeTimeoutMs?: number;
  /** By how much a gateway's clock may be ahead of this one's: what is kept in this moment must go too. */
  clocksApartMs?: number;
}

/** What people ask of an index, whatever the length of its vectors. */
export interface IndexAdministration extends Pick<VectorIndex, 'purge' | 'stats'> {
  /** Rewrites the files of the index without what was purged: OpenSearch only marks it as gone. @throws {StoreUnavailable} */
  wipe(): Promise<void>;
}

const TIMEOUT_MS = 30_000;
/** All that is kept is written anew. */
const WIPE_TIMEOUT_MS = 120_000;

/** A purge's mark is visible when it answers: finds and puts pass over what it covers, whatever OpenSearch still shows. */
export const administerIndex = ({
  openSearch,
  prefix,
  timeoutMs = TIMEOUT_MS,
  wipeTimeoutMs = WIPE_TIMEOUT_MS,
  clocksApartMs = 0,
}: IndexAdministrationOptions): IndexAdministration => {
  const ask = makeAsk(openSearch, timeoutMs);
  const { purges, allQuestions } = indexNames(prefix);
  return {
    async purge(selection, nowMs) {
      const { team, user, alias, createdBefore } = selection;
      const { status } = await ask({
        method: 'POST',
        path: `/${purges}/_doc`,
        query: { refresh: 'true', require_alias: 'true' },
        body: markOf(selection, createdBefore ?? nowMs + 1 + clocksApartMs, nowMs),
        accept: [NOT_FOUND],
      });
      // Without a mark a request under way could keep what it was asked before, as soon as there is an index.
      if (status === NOT_FOUND) throw new StoreUnavailable('The index of the semantic cache has not been made yet.');
      const named = Object.entries({ team, user, alias }).flatMap(([name, value]) =>
        value === undefined ? [] : [{ term: { [name]: value } }],
      );
      // Where no age is named all that is there goes, whatever the clocks said.
      const aged = createdBefore === undefined ? [] : [{ range: { created_at: { lt: createdBefore } } }];
      return deleteWhere(ask, allQuestions, [...aged, ...named]);
    },
    stats: (nowMs) => countAll(ask, allQuestions, nowMs),
    wipe: () => wipeDeleted(makeAsk(openSearch, wipeTimeoutMs), allQuestions),
  };
};

interface StatsAnswer {
  aggregations: {
    groups: {
      after_key?: object;
      buckets: {
        key: { team: string; alias: string; embedder: string };
        doc_count: number;
        oldest: { value: number };
      }[];
    };
  };
}

const countAll = async (ask: Ask, index: string, nowMs: number): Promise<VectorCount[]> => {
  const counts: VectorCount[] = [];
  let after: object | undefined;
  do {
    const answer: StatsAnswer | undefined = await search(ask, index, statsSearch(nowMs, after));
    if (answer === undefined) return counts;
    const { groups } = answer.aggregations;
    for (const { key, doc_count, oldest } of groups.buckets)
      counts.push({ ...key, entries: doc_count, oldestAt: oldest.value });
    after = groups.after_key;
  } while (after !== undefined);
  return counts;
};

const statsSearch = (nowMs: number, after: object | undefined) => ({
  size: 0,
  query: { bool: { filter: [{ range: { expires: { gt: nowMs } } }] } },
  aggs: {
    groups: {
      composite: {
        size: 1_000,
        sources: ['team', 'alias', 'embedder'].map((name) => ({ [name]: { terms: { field: name } } })),
        ...(after && { after }),
      },
      aggs: { oldest: { min: { field: 'created_at' } } },
    },
  },
});
