import type { Connection, Database } from './database.ts';
import { readSeals, sumLanes } from './entry-seals.ts';
import { addUse, NO_USE, type Use } from './ledger-accounts.ts';
import { sumByAccount, toUse } from './ledger-close.ts';

/**
 * What accounts' entries come to, added up once and kept: each audit reads only the epochs that have been sealed since the
 * last. Nothing else writes these rows, so what spoils an account leaves its sum alone; and they keep what an account that
 * never ends owes to entries that have expired.
 */

/** Every sealed epoch below it is in the sums. */
export const readSummed = (connection: Connection): number =>
  Number(connection.get<{ value: bigint }>(`SELECT value FROM marks WHERE name = 'summed'`)?.value ?? 0n);

/** Seals looked up at once. */
const MOST_EPOCHS = 2_000;

/** Takes every sealed epoch into the sums, one a transaction. @returns how many it read */
export const advanceSums = async (database: Database): Promise<number> => {
  let epochsRead = 0;
  for (;;) {
    const { summed, epochs } = await database.read((connection) => {
      const mark = readSummed(connection);
      return { summed: mark, epochs: readSealedEpochs(connection, mark) };
    });
    if (epochs.length === 0) return epochsRead;
    let from = summed;
    for (const epoch of epochs) {
      const byAccounts = new Map<string, Use>();
      await sumLanes(database, epoch, (row) =>
        byAccounts.set(row.accounts, addUse(byAccounts.get(row.accounts) ?? NO_USE, toUse(row))),
      );
      const isOurs = await database.write((connection) => {
        if (readSummed(connection) !== from) return false;
        for (const [account, use] of sumByAccount(byAccounts)) addToSum(connection, account, use, epoch);
        connection.run(
          `INSERT INTO marks (name, value) VALUES ('summed', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
          epoch + 1,
        );
        return true;
      });
      epochsRead += 1;
      // Another audit is at it too: what it has done is looked up anew.
      if (!isOurs) break;
      from = epoch + 1;
    }
  }
};

const readSealedEpochs = (connection: Connection, from: number): number[] =>
  connection
    .all<{ epoch: bigint }>(`SELECT epoch FROM seals WHERE epoch >= ? ORDER BY epoch LIMIT ${MOST_EPOCHS}`, from)
    .map(({ epoch }) => Number(epoch));

const addToSum = (connection: Connection, account: string, use: Use, epoch: number): void => {
  connection.run(
    `INSERT INTO account_sums (account, spent, requests, input_tokens, output_tokens, last_epoch)
     VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (account) DO UPDATE SET spent = spent + excluded.spent, requests = requests + excluded.requests,
       input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
       last_epoch = excluded.last_epoch`,
    account,
    use.cost,
    use.requests,
    use.inputTokens,
    use.outputTokens,
    epoch,
  );
};

/** Whether a seal has come since the sums were made. */
export const isBehind = (connection: Connection): boolean =>
  readSeals(connection, readSummed(connection), Number.MAX_SAFE_INTEGER).length > 0;
