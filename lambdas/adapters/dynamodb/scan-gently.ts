import { ScanCommand, type ScanCommandInput } from '@aws-sdk/client-dynamodb';
import type { StoreUnavailable } from '../../core/ports.ts';
import type { Item } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { toStoreUnavailable } from './faults.ts';

/** Of the 3,000 units of reading that a partition gives in a second; the rest is for requests. */
const UNITS_A_SECOND = 2_000;
const ATTEMPTS = 4;
const WAIT_MS = 200;

/** A table, page by page as they are taken, at a pace that leaves requests their share. A page is asked for again until it comes. */
export async function* scanGently(dynamo: Dynamo, input: ScanCommandInput): AsyncGenerator<Item[]> {
  for (let start: Item | undefined; ; ) {
    const began = dynamo.clock.now();
    const page = await patiently(dynamo, () =>
      dynamo.send(
        new ScanCommand({ ...input, ReturnConsumedCapacity: 'TOTAL', ...(start && { ExclusiveStartKey: start }) }),
      ),
    );
    yield page.Items ?? [];
    start = page.LastEvaluatedKey;
    if (start === undefined) return;
    const shouldTakeMs = ((page.ConsumedCapacity?.CapacityUnits ?? 0) / UNITS_A_SECOND) * 1_000;
    const restMs = Math.min(shouldTakeMs, shouldTakeMs - (dynamo.clock.now() - began));
    if (restMs > 0) await dynamo.clock.sleep(restMs);
  }
}

/** Work on many items must not end with the first that is throttled: it is tried again, after waits that grow. */
export const patiently = async <T>(dynamo: Dynamo, work: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const unavailable: StoreUnavailable = toStoreUnavailable(error);
      if (attempt === ATTEMPTS) throw unavailable;
      await dynamo.clock.sleep(WAIT_MS * 2 ** (attempt - 1) * (0.5 + dynamo.random.fraction()));
    }
  }
};
