import { epochStart } from '../../contract/timing.ts';
import type { LedgerAudit, RecountReport } from '../../core/audit/ledger-audit.ts';
import { type CountedSum, isSameSum, mayLackEntries, sumRecords } from '../../core/audit/recount.ts';
import { accountExpiresAt } from '../../core/retention.ts';
import { advanceSums, sumKey, summedAccount, summedThrough, toSum } from './account-sums.ts';
import { type Item, toItem } from './attributes.ts';
import type { Closer } from './closer-item.ts';
import type { Dynamo } from './dynamo.ts';
import { inParallel } from './in-parallel.ts';
import { expiresAt } from './retention.ts';

const WRITES_AT_ONCE = 8;
const NOTHING: CountedSum = { cost: 0n, requests: 0, inputTokens: 0, outputTokens: 0, lastEpoch: 0 };

/** Counts every closed entry anew, and puts the sums right that were kept of earlier counts. */
export const recountSums = async (
  dynamo: Dynamo,
  closer: Closer,
  { records, standing }: Pick<LedgerAudit, 'records' | 'standing'>,
): Promise<RecountReport> => {
  const progress = await closer.read();
  if (progress === undefined) return { records: 0, corrected: [], unknowable: 0 };
  const { through } = await advanceSums(dynamo, progress.closedThrough);
  const keptFrom = (await standing())?.keptFrom ?? 0;
  let count = 0;
  let firstEpoch = Number.POSITIVE_INFINITY;
  const counted = await sumRecords(
    (async function* () {
      for await (const record of records(0, through - 1)) {
        count += 1;
        firstEpoch = Math.min(firstEpoch, record.epoch);
        yield record;
      }
    })(),
  );
  const noted = await readSums(dynamo);
  // The first seal says how far back the ledger goes, also where its entries are gone.
  const begins = Math.min(firstEpoch, progress.sealedFrom ?? firstEpoch);
  const corrected: string[] = [];
  let unknowable = 0;
  await inParallel([...new Set([...counted.keys(), ...noted.keys()])], WRITES_AT_ONCE, async (account) => {
    const item = noted.get(account);
    const sum = counted.get(account) ?? NOTHING;
    if (item !== undefined && isSameSum(toSum(item), sum)) return;
    if (mayLackEntries(account, keptFrom, begins)) unknowable += 1;
    else if (await correctSum(dynamo, account, { item, sum, through })) corrected.push(account);
  });
  return { records: count, corrected: corrected.sort(), unknowable };
};

const readSums = async (dynamo: Dynamo): Promise<Map<string, Item>> => {
  const items = await dynamo.scan({
    TableName: dynamo.names.accounts,
    ConsistentRead: true,
    FilterExpression: 'begins_with(pk, :prefix)',
    ExpressionAttributeValues: toItem({ ':prefix': sumKey('')['pk']?.S ?? '' }),
  });
  return new Map(
    items.flatMap((item) => {
      const account = summedAccount(item);
      return account === undefined ? [] : [[account, item] as const];
    }),
  );
};

/** @returns false where another audit has written the sum meanwhile: the next run looks again */
const correctSum = async (
  dynamo: Dynamo,
  account: string,
  { item, sum, through }: { item: Item | undefined; sum: CountedSum; through: number },
): Promise<boolean> => {
  const seen = toSum(item);
  const written = await dynamo.update({
    TableName: dynamo.names.accounts,
    Key: sumKey(account),
    UpdateExpression:
      'SET cost = :cost, requests = :requests, inputTokens = :input, outputTokens = :output, through = :through, lastEpoch = :last, expires = :expires',
    ConditionExpression:
      item === undefined
        ? 'attribute_not_exists(pk)'
        : 'through = :seenThrough AND cost = :seenCost AND requests = :seenRequests',
    ExpressionAttributeValues: {
      ...toItem({
        ':cost': sum.cost,
        ':requests': sum.requests,
        ':input': sum.inputTokens,
        ':output': sum.outputTokens,
        ':through': through,
        ':last': sum.lastEpoch,
        ':seenThrough': item === undefined ? undefined : summedThrough(item),
        ':seenCost': item === undefined ? undefined : seen.cost,
        ':seenRequests': item === undefined ? undefined : seen.requests,
      }),
      ':expires': expiresAt(accountExpiresAt(account, epochStart(Math.max(sum.lastEpoch, through)))),
    },
  });
  return written.kind === 'done';
};
