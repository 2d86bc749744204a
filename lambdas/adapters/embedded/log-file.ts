import { closeSync, fdatasync, openSync } from 'node:fs';
import { StoreUnavailable } from '../../core/ports.ts';
import { toStoreUnavailable } from './sqlite-faults.ts';

/** The write-ahead log of an open database, beside SQLite's own use of it. */
export interface LogFile {
  /** Resolves when everything in the log by now is on disk. Callers that come together share one sync. @throws {StoreUnavailable} */
  sync(): Promise<void>;
  close(): void;
}

/** SQLite locks the database file and its `-shm`, never the log, so a second descriptor of the log disturbs no lock. */
export const openLogFile = (path: string): LogFile => {
  const descriptor = openSync(path, 'r');
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let syncs = 0;
  let isClosing = false;
  let isClosed = false;

  const closeWhenIdle = (): void => {
    // The number may mean another file as soon as it is closed; and whoever waits for the next sync has committed already.
    if (!isClosing || isClosed || syncs > 0 || next !== undefined) return;
    isClosed = true;
    closeSync(descriptor);
  };

  const start = (): Promise<void> => {
    next = undefined;
    if (isClosed) return Promise.reject(new StoreUnavailable('The log was closed before it could be synced.'));
    syncs += 1;
    const started = new Promise<void>((resolve, reject) => {
      fdatasync(descriptor, (error) => {
        syncs -= 1;
        if (running === started) running = undefined;
        closeWhenIdle();
        if (error === null) resolve();
        else reject(toStoreUnavailable(error));
      });
    });
    running = started;
    return started;
  };

  return {
    sync() {
      if (running === undefined) return start();
      // The sync under way may have begun before this caller's write: its turn is the next one, whatever comes of this.
      next ??= running.then(start, start);
      return next;
    },
    close() {
      isClosing = true;
      closeWhenIdle();
    },
  };
};
