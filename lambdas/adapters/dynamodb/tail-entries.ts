import { epochOf } from '../../contract/timing.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import { countOf, type Item, textOf } from './attributes.ts';
import type { Closer } from './closer-item.ts';
import type { Dynamo } from './dynamo.ts';
import { entryKey, toLedgerEntry } from './entry-item.ts';
import { readActiveEpochs, readEpochEntries } from './epoch-entries.ts';

/** Where an entry stands among all: by epoch, then by when it was opened. */
type Place = [epoch: number, openedAtUs: number, id: string];

const placeOf = (item: Item): Place => [countOf(item, 'epoch'), countOf(item, 'openedAtUs'), textOf(item, 'sk') ?? ''];

const comparePlaces = (a: Place, b: Place): number =>
  a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0);

/** Entries newest first, those opened before the request `before`; nothing where that one is unknown. */
export const tailEntries = async (
  dynamo: Dynamo,
  closer: Closer,
  { limit, keyId, before }: { limit: number; keyId?: string; before?: string },
): Promise<LedgerEntry[]> => {
  if (limit === 0) return [];
  let cursor: Place | undefined;
  if (before !== undefined) {
    const key = entryKey(before);
    const item = key && (await dynamo.get(dynamo.names.ledger, key)).item;
    if (item === undefined) return [];
    cursor = placeOf(item);
  }
  const entries: LedgerEntry[] = [];
  for await (const epoch of epochsFrom(dynamo, closer, cursor?.[0])) {
    const { items } = await readEpochEntries(dynamo, epoch, { keyId });
    const here = items
      .filter((item) => cursor === undefined || comparePlaces(placeOf(item), cursor) < 0)
      .sort((a, b) => comparePlaces(placeOf(b), placeOf(a)));
    for (const item of here) {
      const entry = toLedgerEntry(item);
      if (entry !== undefined) entries.push(entry);
      if (entries.length === limit) return entries;
    }
  }
  return entries;
};

/** Epochs that may have entries, newest first. Of those not closed yet nobody has noted whether they have any. */
async function* epochsFrom(dynamo: Dynamo, closer: Closer, newest: number | undefined): AsyncGenerator<number> {
  const progress = await closer.read();
  if (progress === undefined) return;
  const { closedThrough, date } = progress;
  const first = newest ?? epochOf(Math.max(date, dynamo.time.now())) + 1;
  for (let epoch = first; epoch > closedThrough; epoch--) yield epoch;
  yield* readActiveEpochs(dynamo, Math.min(first, closedThrough));
}
