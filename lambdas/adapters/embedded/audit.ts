import { EPOCH_MS, GRACE_MS } from '../../contract/timing.ts';
import type { LedgerAudit, LedgerRecord } from '../../core/audit/ledger-audit.ts';
import type { Clock } from '../../core/ports.ts';
import { ENTRY_LIFE_MS } from '../../core/retention.ts';
import type { Connection, Database } from './database.ts';
import { entryPages, readChain, readSeals, sumLanes } from './entry-seals.ts';
import { type EntryRow, isCorrection, seqOf, toLedgerEntry } from './ledger-entries.ts';
import { rebuildAccounts } from './rebuild-accounts.ts';
import { recountSums } from './recount.ts';
import { readStoreTime } from './store-time.ts';

/** The embedded ledger as an auditor uses it, beside whatever processes have the file open. */
export const makeEmbeddedAudit = (database: Database, clock: Clock): LedgerAudit => {
  const audit: LedgerAudit = {
    standing: () =>
      database.read((connection) => ({
        ...readChain(connection),
        sealedFrom: 0,
        // None is opened more than a grace before its epoch.
        keptFrom: Math.floor((readStoreTime(connection, clock) - ENTRY_LIFE_MS + GRACE_MS) / EPOCH_MS) + 1,
      })),
    seals: (from, to) => database.read((connection) => readSeals(connection, from, to)),
    disputes: (from, to) =>
      database.read((connection) =>
        connection
          .all<{ epoch: bigint; account: string }>(
            'SELECT epoch, account FROM disputes WHERE epoch BETWEEN ? AND ? ORDER BY epoch, account',
            from,
            to,
          )
          .map(({ epoch, account }) => ({ epoch: Number(epoch), account })),
      ),
    async *epochs(from, to) {
      for (let next: number | undefined = from; next !== undefined; ) {
        const after: number = next;
        const epoch = await database.read((connection) => readNextEpoch(connection, after));
        if (epoch === undefined || epoch > to) return;
        yield epoch;
        next = epoch + 1;
      }
    },
    // A lost entry is never written to again: its correction alone puts it right, and has a seal.
    sumEpoch: async (epoch) => ({ ...(await sumLanes(database, epoch)), uncorrected: [] }),
    async *records(from, to) {
      for await (const rows of entryPages(database, from, to))
        for (const row of rows) {
          const record = toRecord(row);
          if (record !== undefined) yield record;
        }
    },
    rebuild: (options) => rebuildAccounts(database, clock, options),
    recount: () => recountSums(database, audit),
  };
  return audit;
};

/** The first epoch from here on that has an entry, a seal or a dispute. */
const readNextEpoch = (connection: Connection, from: number): number | undefined => {
  const row = connection.get<{ epoch: bigint | null }>(
    `SELECT min(epoch) AS epoch FROM (
       SELECT * FROM (SELECT epoch FROM entries WHERE seq > ?1 ORDER BY seq LIMIT 1)
       UNION ALL SELECT min(epoch) FROM seals WHERE epoch >= ?2
       UNION ALL SELECT min(epoch) FROM disputes WHERE epoch >= ?2)`,
    seqOf(from),
    from,
  );
  return row?.epoch === null || row === undefined ? undefined : Number(row.epoch);
};

/** undefined for a tombstone. */
const toRecord = (row: EntryRow): LedgerRecord | undefined => {
  if (row.receipt === null) return undefined;
  const entry = toLedgerEntry(row, undefined);
  if (!isCorrection(row.id)) return { ...entry, isCorrection: false };
  return { ...entry, requestId: row.id.slice(0, -1), isCorrection: true };
};
