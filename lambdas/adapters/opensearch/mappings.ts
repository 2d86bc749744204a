/** Exact texts: no analyser, no case folded. */
const keyword = { type: 'keyword' };
const kept = { type: 'keyword', index: false, doc_values: false };
const time = { type: 'long' };

/** One shard holds more questions than a small domain. A copy of it where there is a second node, and none where there is not. */
const SHARDS = { number_of_shards: 1, auto_expand_replicas: '0-1' };

const namedAs = (aliases: readonly string[]): object => Object.fromEntries(aliases.map((alias) => [alias, {}]));

/**
 * Lucene's HNSW whatever the default of the version: it searches within a filter and loses nothing by it. A change here
 * needs another version in contract/search-index.ts.
 */
export const questionIndex = (dimensions: number, aliases: readonly string[]): object => ({
  aliases: namedAs(aliases),
  settings: { index: { knn: true, ...SHARDS } },
  mappings: {
    dynamic: 'strict',
    properties: {
      vector: {
        type: 'knn_vector',
        dimension: dimensions,
        method: {
          name: 'hnsw',
          engine: 'lucene',
          space_type: 'cosinesimil',
          parameters: { m: 16, ef_construction: 128 },
        },
      },
      tenant: keyword,
      scope: keyword,
      embedder: keyword,
      team: keyword,
      user: keyword,
      alias: keyword,
      question: kept,
      answer_key: kept,
      created_at: time,
      expires: time,
    },
  },
});

export const purgeIndex = (aliases: readonly string[]): object => ({
  aliases: namedAs(aliases),
  settings: { index: SHARDS },
  mappings: {
    dynamic: 'strict',
    properties: { team: keyword, user: keyword, alias: keyword, created_before: time, at: time, expires: time },
  },
});
