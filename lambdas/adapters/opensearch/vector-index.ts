import {
  type FoundVector,
  StoreUnavailable,
  type VectorCount,
  type VectorEntry,
  type VectorIndex,
  type VectorQuery,
  type CacheSelection,
} from '../../core/ports.ts';
import { PURGE_INDEX, questionIndex } from './mappings.ts';
import type { OpenSearch } from './open-search.ts';

export interface OpenSearchIndexOptions {
  openSearch: OpenSearch;
  /** Of the embedder: an index holds vectors of one length. */
  dimensions: number;
  /** Before the names of all indices; lower case. */
  prefix: string;
  replicas: number;
  findTimeoutMs?: number;
  writeTimeoutMs?: number;
}

/** A miss costs less than waiting. */
const FIND_TIMEOUT_MS = 150;
const WRITE_TIMEOUT_MS = 10_000;
/** Longer than any request is under way. */
const PURGE_LASTS_MS = 24 * 60 * 60_000;
/** Purges of a day that a find can know of. */
const MOST_PURGES = 1_000;
const MOST_DELETE_ROUNDS = 10;

interface Purge {
  team?: string;
  user?: string;
  alias?: string;
  created_before: number;
}

interface QuestionDocument {
  tenant: string;
  scope: string;
  embedder: string;
  question: string;
  answer_key: string;
  team: string;
  user: string;
  alias: string;
  created_at: number;
  expires: number;
}

type Hits<Source> = { hits: { hits: { _id: string; _score: number; _source: Source }[] }; error?: unknown };

export interface OpenSearchIndex extends VectorIndex {
  /** Makes what is not there yet; a deployment does it before the first request. */
  prepare(): Promise<void>;
  /** Takes out what has expired, and purges of long ago: nothing in OpenSearch does by itself. @returns entries taken out */
  sweep(nowMs: number): Promise<number>;
}

/**
 * Questions in OpenSearch: filtered k-NN with Lucene's HNSW. It shows what was written only after a refresh, so a purge
 * leaves a mark that is visible when it answers: finds pass over what a mark covers, and a put looks for marks after
 * it has written as well as before, and takes its entry back.
 */
export const makeOpenSearchIndex = (options: OpenSearchIndexOptions): OpenSearchIndex => {
  const { openSearch, dimensions, prefix, replicas } = options;
  const { findTimeoutMs = FIND_TIMEOUT_MS, writeTimeoutMs = WRITE_TIMEOUT_MS } = options;
  const questions = `${prefix}-questions-${dimensions}`;
  // By an alias: a signature of a path with a star in it is read in two ways.
  const allQuestions = `${prefix}-questions`;
  const purges = `${prefix}-purges`;
  let prepared: Promise<void> | undefined;

  const write = async (
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
    query?: Record<string, string>,
    accept: readonly number[] = [],
  ) => {
    const reply = await openSearch.call({
      method,
      path,
      timeoutMs: writeTimeoutMs,
      ...(body && { body }),
      ...(query && { query }),
    });
    if (reply.status >= 300 && !accept.includes(reply.status))
      throw new StoreUnavailable(`OpenSearch refused ${method} ${path.split('/')[2] ?? path}: ${reply.status}.`);
    return reply;
  };

  const makeIndex = async (name: string, definition: object): Promise<void> => {
    const { status, body } = await write('PUT', `/${name}`, definition, undefined, [400]);
    // Somebody else was faster; any other 400 is a wrong definition.
    const type = (body['error'] as { type?: string } | undefined)?.type;
    if (status === 400 && type !== 'resource_already_exists_exception')
      throw new StoreUnavailable(`OpenSearch would not make ${name}: ${type}.`);
  };

  const prepare = (): Promise<void> => {
    prepared ??= Promise.all([
      makeIndex(questions, questionIndex(dimensions, replicas, allQuestions)),
      makeIndex(purges, PURGE_INDEX),
    ]).then(
      () => undefined,
      (error: unknown) => {
        prepared = undefined;
        throw error;
      },
    );
    return prepared;
  };

  const purgeSearch = (nowMs: number, more: object[] = []) => ({
    size: MOST_PURGES,
    sort: [{ at: 'desc' }],
    query: { bool: { filter: [{ range: { expires: { gt: nowMs } } }, ...more] } },
  });

  const isPurged = async (entry: VectorEntry, nowMs: number): Promise<boolean> => {
    const reply = await write(
      'POST',
      `/${purges}/_search`,
      purgeSearch(nowMs, [{ range: { created_before: { gt: entry.createdAt } } }]),
    );
    return (reply.body as unknown as Hits<Purge>).hits.hits.some(({ _source }) =>
      covers(_source, { ...entry, created_at: entry.createdAt }),
    );
  };

  const deleteWhere = async (filter: object[]): Promise<number> => {
    let deleted = 0;
    for (let round = 0; round < MOST_DELETE_ROUNDS; round++) {
      await write('POST', `/${allQuestions}/_refresh`);
      const { body } = await write(
        'POST',
        `/${allQuestions}/_delete_by_query`,
        { query: { bool: { filter } } },
        { conflicts: 'proceed', refresh: 'true' },
      );
      deleted += Number(body['deleted']);
      if (Number(body['version_conflicts']) === 0 && (body['failures'] as unknown[]).length === 0) return deleted;
    }
    throw new StoreUnavailable('OpenSearch did not take out all entries: they were being written. Purge again.');
  };

  return {
    prepare,

    async put(entry, nowMs) {
      await prepare();
      if (await isPurged(entry, nowMs)) return false;
      const path = `/${questions}/_doc/${encodeURIComponent(entry.id)}`;
      await write('PUT', path, { ...documentOf(entry), vector: [...entry.vector] });
      if (!(await isPurged(entry, nowMs))) return true;
      await write('DELETE', path, undefined, undefined, [404]);
      return false;
    },

    async find(query, nowMs) {
      const reply = await openSearch.call({
        method: 'POST',
        path: '/_msearch',
        body: [{ index: questions }, nearestSearch(query, nowMs), { index: purges }, purgeSearch(nowMs)],
        timeoutMs: findTimeoutMs,
      });
      const [found, marks] = (reply.body['responses'] ?? []) as (Hits<QuestionDocument> | Hits<Purge>)[];
      if (isMissingIndex(found) || isMissingIndex(marks)) return [];
      if (found?.hits === undefined || marks?.hits === undefined)
        throw new StoreUnavailable('OpenSearch could not search.');
      const purged = (marks as Hits<Purge>).hits.hits.map(({ _source }) => _source);
      return (found as Hits<QuestionDocument>).hits.hits
        .filter(
          ({ _source: one }) =>
            // The filter asked for these; a wrong mapping must not become a wrong answer.
            one.tenant === query.tenant &&
            one.scope === query.scope &&
            one.embedder === query.embedder &&
            !purged.some((purge) => covers(purge, one)),
        )
        .map(({ _id, _score, _source }) => toFound(_id, _score, _source));
    },

    async purge(selection, nowMs) {
      await prepare();
      const createdBefore = selection.createdBefore ?? nowMs + 1;
      const { team, user, alias } = selection;
      const mark = {
        ...(team !== undefined && { team }),
        ...(user !== undefined && { user }),
        ...(alias !== undefined && { alias }),
      };
      await write(
        'POST',
        `/${purges}/_doc`,
        { ...mark, created_before: createdBefore, at: nowMs, expires: nowMs + PURGE_LASTS_MS },
        { refresh: 'true' },
      );
      return deleteWhere(filterOf(selection, createdBefore));
    },

    async stats(nowMs) {
      await prepare();
      const counts: VectorCount[] = [];
      let after: object | undefined;
      do {
        const { body } = await write('POST', `/${allQuestions}/_search`, statsSearch(nowMs, after));
        const groups = (body as unknown as StatsAnswer).aggregations.groups;
        for (const { key, doc_count, oldest } of groups.buckets)
          counts.push({ ...key, entries: doc_count, oldestAt: oldest.value });
        after = groups.after_key;
      } while (after !== undefined);
      return counts;
    },

    async sweep(nowMs) {
      await prepare();
      const expired = [{ range: { expires: { lte: nowMs } } }];
      await write(
        'POST',
        `/${purges}/_delete_by_query`,
        { query: { bool: { filter: expired } } },
        { conflicts: 'proceed' },
      );
      return deleteWhere(expired);
    },
  };
};

const documentOf = (entry: VectorEntry): QuestionDocument => ({
  tenant: entry.tenant,
  scope: entry.scope,
  embedder: entry.embedder,
  question: entry.question,
  answer_key: entry.answerKey,
  team: entry.team,
  user: entry.user,
  alias: entry.alias,
  created_at: entry.createdAt,
  expires: entry.expiresAt,
});

const nearestSearch = ({ tenant, scope, embedder, vector, count }: VectorQuery, nowMs: number) => ({
  size: count,
  _source: { excludes: ['vector'] },
  query: {
    knn: {
      vector: {
        vector: [...vector],
        k: Math.max(1, count),
        filter: {
          bool: {
            filter: [
              { term: { tenant } },
              { term: { scope } },
              { term: { embedder } },
              { range: { expires: { gt: nowMs } } },
            ],
          },
        },
      },
    },
  },
});

/** Lucene tells (1 + cosine) / 2. */
const toFound = (id: string, score: number, one: QuestionDocument): FoundVector => ({
  id,
  question: one.question,
  answerKey: one.answer_key,
  createdAt: one.created_at,
  score: 2 * score - 1,
});

const covers = (purge: Purge, entry: { team: string; user: string; alias: string; created_at: number }): boolean =>
  entry.created_at < purge.created_before &&
  (purge.team === undefined || purge.team === entry.team) &&
  (purge.user === undefined || purge.user === entry.user) &&
  (purge.alias === undefined || purge.alias === entry.alias);

const filterOf = ({ team, user, alias }: CacheSelection, createdBefore: number): object[] => [
  { range: { created_at: { lt: createdBefore } } },
  ...Object.entries({ team, user, alias }).flatMap(([name, value]) =>
    value === undefined ? [] : [{ term: { [name]: value } }],
  ),
];

const isMissingIndex = (reply: unknown): boolean =>
  (reply as { error?: { type?: string } } | undefined)?.error?.type === 'index_not_found_exception';

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
