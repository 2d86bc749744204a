import { createHash } from 'node:crypto';
import { LANES } from '../../../lambdas/contract/timing.ts';
import { makeRequestId, parseRequestId } from '../../../lambdas/core/admit/request-id.ts';
import type { Ledger, LedgerEntry } from '../../../lambdas/core/ledger.ts';

/**
 * The port suites call requests `req_a`. On DynamoDB an id says where its entry lies, so each gets a real one, made of its
 * name and of the epoch that it is opened or refused in; what comes back bears the name again.
 */
export const nameRequests = (): ((ledger: Ledger) => Ledger) => {
  const real = new Map<string, string>();
  const names = new Map<string, string>();

  const idOf = (name: string, epoch = 1): string => {
    if (parseRequestId(name) !== undefined) return name;
    const known = real.get(name);
    if (known !== undefined) return known;
    const hash = createHash('sha256').update(name).digest();
    const id = makeRequestId({ epoch, lane: (hash[0] ?? 0) % LANES, random: hash.toString('hex').slice(0, 20) });
    real.set(name, id);
    names.set(id, name);
    return id;
  };
  const named = (entry: LedgerEntry): LedgerEntry => ({
    ...entry,
    requestId: names.get(entry.requestId) ?? entry.requestId,
  });
  /** Errors speak of the request by its name. */
  const renamed = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof Error) for (const [id, name] of names) error.message = error.message.replaceAll(id, name);
      throw error;
    }
  };

  return (ledger) => ({
    ...ledger,
    open: (entry) => renamed(ledger.open({ ...entry, requestId: idOf(entry.requestId, entry.epoch) })),
    refuse: (name, epoch) => renamed(ledger.refuse(idOf(name, epoch), epoch)),
    topUp: (name, request, raise) => renamed(ledger.topUp(idOf(name), request, raise)),
    settle: (settlement) => renamed(ledger.settle({ ...settlement, requestId: idOf(settlement.requestId) })),
    // Asking makes no id: a request that is opened later gets it from its epoch.
    read: async (name) => {
      const entry = await ledger.read(real.get(name) ?? name);
      return entry && named(entry);
    },
    tail: async ({ before, ...options }) =>
      (await ledger.tail({ ...options, ...(before !== undefined && { before: real.get(before) ?? before }) })).map(
        named,
      ),
  });
};
