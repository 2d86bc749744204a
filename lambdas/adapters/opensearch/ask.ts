import { StoreUnavailable } from '../../core/ports.ts';
import type { OpenSearch, OpenSearchCall } from './open-search.ts';

export interface Asked extends Omit<OpenSearchCall, 'timeoutMs'> {
  /** Refusals that are an answer. */
  accept?: readonly number[];
}

/** What is not there: the index, an alias of it, or a document. */
export const NOT_FOUND = 404;

export type Ask = (asked: Asked) => Promise<{ status: number; body: Record<string, unknown> }>;

/** Requests of one deadline. They reject with `StoreUnavailable` on refusals that are not accepted, too; it says no more than their kind. */
export const makeAsk =
  (openSearch: OpenSearch, timeoutMs: number): Ask =>
  async ({ accept = [], ...call }) => {
    const { status, body } = await openSearch.call({ ...call, timeoutMs });
    if (status >= 300 && !accept.includes(status))
      throw new StoreUnavailable(
        `OpenSearch refused ${call.method} ${call.path.split('/')[2] ?? call.path}: ${status}.`,
      );
    return { status, body };
  };

export type Hits<Source> = { hits: { hits: { _id: string; _score: number; _source: Source }[] } };

/** Half an answer is none: a mark that is missing from it would let a purged entry through. */
const WHOLE = { allow_partial_search_results: 'false' };

/** @returns undefined where there is no such index */
export const search = async <Answer>(ask: Ask, index: string, body: object): Promise<Answer | undefined> => {
  const reply = await ask({ method: 'POST', path: `/${index}/_search`, query: WHOLE, body, accept: [NOT_FOUND] });
  return reply.status === NOT_FOUND ? undefined : (reply.body as Answer);
};
