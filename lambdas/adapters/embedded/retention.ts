import { LONGEST_CALL_MS } from '../../contract/timing.ts';
import type { Connection } from './database.ts';

const DAY_MS = 24 * 60 * 60_000;
export const ENTRY_LIFE_MS = 400 * DAY_MS;
/** Longer than any entry that names the account. */
export const ACCOUNT_LIFE_MS = 440 * DAY_MS;
/** No request is under way for longer than this. */
export const CANCELLATION_LIFE_MS = 2 * LONGEST_CALL_MS;
const BUCKET_LIFE_MS = 60 * 60_000;

/** Rows looked at in one sweep. Entries are kept in the order they were opened, so the oldest lie together. */
const SWEEP_ROWS = 500;

/** Deletes some of what has expired. Cheap; called again and again. */
export const sweep = (connection: Connection, storeNow: number, epoch: number): void => {
  connection.run(
    `DELETE FROM entries WHERE seq IN (SELECT seq FROM entries ORDER BY seq LIMIT ${SWEEP_ROWS})
       AND expires < ? AND state <> 'open'`,
    storeNow,
  );
  connection.run(`DELETE FROM accounts WHERE expires < ? AND committed = spent`, storeNow);
  connection.run('DELETE FROM cancellations WHERE at < ?', storeNow - CANCELLATION_LIFE_MS);
  // A bucket that has drained is as good as none.
  connection.run('DELETE FROM buckets WHERE max(tat_us, at_us) < ?', (storeNow - BUCKET_LIFE_MS) * 1000);
  connection.run('DELETE FROM flights WHERE epoch < ?', epoch - FLIGHT_EPOCHS);
};

/** Epochs for which a request counts as under way whose end nobody told. */
export const FLIGHT_EPOCHS = 4;
