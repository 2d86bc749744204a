import { epochOf } from '../../contract/timing.ts';
import { ACCOUNT_LIFE_MS, CANCELLATION_LIFE_MS, ENTRY_LIFE_MS, LIMIT_LIFE_MS } from '../../core/retention.ts';
import type { Connection } from './database.ts';

/** Entries and accounts looked at in one sweep. */
const SWEEP_ROWS = 1_000;
/** Kept answers: a thousand of 100 KB, overwritten, stop the process for a third of a second. */
const SWEEP_LARGE_ROWS = 100;

/**
 * Makes a sweep that deletes some of what has expired. Cheap whatever the tables hold, and called again and again: entries
 * lie in the order they were opened, so it looks at the oldest; accounts don't, so each sweep goes on where the last ended.
 */
export const makeSweep = (): ((connection: Connection, storeNow: number) => void) => {
  let lastAccount = '';
  return (connection, storeNow) => {
    // What it deletes may be remembered.
    connection.rows.release();
    sweepTables(connection, storeNow);
    lastAccount = sweepAccounts(connection, storeNow, lastAccount);
  };
};

const sweepAccounts = (connection: Connection, storeNow: number, after: string): string => {
  const rows = connection.all<{ key: string; expires: bigint; isIdle: bigint }>(
    `SELECT key, expires,
       NOT EXISTS (SELECT 1 FROM account_parts WHERE account = key) AS isIdle
     FROM accounts WHERE key > ? ORDER BY key LIMIT ${SWEEP_ROWS}`,
    after,
  );
  for (const { key, expires, isIdle } of rows) {
    if (expires >= BigInt(storeNow) || isIdle !== 1n) continue;
    connection.run('DELETE FROM accounts WHERE key = ?', key);
    connection.run('DELETE FROM account_sums WHERE account = ?', key);
  }
  return rows.length < SWEEP_ROWS ? '' : (rows.at(-1)?.key ?? '');
};

const sweepTables = (connection: Connection, storeNow: number): void => {
  connection.run(
    `DELETE FROM entries WHERE seq IN (SELECT seq FROM entries ORDER BY seq LIMIT ${SWEEP_ROWS})
       AND opened_at < ? AND state <> 'open'`,
    storeNow - ENTRY_LIFE_MS,
  );
  connection.run('DELETE FROM cancellations WHERE at < ?', storeNow - CANCELLATION_LIFE_MS);
  const oldest = epochOf(storeNow - ACCOUNT_LIFE_MS);
  connection.run('DELETE FROM seals WHERE epoch < ?', oldest);
  connection.run('DELETE FROM disputes WHERE epoch < ?', oldest);
  connection.run('DELETE FROM limits WHERE idle_at < ?', storeNow - LIMIT_LIFE_MS);
  connection.run('DELETE FROM runs WHERE expires < ?', storeNow);
  // Whoever keeps something takes out what has expired too; where nobody does any more, it would stay.
  connection.run('DELETE FROM answers WHERE expires < ?', storeNow);
  for (const [table, id] of [
    ['responses', 'id'],
    ['vectors', 'seq'],
  ])
    connection.run(
      `DELETE FROM ${table} WHERE ${id} IN (SELECT ${id} FROM ${table} WHERE expires < ? LIMIT ${SWEEP_LARGE_ROWS})`,
      storeNow,
    );
};
