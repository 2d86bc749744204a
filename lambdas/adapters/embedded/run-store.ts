import { refusalOf } from '../../core/admit/run-refusals.ts';
import type { RunEntry, RunLimits, RunOutcome, RunRecord, RunStore } from '../../core/admit/run-store.ts';
import type { Clock } from '../../core/ports.ts';
import { ACCOUNT_LIFE_MS } from '../../core/retention.ts';
import type { Connection, Database } from './database.ts';
import { readStoreTime } from './store-time.ts';

const DAY_MS = 24 * 60 * 60_000;

interface RunRow {
  team: string;
  id: string;
  parent: string | null;
  started_at: bigint | null;
  calls: bigint;
  killed_at: bigint | null;
  killed_because: string | null;
  expires: bigint;
}

/** One row a run, one transaction a call. */
export const makeEmbeddedRunStore = (database: Database, clock: Clock): RunStore => ({
  enter: (entry) => database.write((connection) => enterRuns(connection, entry, readStoreTime(connection, clock))),

  leave: ({ team, runs }) =>
    database.write((connection) => {
      for (const { id } of runs)
        connection.run('UPDATE runs SET calls = calls - 1 WHERE team = ? AND id = ? AND calls > 0', team, id);
    }),

  read: (team, ids) =>
    database.read((connection) =>
      ids.flatMap((id) => {
        const row = readRun(connection, team, id);
        return row === undefined ? [] : [toRecord(row)];
      }),
    ),

  kill: (team, id, reason) =>
    database.write((connection) => {
      const storeNow = readStoreTime(connection, clock);
      connection.run(
        `INSERT INTO runs (team, id, calls, killed_at, killed_because, expires) VALUES (?1, ?2, 0, ?3, ?4, ?5)
         ON CONFLICT (team, id) DO UPDATE SET killed_at = ?3, killed_because = ?4, expires = max(expires, ?5)
           WHERE killed_at IS NULL`,
        team,
        id,
        storeNow,
        reason,
        expiresAt(storeNow),
      );
      const row = readRun(connection, team, id);
      if (row === undefined) throw new Error(`the run ${id} was killed and is not there`);
      return toRecord(row);
    }),
});

const enterRuns = (connection: Connection, { team, runs }: RunEntry, storeNow: number): RunOutcome => {
  const rows = runs.map(({ id }) => readRun(connection, team, id));
  for (const [i, by] of runs.entries()) {
    const row = rows[i];
    if (row === undefined) continue;
    const record = toRecord(row);
    const because = refusalOf(record, by, storeNow);
    if (because !== undefined) return { kind: 'refused', by, because, record };
  }
  for (const [i, { id }] of runs.entries()) {
    const row = rows[i];
    if (row !== undefined && row.started_at !== null && row.parent !== parentOf(runs, i))
      return { kind: 'other-parent', run: id, parent: row.parent };
  }
  let end: { endsAt: number; endsBy: RunLimits } | undefined;
  for (const [i, limits] of runs.entries()) {
    const { id, lastsMs } = limits;
    // The index is written when the day changes, not with every call.
    connection.run(
      `INSERT INTO runs (team, id, parent, started_at, calls, expires) VALUES (?1, ?2, ?3, ?4, 1, ?5)
       ON CONFLICT (team, id) DO UPDATE SET calls = calls + 1, parent = ?3, started_at = coalesce(started_at, ?4),
         expires = max(expires, ?5)`,
      team,
      id,
      parentOf(runs, i),
      storeNow,
      expiresAt(storeNow),
    );
    if (lastsMs === undefined) continue;
    const runEndsAt = Number(rows[i]?.started_at ?? storeNow) + lastsMs;
    if (end === undefined || runEndsAt < end.endsAt) end = { endsAt: runEndsAt, endsBy: limits };
  }
  return { kind: 'entered', ...(end ?? { endsAt: null }) };
};

const parentOf = (runs: readonly RunLimits[], index: number): string | null => runs[index + 1]?.id ?? null;

const expiresAt = (storeNow: number): number => Math.ceil(storeNow / DAY_MS) * DAY_MS + ACCOUNT_LIFE_MS;

const readRun = (connection: Connection, team: string, id: string): RunRow | undefined =>
  connection.get<RunRow>('SELECT * FROM runs WHERE team = ? AND id = ?', team, id);

const toRecord = (row: RunRow): RunRecord => ({
  team: row.team,
  id: row.id,
  parent: row.parent,
  startedAt: row.started_at === null ? null : Number(row.started_at),
  calls: Number(row.calls),
  killed: row.killed_at === null ? null : { at: Number(row.killed_at), reason: row.killed_because ?? '' },
});
