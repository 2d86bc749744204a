import { addPurgeMark, type PurgeMark, readPurgeMarks, writePurgeMarks } from '../../core/cache/purge-marks.ts';
import type { CacheSelection } from '../../core/cache/vector-index.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { expiresAt } from './retention.ts';

const KEY: Item = toItem({ pk: 'cache-purges' });
/** The table's time is known to a second, by who purges and by who keeps, and as old as an answer is under way. */
const MARGIN_MS = 5_000;
const ATTEMPTS = 12;
const WAIT_MS = 20;

/** The marks of all purges, in one item: consistent, so that who writes an entry and then looks sees every purge that may have missed it. */
export const readMarks = async (dynamo: Dynamo): Promise<PurgeMark[]> => {
  const { item } = await dynamo.get(dynamo.names.responses, KEY);
  return readPurgeMarks(item && textOf(item, 'marks'), storeTime(dynamo));
};

/** When this resolves, nothing that the purge covers is kept any more by a request under way. */
export const writeMark = async (dynamo: Dynamo, selection: CacheSelection, nowMs: number): Promise<void> => {
  const writer = Buffer.from(dynamo.random.bytes(12)).toString('hex');
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const { item } = await dynamo.get(dynamo.names.responses, KEY);
    const now = storeTime(dynamo, nowMs);
    const before = selection.createdBefore ?? now + MARGIN_MS;
    const marks = addPurgeMark(readPurgeMarks(item && textOf(item, 'marks'), now), selection, before, now);
    const version = item === undefined ? 0 : countOf(item, 'version');
    const written = await dynamo.update({
      TableName: dynamo.names.responses,
      Key: KEY,
      UpdateExpression: 'SET version = :next, marks = :marks, writer = :writer, expires = :expires',
      ConditionExpression: item === undefined ? 'attribute_not_exists(version)' : 'version = :seen',
      ExpressionAttributeValues: {
        ...toItem({
          ':next': version + 1,
          ':marks': writePurgeMarks(marks),
          ':writer': writer,
          ':seen': item === undefined ? undefined : version,
        }),
        ':expires': expiresAt(Math.max(...marks.map((mark) => mark.expiresAt))),
      },
    });
    // The same writer's is this very write, sent again.
    if (written.kind === 'done' || (written.item && textOf(written.item, 'writer') === writer)) return;
    await dynamo.clock.sleep(WAIT_MS * attempt * (0.5 + dynamo.random.fraction()));
  }
  throw new StoreUnavailable('others purge at the same time; purge again');
};

/** The table's, where it has answered; it is never compared with another machine's clock. */
export const storeTime = (dynamo: Dynamo, nowMs: number = dynamo.clock.now()): number => dynamo.time.known() ?? nowMs;
