import { epochOf } from '../../contract/timing.ts';
import { dropClaims } from './answer-store.ts';
import type { Connection } from './database.ts';
import { dropHolds } from './ledger-accounts.ts';
import { loseEntry, readOpenEntries } from './ledger-entries.ts';
import { dropFlights } from './limit-standings.ts';
import { judgeProcess, type ProcessMark } from './process-mark.ts';

/** One process (or one opening of the file by it): whose holds, entries and requests under way are whose. */
export interface Owner {
  id: string;
  process: ProcessMark;
}

/**
 * Epochs after which a process of which nothing else is known counts as dead. Every hold notes the epoch, and a hold older
 * than one epoch can't become an entry any more, so nothing that it still does can rest on what is dropped.
 */
const SILENT_EPOCHS = 3;

/** Notes that the owner lives, in this epoch. */
export const noteOwner = (connection: Connection, owner: Owner, epoch: number): void => {
  connection.run(
    `INSERT INTO owners (id, process, seen_epoch) VALUES (?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET seen_epoch = max(seen_epoch, excluded.seen_epoch)`,
    owner.id,
    JSON.stringify(owner.process),
    epoch,
  );
};

export const forgetOwner = (connection: Connection, owner: Owner): void => {
  connection.run('DELETE FROM owners WHERE id = ?', owner.id);
};

/**
 * Clears up after processes that died: their open entries are lost at once (charged whole, for the calls may have been
 * billed), what they held without an entry is dropped, their requests are no longer under way, and their idempotency keys are
 * free. Should one live after
 * all, its settlements become corrections.
 */
export const clearDeadOwners = (connection: Connection, owner: Owner, storeNow: number): void => {
  const epoch = epochOf(storeNow);
  const living = new Set([owner.id]);
  for (const row of connection.all<{ id: string; process: string; seen_epoch: bigint }>('SELECT * FROM owners')) {
    if (row.id === owner.id || isLiving(row, owner, epoch)) living.add(row.id);
    else connection.run('DELETE FROM owners WHERE id = ?', row.id);
  }
  for (const entry of readOpenEntries(connection)) {
    if (!living.has(entry.owner)) loseEntry(connection, entry, storeNow);
  }
  dropHolds(connection, JSON.stringify([...living]));
  dropFlights(connection, living);
  dropClaims(connection, living);
};

const isLiving = (row: { process: string; seen_epoch: bigint }, owner: Owner, epoch: number): boolean => {
  switch (judgeProcess(JSON.parse(row.process) as ProcessMark, owner.process)) {
    case 'alive':
      return true;
    case 'dead':
      return false;
    case 'unknown':
      return Number(row.seen_epoch) >= epoch - SILENT_EPOCHS;
  }
};
