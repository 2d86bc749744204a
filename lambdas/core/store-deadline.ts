import { OutOfPatience, withPatience } from './call/with-patience.ts';
import { type Clock, StoreUnavailable } from './ports.ts';

/**
 * The longest that a request waits for one answer of a store. Two of a store's own waits fit into it, so that what is sent
 * once more after silence can still be heard.
 */
export const STORE_DEADLINE_MS = 5_000;

/**
 * One call of a store, and no answer as what it is: whether it was done nobody knows, and it may be done yet. Every caller
 * of a store can live with that (docs/ledger.md).
 *
 * @param undo takes back what a late answer says was done, since nobody uses it any more
 * @throws {StoreUnavailable} after `deadlineMs`; whatever the store itself throws before
 */
export const withinDeadline = async <T>(
  what: string,
  work: () => Promise<T>,
  clock: Clock,
  { deadlineMs = STORE_DEADLINE_MS, undo }: { deadlineMs?: number; undo?: (late: T) => Promise<void> | undefined } = {},
): Promise<T> => {
  const asked = work();
  try {
    return await withPatience(() => asked, deadlineMs, clock);
  } catch (error) {
    if (!(error instanceof OutOfPatience)) throw error;
    // Without an answer, or an undoing, it is what it would be without this: a leak, which ages out in the store.
    if (undo !== undefined) asked.then(undo).catch(() => undefined);
    throw new StoreUnavailable(`${what}: no answer within ${deadlineMs} ms`, { cause: error });
  }
};

type MethodOf<Store> = {
  [K in keyof Store]: Store[K] extends (...args: never[]) => Promise<unknown> ? K : never;
}[keyof Store];

/** The store with a deadline on these of its methods. */
export const withDeadlines = <Store extends object>(
  store: Store,
  methods: readonly (MethodOf<Store> & string)[],
  clock: Clock,
  deadlineMs: number = STORE_DEADLINE_MS,
): Store => {
  const bound = methods.map((name) => {
    const method = store[name] as (...args: unknown[]) => Promise<unknown>;
    return [name, (...args: unknown[]) => withinDeadline(name, () => method.apply(store, args), clock, { deadlineMs })];
  });
  return { ...store, ...(Object.fromEntries(bound) as Partial<Store>) };
};
