/** Exact texts: no analyser, no case folded. */
const keyword = { type: 'keyword' };
const kept = { type: 'keyword', index: false, doc_values: false };
const time = { type: 'long' };

/** Lucene's HNSW whatever the default of the version: it searches within a filter and loses nothing by it. */
export const questionIndex = (dimensions: number, replicas: number, alias: string): object => ({
  aliases: { [alias]: {} },
  settings: { index: { knn: true, number_of_shards: 1, number_of_replicas: replicas } },
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

export const PURGE_INDEX: object = {
  settings: { index: { number_of_shards: 1 } },
  mappings: {
    dynamic: 'strict',
    properties: { team: keyword, user: keyword, alias: keyword, created_before: time, at: time, expires: time },
  },
};
