import type { Cancellations, Clock } from '../../core/ports.ts';
import { CANCELLATION_LIFE_MS } from '../../core/retention.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { expiresAt } from './retention.ts';

/** How soon another process hears of a cancellation: a read for every request under way, each time. */
const POLL_MS = 1_000;
const PREFIX = 'cancel#';

/** In this process at once; for others an item, which they look for while they run the request. */
export const makeDynamoCancellations = (dynamo: Dynamo, clock: Clock): Cancellations & { close(): void } => {
  const table = dynamo.names.limits;
  const watchers = new Map<string, Set<() => void>>();
  let stopTimer: (() => void) | undefined;
  let isPolling = false;
  let isClosed = false;

  const stop = (): void => {
    stopTimer?.();
    stopTimer = undefined;
  };

  const notify = (requestId: string): void => {
    const callbacks = watchers.get(requestId);
    if (callbacks === undefined) return;
    watchers.delete(requestId);
    if (watchers.size === 0) stop();
    for (const callback of callbacks) callback();
  };

  const poll = async (): Promise<void> => {
    if (isPolling) return;
    isPolling = true;
    try {
      const keys = [...watchers.keys()].map((requestId) => toItem({ pk: PREFIX + requestId }));
      const items = await dynamo.getMany(table, keys, { isConsistent: false });
      for (const item of items) if (isLive(item)) notify(textOf(item, 'pk')?.slice(PREFIX.length) ?? '');
    } catch (error) {
      // Down for now: the next poll asks again. Whatever is watched ends by its own deadline all the same.
      dynamo.log.debug('cancellations not read', { error });
    } finally {
      isPolling = false;
    }
  };

  /** DynamoDB deletes late. */
  const isLive = (item: Item): boolean => countOf(item, 'expires') * 1000 > clock.now();

  const schedule = (): void => {
    if (stopTimer !== undefined || watchers.size === 0 || isClosed) return;
    stopTimer = clock.after(POLL_MS, () => {
      stopTimer = undefined;
      schedule();
      void poll();
    });
  };

  return {
    async request(requestId) {
      notify(requestId);
      await dynamo.put({
        TableName: table,
        Item: { ...toItem({ pk: PREFIX + requestId }), expires: expiresAt(clock.now() + CANCELLATION_LIFE_MS) },
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
        if (watchers.size === 0) stop();
      };
    },

    close() {
      isClosed = true;
      watchers.clear();
      stop();
    },
  };
};
