import { type Cancellations, type Clock, StoreUnavailable } from '../../core/ports.ts';
import { CANCELLATION_LIFE_MS } from '../../core/retention.ts';
import type { Database } from './database.ts';

/** How soon another process hears of a cancellation. */
const POLL_MS = 500;

/** In this process at once; for others a row, which they look for only while they watch something. */
export const makeEmbeddedCancellations = (database: Database, clock: Clock): Cancellations & { close(): void } => {
  const watchers = new Map<string, Set<() => void>>();
  let stopTimer: (() => void) | undefined;
  let isClosed = false;

  const notify = (requestId: string): void => {
    const callbacks = watchers.get(requestId);
    if (callbacks === undefined) return;
    watchers.delete(requestId);
    for (const callback of callbacks) callback();
  };

  const poll = async (): Promise<void> => {
    try {
      const rows = await database.read((connection) =>
        connection.all<{ request_id: string }>('SELECT request_id FROM cancellations'),
      );
      for (const row of rows) notify(row.request_id);
    } catch (error) {
      // Down for now: the next poll asks again. Whatever is watched ends by its own deadline all the same.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  };

  const schedule = (): void => {
    if (stopTimer !== undefined || watchers.size === 0 || isClosed) return;
    stopTimer = clock.after(POLL_MS, () => {
      void poll().finally(() => {
        stopTimer = undefined;
        schedule();
      });
    });
  };

  return {
    async request(requestId) {
      notify(requestId);
      await database.write((connection) => {
        connection.run(
          'INSERT INTO cancellations (request_id, at) VALUES (?, ?) ON CONFLICT (request_id) DO NOTHING',
          requestId,
          clock.now(),
        );
        connection.run('DELETE FROM cancellations WHERE at < ?', clock.now() - CANCELLATION_LIFE_MS);
      });
    },

    watch(requestId, onCancel) {
      // A function of its own: the same callback may watch twice.
      const callback = () => onCancel();
      const callbacks = watchers.get(requestId) ?? new Set();
      watchers.set(requestId, callbacks.add(callback));
      schedule();
      return () => {
        callbacks.delete(callback);
        if (callbacks.size === 0 && watchers.get(requestId) === callbacks) watchers.delete(requestId);
        if (watchers.size > 0) return;
        stopTimer?.();
        stopTimer = undefined;
      };
    },

    close() {
      isClosed = true;
      watchers.clear();
      stopTimer?.();
      stopTimer = undefined;
    },
  };
};
