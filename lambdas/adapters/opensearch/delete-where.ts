import { StoreUnavailable } from '../../core/ports.ts';
import { type Ask, NOT_FOUND } from './ask.ts';

/** Documents that one request takes out: a small domain does it well within the request's time. */
const MOST_AT_ONCE = 5_000;
/** Rounds in which others were writing what was to go. */
const MOST_CONFLICTS = 10;

/**
 * Takes out all documents of an index that pass the filter, also those that no search shows yet.
 *
 * @returns how many there were; 0 where there is no such index
 * @throws {StoreUnavailable} also where they keep being written; what went is gone
 */
export const deleteWhere = async (ask: Ask, index: string, filter: readonly object[]): Promise<number> => {
  let deleted = 0;
  let conflicts = 0;
  while (conflicts < MOST_CONFLICTS) {
    const { status } = await ask({ method: 'POST', path: `/${index}/_refresh`, accept: [NOT_FOUND] });
    if (status === NOT_FOUND) return deleted;
    const { body } = await ask({
      method: 'POST',
      path: `/${index}/_delete_by_query`,
      query: { conflicts: 'proceed', refresh: 'true' },
      body: { query: { bool: { filter } }, max_docs: MOST_AT_ONCE },
    });
    deleted += Number(body['deleted']);
    if (Number(body['version_conflicts']) > 0 || (body['failures'] as unknown[]).length > 0) conflicts += 1;
    else if (Number(body['total']) < MOST_AT_ONCE) return deleted;
  }
  throw new StoreUnavailable('OpenSearch did not take out all entries: they were being written.');
};
