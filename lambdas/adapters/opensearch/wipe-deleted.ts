import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '../../core/ports.ts';
import { type Ask, NOT_FOUND } from './ask.ts';

const PAUSE_MS = 3_000;
const WITHIN_MS = 120_000;

/**
 * Leaves nothing on the disks of the cluster of what was deleted from an index. A deletion is a mark: the document stays in
 * its segment until that is merged, and in the log of operations until that is flushed; and a merge keeps the last
 * operations as long as a copy of the shard might want them, which is seen anew every 30 s. So it flushes and merges all into
 * one segment until none has a deleted document any more, which takes up to a minute, or more where there is much. Snapshots keep what they have.
 *
 * @throws {StoreUnavailable} also where some are still there after two minutes; it may be done again at any time
 */
export const wipeDeleted = async (ask: Ask, index: string): Promise<void> => {
  const post = (what: string, query: Record<string, string> = {}) =>
    ask({ method: 'POST', path: `/${index}/${what}`, query, accept: [NOT_FOUND] });
  for (let waitedMs = 0; ; waitedMs += PAUSE_MS) {
    await post('_flush');
    // Not only_expunge_deletes, which leaves alone what has a few, unless a setting of the index says otherwise.
    await post('_forcemerge', { max_num_segments: '1' });
    // Lets go of the merged segments' files.
    const { status } = await post('_refresh');
    if (status === NOT_FOUND || (await countDeleted(ask, index)) === 0) return;
    if (waitedMs >= WITHIN_MS)
      throw new StoreUnavailable('OpenSearch still has deleted entries on its disks: it has not merged them away yet.');
    await sleep(PAUSE_MS);
  }
};

const countDeleted = async (ask: Ask, index: string): Promise<number> => {
  const { body } = await ask({ method: 'GET', path: `/${index}/_stats/docs` });
  const { _all } = body as { _all?: { total?: { docs?: { deleted?: number } } } };
  // An answer that does not say is not none.
  return _all?.total?.docs?.deleted ?? Number.NaN;
};
