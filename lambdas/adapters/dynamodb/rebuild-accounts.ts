import { epochStart } from '../../contract/timing.ts';
import {
  type AccountDifference,
  type AccountSum,
  MOST_DIFFERENCES,
  type RebuildOptions,
  type RebuildReport,
} from '../../core/audit/ledger-audit.ts';
import { ACCOUNT_LIFE_MS, accountExpiresAt, ENTRY_LIFE_MS } from '../../core/retention.ts';
import { addUse, floorOf, NO_USE, openUse, sumHolds, toFigures, type Use } from './account-item.ts';
import {
  advanceSums,
  lastEpochOf,
  sumEpochByAccount,
  sumKey,
  summedAccount,
  summedThrough,
  toSum,
} from './account-sums.ts';
import { rebuildWrite, restoredItem } from './account-writes.ts';
import { amountOf, type Item, textOf } from './attributes.ts';
import type { Closer } from './closer-item.ts';
import type { Dynamo } from './dynamo.ts';
import { inParallel } from './in-parallel.ts';

const TRIES = 8;
/** A correction may come so long after the last time that the account was held on. */
const LATE_MS = ACCOUNT_LIFE_MS - ENTRY_LIFE_MS;
const ACCOUNTS_AT_ONCE = 8;
/** Epochs beyond the sums that an account may have closed while the audit ran; farther ahead its floor is no floor. */
const MOST_AHEAD = 600;

/**
 * Compares accounts with the sums of their entries and puts right what differs: of epochs below each account's floor, which
 * are closed and do not move, so requests go on meanwhile. The write rests on the floor and the count of rebuilds that were
 * read, so two rebuilds come to one.
 */
export const rebuildAccounts = async (
  dynamo: Dynamo,
  closer: Closer,
  { account: only, isDryRun = false }: RebuildOptions = {},
): Promise<RebuildReport> => {
  const report: RebuildReport = { accounts: 0, skipped: 0, different: 0, differences: [], epochsRead: 0 };
  const progress = await closer.read();
  if (progress === undefined) return report;
  const { through, epochsRead } = await advanceSums(dynamo, progress.closedThrough);
  report.epochsRead = epochsRead;
  const table = dynamo.names.accounts;

  /** By epoch, what was closed since the sums were made. */
  const tail = new Map<number, Promise<Map<string, AccountSum>>>();
  const sumTail = async (account: string, from: number, floor: number): Promise<Use> => {
    let use: Use = NO_USE;
    for (let epoch = from; epoch < floor; epoch++) {
      let sums = tail.get(epoch);
      if (sums === undefined) {
        sums = sumEpochByAccount(dynamo, epoch);
        // A failure is told to whoever waits for it; the next asks again.
        sums.catch(() => tail.delete(epoch));
        tail.set(epoch, sums);
        report.epochsRead += 1;
      }
      use = addUse(use, (await sums).get(account) ?? NO_USE);
    }
    return use;
  };

  const compare = async (
    key: string,
    item: Item | undefined,
    sum: Item | undefined,
  ): Promise<Omit<AccountDifference, 'isRepaired'> | 'same' | 'skip'> => {
    if (item === undefined) return compareMissing(key, sum);
    const floor = floorOf(item);
    if (floor > through + MOST_AHEAD) return 'skip';
    // The sum may have come further than all of them had when this run looked, hours ago if it slept.
    const from = Math.max(through, summedThrough(sum));
    const entries = addUse(toSum(sum), await sumTail(key, from, floor));
    const found = closedUse(item);
    const unbalanced = amountOf(item, 'spent') + sumHolds(item) - amountOf(item, 'committed');
    if (unbalanced === 0n && isSame(found, entries)) return 'same';
    return { account: key, found, entries, unbalanced };
  };

  const compareMissing = (key: string, sum: Item | undefined): Omit<AccountDifference, 'isRepaired'> | 'same' => {
    if (sum === undefined) return 'same';
    // An account goes some time after its last entry; until then it can't have expired.
    const mayHaveExpired = accountExpiresAt(key, epochStart(lastEpochOf(sum))) - LATE_MS <= dynamo.time.now();
    return mayHaveExpired ? 'same' : { account: key, found: undefined, entries: toSum(sum), unbalanced: 0n };
  };

  /** Looks once more, consistently, before it says that an account differs, and puts it right. */
  const settle = async (key: string): Promise<void> => {
    let last: Omit<AccountDifference, 'isRepaired'> | undefined;
    for (let i = 0; i < TRIES; i++) {
      const [{ item }, { item: sum }] = await Promise.all([
        dynamo.get(table, { pk: { S: key } }),
        dynamo.get(table, sumKey(key)),
      ]);
      const outcome = await compare(key, item, sum);
      if (outcome === 'skip') break;
      // Right by now: by an earlier write of ours whose answer was lost, or by somebody else's.
      if (outcome === 'same') return last && note({ ...last, isRepaired: true });
      if (isDryRun) return note({ ...outcome, isRepaired: false });
      last = outcome;
      const written =
        item === undefined
          ? await dynamo.put(restoredItem(table, key, { through, entries: outcome.entries, nowMs: dynamo.time.now() }))
          : await dynamo.update(rebuildWrite(table, key, { seen: item, ...outcome }));
      if (written.kind === 'done') return note({ ...outcome, isRepaired: true });
    }
    report.skipped += 1;
  };

  const note = (difference: AccountDifference): void => {
    dynamo.log.error('an account is not the sum of its entries', {
      account: difference.account,
      difference_nano_usd: String(difference.entries.cost - (difference.found?.cost ?? 0n)),
      repaired: difference.isRepaired,
    });
    report.different += 1;
    if (report.differences.length < MOST_DIFFERENCES) report.differences.push(difference);
  };

  const look = async (items: readonly { key: string; item: Item | undefined; sum: Item | undefined }[]) => {
    await inParallel(items, ACCOUNTS_AT_ONCE, async ({ key, item, sum }) => {
      report.accounts += 1;
      if ((await compare(key, item, sum)) !== 'same') await settle(key);
    });
  };

  if (only !== undefined) {
    const [{ item }, { item: sum }] = await Promise.all([
      dynamo.get(table, { pk: { S: only } }),
      dynamo.get(table, sumKey(only)),
    ]);
    if (item !== undefined || sum !== undefined) await look([{ key: only, item, sum }]);
    return report;
  }
  for await (const page of dynamo.scanPages({ TableName: table })) {
    const accounts = page.filter(isAccount);
    const keys = accounts.map((item) => textOf(item, 'pk') ?? '');
    const sums = byKey(await dynamo.getMany(table, keys.map(sumKey)));
    await look(accounts.map((item, i) => ({ key: keys[i] ?? '', item, sum: sums.get(`!sum#${keys[i]}`) })));
    await look(await findMissing(dynamo, page));
  }
  // Several are compared at once: whichever ended first is no order.
  report.differences.sort((a, b) => (a.account < b.account ? -1 : 1));
  return report;
};

/** Sums of accounts that are not there any more. */
const findMissing = async (
  dynamo: Dynamo,
  page: readonly Item[],
): Promise<{ key: string; item: undefined; sum: Item }[]> => {
  const sums = page.flatMap((sum) => {
    const key = summedAccount(sum);
    return key === undefined ? [] : [{ key, item: undefined, sum }];
  });
  const there = byKey(
    await dynamo.getMany(
      dynamo.names.accounts,
      sums.map(({ key }) => ({ pk: { S: key } })),
    ),
  );
  return sums.filter(({ key }) => !there.has(key));
};

const byKey = (items: readonly Item[]): Map<string, Item> =>
  new Map(items.map((item) => [textOf(item, 'pk') ?? '', item]));

/** Other items of the table have names that no scope begins like. */
const isAccount = (item: Item): boolean => item['committed'] !== undefined && !textOf(item, 'pk')?.startsWith('!');

/** What an account says of its closed epochs. */
const closedUse = (item: Item): Use => {
  const { spent, requests, inputTokens, outputTokens } = toFigures(item);
  const open = openUse(item);
  return {
    cost: spent - open.cost,
    requests: requests - open.requests,
    inputTokens: inputTokens - open.inputTokens,
    outputTokens: outputTokens - open.outputTokens,
  };
};

const isSame = (a: Use, b: Use): boolean =>
  a.cost === b.cost &&
  a.requests === b.requests &&
  a.inputTokens === b.inputTokens &&
  a.outputTokens === b.outputTokens;
