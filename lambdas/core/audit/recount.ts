import { epochStart } from '../../contract/timing.ts';
import { lengthOf, periodEndsAt } from '../admit/periods.ts';
import type { AccountSum, LedgerRecord } from './ledger-audit.ts';

/** What an account's entries come to, and the last epoch that has one of them. */
export interface CountedSum extends AccountSum {
  lastEpoch: number;
}

/** Adds up entries by account, as settling has counted them: a lost one at its hold and without tokens, a correction as no request. */
export const sumRecords = async (records: AsyncIterable<LedgerRecord>): Promise<Map<string, CountedSum>> => {
  const sums = new Map<string, CountedSum>();
  for await (const record of records) {
    if (record.state !== 'settled' && record.state !== 'lost') continue;
    const isLost = record.state === 'lost';
    for (const account of record.accounts) {
      const sum = sums.get(account);
      sums.set(account, {
        cost: (sum?.cost ?? 0n) + record.cost,
        requests: (sum?.requests ?? 0) + (record.isCorrection ? 0 : 1),
        inputTokens: (sum?.inputTokens ?? 0) + (isLost ? 0 : record.inputTokens),
        outputTokens: (sum?.outputTokens ?? 0) + (isLost ? 0 : record.outputTokens),
        lastEpoch: Math.max(sum?.lastEpoch ?? 0, record.epoch),
      });
    }
  }
  return sums;
};

export const isSameSum = (a: AccountSum, b: AccountSum): boolean =>
  a.cost === b.cost &&
  a.requests === b.requests &&
  a.inputTokens === b.inputTokens &&
  a.outputTokens === b.outputTokens;

/** Longer than any period but a lifetime, with room for zones. */
const LONGEST_PERIOD_MS = 33 * 24 * 60 * 60_000;

/**
 * Whether entries of an account may have expired, so that only what was noted of them is left.
 *
 * @param keptFrom entries of earlier epochs may have expired
 * @param firstEpoch the first that ever had an entry
 */
export const mayLackEntries = (account: string, keptFrom: number, firstEpoch: number): boolean => {
  if (keptFrom <= firstEpoch) return false;
  const period = account.slice(account.lastIndexOf('#') + 1);
  const endsAt = lengthOf(period) === undefined ? null : periodEndsAt(period, 'UTC');
  return endsAt === null || endsAt - LONGEST_PERIOD_MS < epochStart(keptFrom);
};
