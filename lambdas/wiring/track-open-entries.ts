import type { Ledger } from '../core/ledger.ts';

/** Counts the entries that this process has opened and not yet settled, so that a stop can wait for them. */
export const trackOpenEntries = (ledger: Ledger): { ledger: Ledger; whenIdle(): Promise<void> } => {
  const open = new Set<string>();
  let waiting: (() => void)[] = [];
  const done = (requestId: string) => {
    open.delete(requestId);
    if (open.size > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  return {
    ledger: {
      ...ledger,
      open: async (entry) => {
        open.add(entry.requestId);
        const isOpen = await ledger.open(entry).catch((error: unknown) => {
          done(entry.requestId);
          throw error;
        });
        if (!isOpen) done(entry.requestId);
        return isOpen;
      },
      settle: (settlement) => ledger.settle(settlement).finally(() => done(settlement.requestId)),
    },
    whenIdle: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
};
