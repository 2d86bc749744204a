import { indexNames, questionNames } from '../../contract/search-index.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { makeAsk } from './ask.ts';
import { deleteWhere } from './delete-where.ts';
import { purgeIndex, questionIndex } from './mappings.ts';
import type { OpenSearch } from './open-search.ts';

export interface IndexKeeperOptions {
  openSearch: OpenSearch;
  /** Before the names of all indices. */
  prefix: string;
  /** Of the embedder: an index holds vectors of one length. */
  dimensions: number;
  timeoutMs?: number;
}

/** What an index needs that OpenSearch does not do by itself. Both reject with `StoreUnavailable`, and may be done again at any time. */
export interface IndexKeeper {
  /** Makes what is not there. */
  prepare(): Promise<void>;
  /** Takes out what has expired, and marks of purges of long ago. @returns entries taken out */
  sweep(nowMs: number): Promise<number>;
}

const TIMEOUT_MS = 30_000;

export const makeIndexKeeper = ({
  openSearch,
  prefix,
  dimensions,
  timeoutMs = TIMEOUT_MS,
}: IndexKeeperOptions): IndexKeeper => {
  const ask = makeAsk(openSearch, timeoutMs);
  const { purges, purgesIndex, allQuestions } = indexNames(prefix);
  const { questions, questionsIndex } = questionNames(prefix, dimensions);

  const make = async (index: string, definition: object): Promise<void> => {
    const { status, body } = await ask({ method: 'PUT', path: `/${index}`, body: definition, accept: [400] });
    const type = (body['error'] as { type?: string } | undefined)?.type;
    // It was there, or somebody else was faster. Any other 400 is a name or a definition that this server does not take.
    if (status === 400 && type !== 'resource_already_exists_exception')
      throw new StoreUnavailable(`OpenSearch would not make ${index}: ${type}.`);
  };

  return {
    async prepare() {
      // First: without marks nothing is put or found.
      await make(purgesIndex, purgeIndex([purges]));
      await make(questionsIndex, questionIndex(dimensions, [questions, allQuestions]));
    },

    async sweep(nowMs) {
      const expired = [{ range: { expires: { lte: nowMs } } }];
      const entries = await deleteWhere(ask, allQuestions, expired);
      await deleteWhere(ask, purges, expired);
      return entries;
    },
  };
};
