import type { LedgerAudit, RecountReport } from '../../core/audit/ledger-audit.ts';
import { type CountedSum, isSameSum, mayLackEntries, sumRecords } from '../../core/audit/recount.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { advanceSums, readSummed } from './account-sums.ts';
import type { Connection, Database } from './database.ts';

const TRIES = 10;

interface SumRow {
  account: string;
  spent: bigint;
  requests: bigint;
  input_tokens: bigint;
  output_tokens: bigint;
}

/** Counts every sealed entry anew, and puts the sums right that were kept of earlier counts. */
export const recountSums = async (
  database: Database,
  { records, standing }: Pick<LedgerAudit, 'records' | 'standing'>,
): Promise<RecountReport> => {
  for (let tries = 0; tries < TRIES; tries++) {
    await advanceSums(database);
    const summed = await database.read(readSummed);
    const keptFrom = (await standing())?.keptFrom ?? 0;
    let count = 0;
    const counted = await sumRecords(
      (async function* () {
        for await (const record of records(0, summed - 1)) {
          count += 1;
          yield record;
        }
      })(),
    );
    const found = await database.write((connection) =>
      // An epoch has been closed and summed meanwhile: what was counted lacks it.
      readSummed(connection) === summed ? correctSums(connection, counted, keptFrom) : undefined,
    );
    if (found !== undefined) return { records: count, ...found };
  }
  throw new StoreUnavailable('epochs are closed faster than their entries can be counted');
};

const correctSums = (
  connection: Connection,
  counted: ReadonlyMap<string, CountedSum>,
  keptFrom: number,
): Omit<RecountReport, 'records'> => {
  const first = connection.get<{ epoch: bigint | null }>('SELECT min(epoch) AS epoch FROM seals')?.epoch;
  const firstEpoch = Number(first ?? 0n);
  const noted = new Map(
    connection
      .all<SumRow>('SELECT account, spent, requests, input_tokens, output_tokens FROM account_sums')
      .map((row) => [
        row.account,
        {
          cost: row.spent,
          requests: Number(row.requests),
          inputTokens: Number(row.input_tokens),
          outputTokens: Number(row.output_tokens),
        },
      ]),
  );
  const corrected: string[] = [];
  let unknowable = 0;
  for (const account of new Set([...counted.keys(), ...noted.keys()])) {
    const sum = counted.get(account) ?? { cost: 0n, requests: 0, inputTokens: 0, outputTokens: 0, lastEpoch: 0 };
    const note = noted.get(account);
    if (note !== undefined && isSameSum(note, sum)) continue;
    if (mayLackEntries(account, keptFrom, firstEpoch)) {
      unknowable += 1;
      continue;
    }
    corrected.push(account);
    connection.run(
      `INSERT INTO account_sums (account, spent, requests, input_tokens, output_tokens, last_epoch)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (account) DO UPDATE SET spent = excluded.spent, requests = excluded.requests,
         input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens`,
      account,
      sum.cost,
      sum.requests,
      sum.inputTokens,
      sum.outputTokens,
      sum.lastEpoch,
    );
  }
  return { corrected: corrected.sort(), unknowable };
};
