import { LANES } from '../../contract/timing.ts';
import { makeLaneSums } from '../../core/audit/epoch-seal.ts';
import type { EpochSum, LedgerRecord } from '../../core/audit/ledger-audit.ts';
import { amountOf, countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { addToLanes } from './entry-digest.ts';
import { entryKey, isCorrection, lanePartition, stateOf, toCountedEntry } from './entry-item.ts';

/** The ledger's entries as an audit reads them: page by page, lane after lane, so that memory does not grow with an epoch. */

/** Pages of one lane, in the order of its keys. */
export async function* lanePages(dynamo: Dynamo, epoch: number, lane: number): AsyncGenerator<Item[]> {
  yield* dynamo.queryPages({
    TableName: dynamo.names.ledger,
    ConsistentRead: true,
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: toItem({ ':pk': lanePartition(epoch, lane) }),
  });
}

const LANE_NUMBERS = Array.from({ length: LANES }, (_, lane) => lane);

/** What an epoch's entries come to as they are now. */
export const sumEpoch = async (dynamo: Dynamo, epoch: number, keptFrom: number): Promise<EpochSum> => {
  const sums = makeLaneSums();
  const uncorrected: string[] = [];
  let open = 0;
  await Promise.all(
    LANE_NUMBERS.map(async (lane) => {
      for await (const items of lanePages(dynamo, epoch, lane)) {
        for (const item of items) {
          addToLanes(sums, item);
          if (stateOf(item) === 'open') open += 1;
          if (!(await fitsItsCounterpart(dynamo, item, keptFrom))) uncorrected.push(textOf(item, 'sk') ?? '');
        }
      }
    }),
  );
  return { lanes: sums.end(), open, uncorrected };
};

/** A lost entry that was put right and the correction of it say the same; each is asked of the other. They are rare. */
const fitsItsCounterpart = async (dynamo: Dynamo, item: Item, keptFrom: number): Promise<boolean> => {
  const table = dynamo.names.ledger;
  if (isCorrection(item)) {
    const key = entryKey((textOf(item, 'sk') ?? '').slice(0, -1));
    if (key === undefined) return false;
    const { item: lost } = await dynamo.get(table, key);
    if (lost === undefined) return Number(key['pk']?.S?.split('#')[1]) < keptFrom;
    return saySame(lost, item);
  }
  if (item['correctNonce'] === undefined) return true;
  const lane = Number(textOf(item, 'pk')?.split('#')[2]);
  const epoch = countOf(item, 'correctEpoch');
  const { item: correction } = await dynamo.get(
    table,
    toItem({ pk: lanePartition(epoch, lane), sk: `${textOf(item, 'sk')}!` }),
  );
  return correction !== undefined && saySame(item, correction);
};

const saySame = (lost: Item, correction: Item): boolean =>
  stateOf(lost) === 'lost' &&
  textOf(lost, 'correctNonce') === textOf(correction, 'settleNonce') &&
  amountOf(lost, 'trueCost') - amountOf(lost, 'cost') === amountOf(correction, 'cost') &&
  (['inputTokens', 'outputTokens'] as const).every((name) => countOf(lost, name) === countOf(correction, name)) &&
  textOf(lost, 'receipt') === textOf(correction, 'receipt');

/** Lanes read at once while records are taken one by one: enough to hide the wait, few enough to hold little. */
const LANES_AT_ONCE = 4;

/** Every entry and correction of the epochs that a generator names, as they are counted. Tombstones are none. */
export async function* readRecords(dynamo: Dynamo, epochs: AsyncIterable<number>): AsyncGenerator<LedgerRecord> {
  for await (const epoch of epochs) {
    for (let first = 0; first < LANES; first += LANES_AT_ONCE) {
      const lanes = LANE_NUMBERS.slice(first, first + LANES_AT_ONCE).map((lane) => lanePages(dynamo, epoch, lane));
      // The first page of each is on its way while another is taken.
      const begun = lanes.map((pages) => pages.next());
      for (const page of begun) page.catch(() => {});
      for (const [i, pages] of lanes.entries()) {
        for (let page = await begun[i]; page?.done === false; page = await pages.next())
          for (const item of page.value) {
            const record = toCountedEntry(item);
            if (record !== undefined) yield record;
          }
      }
    }
  }
}
