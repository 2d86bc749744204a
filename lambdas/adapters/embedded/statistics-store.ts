import type { Receipt } from '../../core/receipt.ts';
import { samplesOf } from '../../core/route/sample-call.ts';
import type { StatisticsStore } from '../../core/route/statistics-store.ts';
import { readStatistics, writeStatistics } from '../../core/route/statistics-text.ts';
import { NO_STATISTICS, noteCall, type TargetStatistics } from '../../core/route/target-statistics.ts';
import type { Connection, Database } from './database.ts';
import type { RowKind } from './row-cache.ts';

interface Row {
  target: string;
  statistics: TargetStatistics;
}

const STATISTICS: RowKind<Row> = {
  load: (connection, target) => {
    const row = connection.get<{ statistics: string }>('SELECT statistics FROM statistics WHERE target = ?', target);
    return row === undefined ? undefined : { target, statistics: readStatistics(row.statistics) };
  },
  save: (connection, rows) => {
    for (const { target, statistics } of rows)
      connection.run(
        `INSERT INTO statistics (target, statistics) VALUES (?, ?)
         ON CONFLICT (target) DO UPDATE SET statistics = excluded.statistics`,
        target,
        writeStatistics(statistics),
      );
  },
};

/** Takes a request's calls in, in the transaction that ends its entry: as often as that ends, which is once. */
export const noteStatistics = (connection: Connection, receipt: Receipt, storeNow: number): void => {
  for (const [target, sample] of samplesOf(receipt)) {
    const known = connection.rows.get(STATISTICS, target);
    const row = known ?? { target, statistics: NO_STATISTICS };
    if (known === undefined) connection.rows.keep(STATISTICS, target, row);
    row.statistics = noteCall(row.statistics, sample, storeNow);
    connection.rows.change(STATISTICS, row);
  }
};

/** One row a target. */
export const makeEmbeddedStatisticsStore = (database: Database): StatisticsStore => ({
  read: (targets) =>
    database.read((connection) => targets.map((target) => STATISTICS.load(connection, target)?.statistics)),
});
