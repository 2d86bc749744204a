import { epochOf, LONGEST_CALL_MS } from '../../contract/timing.ts';
import { isForGood } from '../../core/admit/account-keys.ts';
import type { Connection } from './database.ts';

const DAY_MS = 24 * 60 * 60_000;
export const ENTRY_LIFE_MS = 400 * DAY_MS;
/** Longer than any entry that names the account. */
export const ACCOUNT_LIFE_MS = 440 * DAY_MS;
/** A century. */
const FOR_GOOD_MS = 36_525 * DAY_MS;

/** When an account that is used now may go, and the sum of its entries with it. */
export const accountExpiresAt = (account: string, nowMs: number): number =>
  nowMs + (isForGood(account) ? FOR_GOOD_MS : ACCOUNT_LIFE_MS);
/** No request is under way for longer than this. */
export const CANCELLATION_LIFE_MS = 2 * LONGEST_CALL_MS;
/** Answers for idempotency keys. A client that retries does so within minutes; a job that is run again, within the day. */
export const ANSWER_LIFE_MS = DAY_MS;
const LIMIT_LIFE_MS = 60 * 60_000;

/** Entries and accounts looked at in one sweep. */
const SWEEP_ROWS = 1_000;

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
};
