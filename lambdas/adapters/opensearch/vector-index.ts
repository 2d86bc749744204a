import { indexNames, questionNames } from '../../contract/search-index.ts';
import type { FoundVector, VectorEntry, VectorIndex, VectorQuery } from '../../core/cache/vector-index.ts';
import { administerIndex, type IndexAdministration } from './administer-index.ts';
import { type Hits, makeAsk, NOT_FOUND, search } from './ask.ts';
import type { OpenSearch } from './open-search.ts';
import { covers, marksSearch, type PurgeMark } from './purge-marks.ts';

export interface OpenSearchIndexOptions {
  openSearch: OpenSearch;
  /** Of the embedder: an index holds vectors of one length. */
  dimensions: number;
  /** Before the names of all indices; lower case letters, digits and hyphens. */
  prefix: string;
  findTimeoutMs?: number;
  writeTimeoutMs?: number;
}

/** A miss costs less than waiting. */
const FIND_TIMEOUT_MS = 150;
const WRITE_TIMEOUT_MS = 10_000;

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

/**
 * Questions in OpenSearch: filtered k-NN with Lucene's HNSW. It shows what was written only after a refresh, so a purge
 * leaves a mark that is visible when it answers: finds pass over what a mark covers, and a put looks for marks after
 * it has written as well as before, and takes its entry back. It makes no index (keep-index.ts does): before there is one
 * nothing is found and nothing kept. Each request is of one index, by its path, as rights are given.
 */
export const makeOpenSearchIndex = (options: OpenSearchIndexOptions): VectorIndex & IndexAdministration => {
  const { openSearch, dimensions, prefix } = options;
  const { findTimeoutMs = FIND_TIMEOUT_MS, writeTimeoutMs = WRITE_TIMEOUT_MS } = options;
  const { questions } = questionNames(prefix, dimensions);
  const { purges } = indexNames(prefix);
  const askSoon = makeAsk(openSearch, findTimeoutMs);
  const ask = makeAsk(openSearch, writeTimeoutMs);

  /** Undefined where there is no index of marks. */
  const isPurged = async (entry: VectorEntry, nowMs: number): Promise<boolean | undefined> => {
    const since = [{ range: { created_before: { gt: entry.createdAt } } }];
    const marks = await search<Hits<PurgeMark>>(ask, purges, marksSearch(nowMs, since));
    return marks?.hits.hits.some(({ _source }) => covers(_source, { ...entry, created_at: entry.createdAt }));
  };

  return {
    async put(entry, nowMs) {
      if ((await isPurged(entry, nowMs)) !== false) return false;
      const path = `/${questions}/_doc/${encodeURIComponent(entry.id)}`;
      const { status } = await ask({
        method: 'PUT',
        path,
        query: { require_alias: 'true' },
        body: { ...documentOf(entry), vector: [...entry.vector] },
        accept: [NOT_FOUND],
      });
      if (status === NOT_FOUND) return false;
      if ((await isPurged(entry, nowMs)) === false) return true;
      await ask({ method: 'DELETE', path, accept: [NOT_FOUND] });
      return false;
    },

    async find(query, nowMs) {
      const [found, marks] = await Promise.all([
        search<Hits<QuestionDocument>>(askSoon, questions, nearestSearch(query, nowMs)),
        search<Hits<PurgeMark>>(askSoon, purges, marksSearch(nowMs)),
      ]);
      if (found === undefined || marks === undefined) return [];
      const purged = marks.hits.hits.map(({ _source }) => _source);
      return found.hits.hits
        .filter(
          ({ _source: one }) =>
            // The filter asked for these; a wrong mapping must not become a wrong answer.
            one.tenant === query.tenant &&
            one.scope === query.scope &&
            one.embedder === query.embedder &&
            !purged.some((mark) => covers(mark, one)),
        )
        .map(({ _id, _score, _source }) => toFound(_id, _score, _source));
    },

    ...administerIndex({ openSearch, prefix, timeoutMs: writeTimeoutMs }),
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
