/**
 * The semantic cache's indices on an OpenSearch domain: what `lib` gives rights on and tells the functions of, and what the
 * adapter makes, asks and sweeps (docs/decisions/040).
 */

/** Where a gateway's indices are. */
export interface SearchPlace {
  /** `https://…`, without a trailing slash. */
  endpoint: string;
  /** Of the domain: requests are signed for it. */
  region: string;
  /** Before the names of all its indices: lower case letters, digits and hyphens. Another gateway on the same domain has another. */
  prefix: string;
}

/** Environment variables that tell a function the place. */
export const SEARCH_VARIABLES = {
  endpoint: 'TOLLGATE_SEARCH_ENDPOINT',
  region: 'TOLLGATE_SEARCH_REGION',
  prefix: 'TOLLGATE_SEARCH_PREFIX',
} as const satisfies Record<keyof SearchPlace, string>;

/** Numbers in a vector, for the function that makes the index. */
export const DIMENSIONS_VARIABLE = 'TOLLGATE_SEARCH_DIMENSIONS';

/** Most numbers that Lucene's vectors have (docs.opensearch.org, k-NN vector). */
export const MOST_DIMENSIONS = 16_000;

/**
 * Raised with every change of what the adapter says of questions (adapters/opensearch/mappings.ts). Code of one version
 * never meets an index of another: it goes by other names. What lies in the older ones expires, and is swept and purged with
 * the rest.
 */
const QUESTIONS_VERSION = 1;

interface IndexNames {
  /** Alias of the index of purges. */
  purges: string;
  purgesIndex: string;
  /** Alias of the questions of every length and version. By an alias: a signature of a path with a star in it is read in two ways. */
  allQuestions: string;
}

/** Names of the index that holds vectors of one length. */
interface QuestionNames {
  /** Alias by which questions are put and found. A put says that it must be one, so that none ever makes an index without its mapping. */
  questions: string;
  questionsIndex: string;
}

export const indexNames = (prefix: string): IndexNames => ({
  purges: `${prefix}-purges`,
  purgesIndex: `${prefix}-purges-index`,
  allQuestions: `${prefix}-questions`,
});

/** @param dimensions numbers in a vector */
export const questionNames = (prefix: string, dimensions: number): QuestionNames => {
  const questions = `${prefix}-questions-v${QUESTIONS_VERSION}-${dimensions}`;
  return { questions, questionsIndex: `${questions}-index` };
};
