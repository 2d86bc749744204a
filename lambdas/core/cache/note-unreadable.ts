import type { Log } from '../ports.ts';

/** Tells of kept answers that can't be read: of the 1st, the 10th, the 100th …, since a whole cache may be another version's. */
export const makeUnreadableNoter = (log: Pick<Log, 'warn'>): ((key: string) => void) => {
  let count = 0;
  let next = 1;
  return (key) => {
    count += 1;
    if (count < next) return;
    next *= 10;
    log.warn('a kept answer can’t be read, and is passed over', { key, unreadableSoFar: count });
  };
};
