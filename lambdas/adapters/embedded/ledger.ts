import { epochOf } from '../../contract/timing.ts';
import type { HoldOutcome, HoldRequest, Ledger, LedgerEntry, OpenEntry, Settlement } from '../../core/ledger.ts';
import type { Clock } from '../../core/ports.ts';
import { checkAmount, checkCount } from './amounts.ts';
import type { Connection, Database } from './database.ts';
import { type Account, applyUse, holdOnAccounts, readAccount, releaseHold, toFigures } from './ledger-accounts.ts';
import { closeDueEpochs } from './ledger-close.ts';
import {
  accountsOf,
  correctionId,
  type EntryHead,
  type EntryRow,
  endEntry,
  insertEntry,
  isCorrection,
  raiseEntry,
  readEntry,
  readHead,
  readOpenEntriesOf,
  refuseEntry,
  toCorrection,
  toLedgerEntry,
  toOpenRow,
  toTombstone,
} from './ledger-entries.ts';
import { noteOwner, type Owner } from './owners.ts';
import { makeSweep } from './retention.ts';
import { noteStatistics } from './statistics-store.ts';
import { isEpochOpen, readFence, readStoreTime, storeEpoch } from './store-time.ts';

/**
 * The ledger in SQLite (docs/ledger.md): the same entries, epochs, floors and close as on DynamoDB, but every port call is
 * one transaction, so accounts follow their entries at once and no stream is needed. An unanswered write here is one that
 * was not made, except `open` and `topUp`, which wait for the disk afterwards.
 *
 * What must survive a power cut is what a call rests on: its open entry and the holds before it. A settlement that is lost
 * leaves its entry open, and that is charged whole: too much, never too little.
 */
export const makeEmbeddedLedger = (database: Database, clock: Clock, owner: Owner): Ledger => {
  const sweep = makeSweep();
  let notedEpoch = -1;

  return {
    hold: async (request) => {
      let epochNow = notedEpoch;
      const outcome = await database.write((connection): HoldOutcome => {
        const storeNow = readStoreTime(connection, clock);
        if (request.epoch <= readFence(connection) || !isEpochOpen(request.epoch, storeNow))
          return { kind: 'wrong-epoch', storeNow };
        epochNow = epochOf(storeNow);
        if (notedEpoch !== epochNow) noteOwner(connection, owner, epochNow);
        return holdOnAccounts(connection, request, owner.id, storeNow);
      });
      // Only now is it sure that the note was kept.
      notedEpoch = epochNow;
      return outcome;
    },

    giveBack: (request) =>
      database.write((connection) => {
        const amount = checkAmount('amount', request.amount);
        const entered = sumOpenEntries(connection, request.epoch, owner.id);
        for (const { key } of request.accounts)
          releaseHold(connection, {
            epoch: request.epoch,
            account: key,
            owner: owner.id,
            amount,
            entered: entered.get(key) ?? 0n,
          });
      }),

    open: (entry) => database.writeDurably((connection) => openEntry(connection, entry, owner, clock)),

    refuse: (requestId, epoch) =>
      database.write((connection) => {
        const entry = readHead(connection, requestId);
        const storeNow = readStoreTime(connection, clock);
        switch (entry?.state) {
          case undefined:
            insertEntry(connection, toTombstone(requestId, epoch, owner.id, storeNow));
            return;
          case 'open':
            refuseEntry(connection, entry, storeNow);
            return;
          case 'refused':
            return;
          default:
            throw new Error(
              `${requestId} is ${entry?.state} and can't be refused any more: its hold is not to be given back`,
            );
        }
      }),

    topUp: (requestId, request, hold) =>
      database.writeDurably((connection) => topUpEntry(connection, requestId, request, hold, clock)),

    settle: (settlement) => database.write((connection) => settleEntry(connection, settlement, owner, clock)),

    read: (requestId) =>
      database.read((connection) => {
        const entry = isCorrection(requestId) ? undefined : readEntry(connection, requestId);
        return entry === undefined ? undefined : showEntry(connection, entry);
      }),

    figures: (accountKeys) =>
      database.read((connection) =>
        accountKeys
          .map((key) => readAccount(connection, key))
          .filter((row): row is Account => row !== undefined)
          .map(toFigures),
      ),

    tail: (options) => database.read((connection) => readTail(connection, options)),

    closeDueEpochs: () => closeDueEpochs(database, clock, owner, sweep),
  };
};

/** What an owner's open entries of an epoch hold, by account. */
const sumOpenEntries = (connection: Connection, epoch: number, owner: string): Map<string, bigint> => {
  const sums = new Map<string, bigint>();
  for (const entry of readOpenEntriesOf(connection, epoch)) {
    if (entry.owner !== owner) continue;
    for (const account of accountsOf(entry)) sums.set(account, (sums.get(account) ?? 0n) + entry.hold);
  }
  return sums;
};

const openEntry = (connection: Connection, entry: OpenEntry, owner: Owner, clock: Clock): boolean => {
  if (isCorrection(entry.requestId)) throw new TypeError(`${entry.requestId} is no request id`);
  checkAmount('hold', entry.hold);
  const storeNow = readStoreTime(connection, clock);
  if (entry.epoch <= readFence(connection) || !isEpochOpen(entry.epoch, storeNow)) return false;
  if (insertEntry(connection, toOpenRow(entry, owner.id, storeNow))) return true;
  const stored = readHead(connection, entry.requestId);
  if (stored === undefined) throw new Error(`${entry.requestId} is neither new nor there`);
  if (stored.state === 'refused') return false;
  if (stored.nonce !== entry.nonce) throw new Error(`${entry.requestId} was opened by another request`);
  return true;
};

const topUpEntry = (
  connection: Connection,
  requestId: string,
  request: HoldRequest,
  { from, to }: { from: bigint; to: bigint },
  clock: Clock,
): HoldOutcome => {
  const entry = readHead(connection, requestId);
  if (entry === undefined) throw new Error(`${requestId} has no entry to top up`);
  checkTopUp(entry, request, from, to);
  const storeNow = readStoreTime(connection, clock);
  if (entry.state !== 'open') return { kind: 'wrong-epoch', storeNow };
  if (entry.hold === to) {
    const rows = accountsOf(entry).map((key) => readAccount(connection, key));
    return { kind: 'held', figures: rows.filter((row): row is Account => row !== undefined).map(toFigures) };
  }
  if (entry.hold !== from) throw new Error(`${requestId} holds ${entry.hold}, neither ${from} nor ${to}`);
  const outcome = holdOnAccounts(connection, request, entry.owner, storeNow);
  if (outcome.kind === 'held') raiseEntry(connection, entry, to);
  return outcome;
};

const checkTopUp = (entry: EntryHead, request: HoldRequest, from: bigint, to: bigint): void => {
  checkAmount('hold', to);
  if (to - from !== request.amount) throw new RangeError(`a top-up from ${from} to ${to} can't hold ${request.amount}`);
  if (request.epoch !== Number(entry.epoch))
    throw new RangeError(`a top-up belongs to its entry's epoch ${entry.epoch}, got ${request.epoch}`);
  const names = request.accounts.map(({ key }) => key);
  const known = new Set(accountsOf(entry));
  if (names.length !== known.size || !names.every((name) => known.has(name)))
    throw new RangeError(`a top-up holds on its entry's accounts ${entry.accounts}, got ${JSON.stringify(names)}`);
};

const settleEntry = (connection: Connection, settlement: Settlement, owner: Owner, clock: Clock): void => {
  const { requestId, nonce } = settlement;
  const cost = checkAmount('cost', settlement.cost);
  checkCount('inputTokens', settlement.inputTokens);
  checkCount('outputTokens', settlement.outputTokens);
  const entry = readHead(connection, requestId);
  if (entry === undefined) throw new Error(`${requestId} has no entry to settle`);
  const storeNow = readStoreTime(connection, clock);
  switch (entry.state) {
    case 'open':
      endEntry(
        connection,
        entry,
        { ...settlement, state: 'settled', cost, receipt: JSON.stringify(settlement.receipt) },
        storeNow,
      );
      noteStatistics(connection, settlement.receipt, storeNow);
      return;
    case 'settled':
      if (entry.settle_nonce !== nonce) throw new Error(`${requestId} has been settled by somebody else`);
      return;
    case 'refused':
      throw new Error(`${requestId} was refused: there can be nothing to settle`);
    case 'lost': {
      const stored = readHead(connection, correctionId(requestId));
      if (stored !== undefined) {
        if (stored.settle_nonce !== nonce) throw new Error(`${requestId} has been put right by somebody else`);
        return;
      }
      const lost = readEntry(connection, requestId);
      if (lost === undefined) throw new Error(`${requestId} has gone`);
      correctEntry(
        connection,
        toCorrection(lost, settlement, storeEpoch(connection, clock), owner.id, storeNow),
        storeNow,
      );
    }
  }
};

const correctEntry = (connection: Connection, correction: EntryRow, storeNow: number): void => {
  insertEntry(connection, correction);
  const { epoch, owner, cost, input_tokens: inputTokens, output_tokens: outputTokens } = correction;
  for (const account of accountsOf(correction)) {
    const use = { cost, requests: 0n, inputTokens, outputTokens };
    applyUse(connection, { epoch: Number(epoch), account, owner, hold: 0n, use }, storeNow);
  }
};

const showEntry = (connection: Connection, entry: EntryRow): LedgerEntry | undefined => {
  if (entry.receipt === null) return undefined;
  return toLedgerEntry(entry, entry.state === 'lost' ? readEntry(connection, correctionId(entry.id)) : undefined);
};

/** By number, and that begins with the epoch: of two entries within a moment of an epoch's end the earlier may come first. */
const readTail = (
  connection: Connection,
  { limit, keyId, before }: { limit: number; keyId?: string; before?: string },
): LedgerEntry[] => {
  const cursor = before === undefined ? undefined : readSeq(connection, before);
  if (before !== undefined && cursor === undefined) return [];
  const rows = connection.all<EntryRow>(
    `SELECT * FROM entries WHERE seq < ? AND receipt IS NOT NULL AND id NOT LIKE '%!' ${keyId === undefined ? '' : 'AND key_id = ?'}
     ORDER BY seq DESC LIMIT ?`,
    cursor ?? MAX_SEQ,
    ...(keyId === undefined ? [] : [keyId]),
    checkCount('limit', limit),
  );
  return rows.map((row) => showEntry(connection, row)).filter((entry): entry is LedgerEntry => entry !== undefined);
};

const MAX_SEQ = 2n ** 63n - 1n;

const readSeq = (connection: Connection, id: string): bigint | undefined =>
  connection.get<{ seq: bigint }>('SELECT seq FROM entries WHERE id = ?', id)?.seq;
