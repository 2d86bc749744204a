import { StoreUnavailable } from '../../core/ports.ts';
import type { Connection } from './database.ts';
import { isBusy } from './sqlite-faults.ts';

export type Work<T> = (connection: Connection) => T;

/** A change that waits for its turn. */
interface Waiting {
  work: Work<unknown>;
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

export interface WriteQueue {
  /** Resolves once the change has been committed. The work may run more than once, each time on a state without it. */
  add<T>(work: Work<T>): Promise<T>;
  /** Commits at once what waits, each change by itself: the file is about to be closed. */
  flush(): void;
}

/** Changes in one transaction at most: it stops the process for as long as all of them take. */
const MOST_TOGETHER = 64;

/**
 * Commits together what comes within one turn of the event loop, since a commit costs more than the changes of most
 * requests: 3 of 16 µs each for a request that comes alone (a ledger entry, 8 accounts, 4 limited scopes), 11 µs a request
 * in all with 64 at once. And those that share a transaction share the accounts that it writes.
 *
 * A change that fails takes none along: the transaction is undone and each change made again by itself.
 *
 * @param commit one transaction, waiting for other processes' locks
 * @param commitNow one transaction, waiting for nobody
 */
export const makeWriteQueue = (
  commit: <T>(work: Work<T>) => Promise<T>,
  commitNow: <T>(work: Work<T>) => T,
): WriteQueue => {
  let waiting: Waiting[] = [];

  const commitTogether = async (): Promise<void> => {
    const batch = waiting.splice(0, MOST_TOGETHER);
    if (waiting.length > 0) setImmediate(commitTogether);
    try {
      const results = await commit((connection) => batch.map(({ work }) => work(connection)));
      for (const [i, { resolve }] of batch.entries()) resolve(results[i]);
    } catch (error) {
      // A lock that was waited for in vain is no single change's fault.
      const isLocked = error instanceof StoreUnavailable && isBusy(error.cause);
      for (const { work, resolve, reject } of batch) {
        if (isLocked || batch.length === 1) reject(error);
        else commit(work).then(resolve, reject);
      }
    }
  };

  return {
    add: <T>(work: Work<T>) =>
      new Promise<T>((resolve, reject) => {
        const length = waiting.push({ work, resolve: resolve as Waiting['resolve'], reject });
        if (length === 1) setImmediate(commitTogether);
      }),
    flush() {
      const batch = waiting;
      waiting = [];
      for (const { work, resolve, reject } of batch) {
        try {
          resolve(commitNow(work));
        } catch (error) {
          reject(error);
        }
      }
    },
  };
};
