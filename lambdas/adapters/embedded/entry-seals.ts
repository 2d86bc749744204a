import { LANES } from '../../contract/timing.ts';
import { parseRequestId } from '../../core/admit/request-id.ts';
import { canonicalText } from '../../core/audit/canonical-text.ts';
import { type EpochSeal, type LaneSeal, makeLaneSums, type SealHead, sealEpoch } from '../../core/audit/epoch-seal.ts';
import type { Connection, Database } from './database.ts';
import { ENTRY_COLUMNS, type EntryRow, seqOf } from './ledger-entries.ts';

/** Rows handled before other requests get their turn. */
const ROWS_AT_ONCE = 500;

/**
 * An ended entry as one text. Every column that is not null counts: one that a later version adds must be null in the rows
 * that were there before it, and is not to be written once an entry has ended.
 */
const entryText = (row: EntryRow): string => canonicalText({ ...row });

/** Entries whose id names no lane lie in the first. */
const laneOf = (id: string): number => {
  const lane = parseRequestId(id.replace(/!$/, ''))?.lane ?? 0;
  return lane < LANES ? lane : 0;
};

/** Every entry of these epochs, inclusive, in order, some at a time. */
export async function* entryPages(database: Database, from: number, to: number): AsyncGenerator<EntryRow[]> {
  for (let after = seqOf(from); ; ) {
    const rows = await database.read((connection) =>
      connection.all<EntryRow & { seq: bigint }>(
        `SELECT seq, ${ENTRY_COLUMNS} FROM entries WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ${ROWS_AT_ONCE}`,
        after,
        seqOf(to + 1),
      ),
    );
    yield rows.map(({ seq: _, ...row }) => row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_AT_ONCE) return;
    after = last.seq;
    await letOthersRun();
  }
}

const letOthersRun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const hasEnded = ({ state }: EntryRow): boolean => state === 'settled' || state === 'lost';

/** What an epoch's entries come to by lane; each ended one is also shown to `see`. */
export const sumLanes = async (
  database: Database,
  epoch: number,
  see: (row: EntryRow) => void = () => {},
): Promise<{ lanes: Map<number, LaneSeal>; open: number }> => {
  const sums = makeLaneSums();
  let open = 0;
  for await (const rows of entryPages(database, epoch, epoch)) {
    for (const row of rows) {
      if (row.state === 'open') open += 1;
      if (!hasEnded(row)) continue;
      see(row);
      sums.add(laneOf(row.id), entryText(row), row.cost);
    }
  }
  return { lanes: sums.end(), open };
};

interface SealRow {
  epoch: bigint;
  digest: string;
  previous_epoch: bigint | null;
  previous_digest: string | null;
  since: bigint | null;
  lanes: string;
}

/** As it stands, whoever wrote it: whether it holds is for the reader to see. */
const fromRow = (row: SealRow): EpochSeal => ({
  epoch: Number(row.epoch),
  digest: row.digest,
  previous:
    row.previous_digest === null ? null : { epoch: Number(row.previous_epoch ?? 0n), digest: row.previous_digest },
  since: row.since === null ? null : Number(row.since),
  lanes: readLanes(row.lanes),
});

const readLanes = (text: string): Map<number, LaneSeal> => {
  try {
    return new Map(
      Object.entries(JSON.parse(text) as Record<string, [number, string, string]>).map(
        ([lane, [entries, cost, digest]]) => [Number(lane), { entries, cost: BigInt(cost), digest }],
      ),
    );
  } catch {
    // Not as it was written here; its digest will say so.
    return new Map();
  }
};

const writeLanes = (lanes: ReadonlyMap<number, LaneSeal>): string =>
  JSON.stringify(
    Object.fromEntries([...lanes].map(([lane, { entries, cost, digest }]) => [lane, [entries, String(cost), digest]])),
  );

export const readSeals = (connection: Connection, from: number, to: number): EpochSeal[] =>
  connection.all<SealRow>('SELECT * FROM seals WHERE epoch BETWEEN ? AND ? ORDER BY epoch', from, to).map(fromRow);

/** How far the ledger is closed, and the last seal. It is kept apart from the seals, so that one that is gone is missed. */
export const readChain = (connection: Connection): { closedThrough: number; head: SealHead | null } => {
  const row = connection.get<{ closed_through: bigint; epoch: bigint | null; digest: string | null }>(
    'SELECT closed_through, epoch, digest FROM chain',
  );
  if (row === undefined) return { closedThrough: -1, head: null };
  const { closed_through: closedThrough, epoch, digest } = row;
  return {
    closedThrough: Number(closedThrough),
    head: epoch === null || digest === null ? null : { epoch: Number(epoch), digest },
  };
};

/** Epochs that have ended entries and are not closed yet, ascending. */
export const readUnsealedEpochs = (connection: Connection): number[] => {
  const epochs: number[] = [];
  for (let after = seqOf(readChain(connection).closedThrough + 1); ; ) {
    const row = connection.get<{ seq: bigint; epoch: bigint }>(
      `SELECT seq, epoch FROM entries WHERE seq > ? AND state IN ('settled', 'lost') ORDER BY seq LIMIT 1`,
      after,
    );
    if (row === undefined) return epochs;
    epochs.push(Number(row.epoch));
    after = seqOf(Number(row.epoch) + 1);
  }
};

/**
 * Notes that an epoch is closed and adds it to the chain, once: epochs are closed in order, and what is not beyond the last
 * one has been there.
 */
export const sealClosed = (connection: Connection, epoch: number, lanes: ReadonlyMap<number, LaneSeal>): void => {
  const { closedThrough, head } = readChain(connection);
  if (epoch <= closedThrough) return;
  // Entries of before there were seals are sealed as they are found: the chain begins with the ledger.
  const seal = lanes.size === 0 ? undefined : sealEpoch(epoch, lanes, head, 0);
  if (seal !== undefined) insertSeal(connection, seal);
  const last = seal ?? head;
  connection.run(
    `INSERT INTO chain (id, closed_through, epoch, digest) VALUES (1, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET closed_through = excluded.closed_through, epoch = excluded.epoch,
       digest = excluded.digest`,
    epoch,
    last?.epoch ?? null,
    last?.digest ?? null,
  );
};

const insertSeal = (connection: Connection, { epoch, digest, previous, since, lanes }: EpochSeal): void => {
  connection.run(
    'INSERT INTO seals (epoch, digest, previous_epoch, previous_digest, since, lanes) VALUES (?, ?, ?, ?, ?, ?)',
    epoch,
    digest,
    previous?.epoch ?? null,
    previous?.digest ?? null,
    since,
    writeLanes(lanes),
  );
};
