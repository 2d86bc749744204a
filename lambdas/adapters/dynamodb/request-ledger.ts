import type { HoldOutcome, HoldRequest, OpenEntry, RequestLedger } from '../../core/ledger.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { toFigures } from './account-item.ts';
import { checkAmount, checkCount } from './amounts.ts';
import { amountOf, type Item, textOf } from './attributes.ts';
import { makeHealer } from './close-account.ts';
import type { Closer } from './closer-item.ts';
import type { Dynamo } from './dynamo.ts';
import { putEntry, raiseEntry, refuseEntry, settleEntry } from './entries.ts';
import { accountsOf, entryKey, entryKeyOf, stateOf, toLedgerEntry } from './entry-item.ts';
import { giveBackHolds, holdOnAccounts } from './hold-accounts.ts';
import { isEpochOpen } from './table-time.ts';

/**
 * What a request asks of the ledger in DynamoDB (docs/ledger): accounts first, then the entry, then the call; a write that
 * adds is sent once; time is the table's.
 */
export const makeDynamoRequestLedger = (dynamo: Dynamo, closer: Closer): RequestLedger => {
  const { names, time } = dynamo;
  const healer = makeHealer(dynamo, closer);
  const stampOpening = makeStamp(() => time.now());

  const isOpen = (epoch: number): boolean => epoch > time.fence() && isEpochOpen(epoch, time.now());

  /** Before any answer nothing is known, and the answer itself will tell. */
  const isSurelyShut = (epoch: number): boolean => time.known() !== undefined && !isOpen(epoch);

  const hold = async (request: HoldRequest): Promise<HoldOutcome> => {
    if (isSurelyShut(request.epoch)) return { kind: 'wrong-epoch', storeNow: time.now() };
    const [begun, outcome] = await Promise.allSettled([closer.begin(), holdOnAccounts(dynamo, healer, request)]);
    if (outcome.status === 'rejected') throw outcome.reason;
    if (outcome.value.kind !== 'held') return outcome.value;
    if (begun.status === 'rejected') {
      await giveBackHolds(dynamo, request);
      throw begun.reason;
    }
    if (isOpen(request.epoch)) return outcome.value;
    await giveBackHolds(dynamo, request);
    return { kind: 'wrong-epoch', storeNow: time.now() };
  };

  const open = async (entry: OpenEntry): Promise<boolean> => {
    checkEntry(entry);
    if (isSurelyShut(entry.epoch)) return false;
    let stored: Item;
    try {
      stored = await putEntry(dynamo, entry, stampOpening());
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      // It may be there, and would be charged whole though nothing was called. Known dead, its holds may go.
      dynamo.log.warn('entry unanswered: refused instead', { request_id: entry.requestId, error });
      await refuseEntry(dynamo, entry.requestId, entry.epoch);
      return false;
    }
    if (stateOf(stored) === 'refused') return false;
    if (textOf(stored, 'nonce') !== entry.nonce) throw new Error(`${entry.requestId} was opened by another request`);
    return isOpen(entry.epoch);
  };

  const topUp: RequestLedger['topUp'] = async (requestId, request, raise) => {
    const { item } = await dynamo.get(names.ledger, entryKeyOf(requestId));
    if (item === undefined) throw new Error(`${requestId} has no entry to top up`);
    checkTopUp(item, request, raise);
    if (stateOf(item) !== 'open') return { kind: 'wrong-epoch', storeNow: time.now() };
    const stored = amountOf(item, 'hold');
    if (stored === raise.to) return { kind: 'held', figures: await figures(accountsOf(item)) };
    if (stored !== raise.from) throw new Error(`${requestId} holds ${stored}, neither ${raise.from} nor ${raise.to}`);
    const outcome = await holdOnAccounts(dynamo, healer, request);
    if (outcome.kind !== 'held') return outcome;
    const raised = await raiseEntry(dynamo, requestId, raise);
    if (raised.kind === 'raised') return outcome;
    await giveBackHolds(dynamo, request);
    return { kind: 'wrong-epoch', storeNow: time.now() };
  };

  const figures: RequestLedger['figures'] = async (accountKeys) => {
    const distinct = [...new Set(accountKeys)];
    const items = await dynamo.getMany(
      names.accounts,
      distinct.map((pk) => ({ pk: { S: pk } })),
    );
    const healed = await Promise.all(items.map((item) => (healer.isSuspect(item) ? healer.heal(item) : item)));
    const byKey = new Map(healed.map((item) => [textOf(item, 'pk'), toFigures(item)]));
    return accountKeys.flatMap((key) => byKey.get(key) ?? []);
  };

  return {
    hold,
    giveBack: (request) => giveBackHolds(dynamo, request),
    open,
    refuse: (requestId, epoch) => refuseEntry(dynamo, requestId, epoch),
    topUp,
    settle: async (settlement) => {
      checkAmount('cost', settlement.cost);
      checkCount('inputTokens', settlement.inputTokens);
      checkCount('outputTokens', settlement.outputTokens);
      await settleEntry(dynamo, settlement);
    },
    read: async (requestId) => {
      const key = entryKey(requestId);
      const item = key && (await dynamo.get(names.ledger, key)).item;
      return item && toLedgerEntry(item);
    },
    figures,
  };
};

const checkEntry = ({ requestId, epoch, hold }: OpenEntry): void => {
  checkAmount('hold', hold);
  const { pk } = entryKeyOf(requestId);
  if (pk?.S?.split('#')[1] !== String(epoch)) throw new RangeError(`${requestId} does not belong to epoch ${epoch}`);
};

const checkTopUp = (entry: Item, request: HoldRequest, { from, to }: { from: bigint; to: bigint }): void => {
  checkAmount('hold', to);
  if (to - from !== request.amount) throw new RangeError(`a top-up from ${from} to ${to} can't hold ${request.amount}`);
  const epoch = entry['epoch']?.N;
  if (epoch !== String(request.epoch))
    throw new RangeError(`a top-up belongs to its entry's epoch ${epoch}, got ${request.epoch}`);
  const names = request.accounts.map(({ key }) => key);
  const known = accountsOf(entry);
  if (names.length !== known.length || !names.every((name) => known.includes(name)))
    throw new RangeError(`a top-up holds on its entry's accounts ${known.join(', ')}, got ${names.join(', ')}`);
};

/** Farther ahead than this, the last stamp was made before the time was put right. */
const MOST_AHEAD_US = 1_000_000;

/** Microseconds since 1970, never the same twice. */
const makeStamp = (now: () => number): (() => number) => {
  let last = 0;
  return () => {
    const timeUs = Math.floor(now() * 1000);
    const isBehind = timeUs <= last && timeUs > last - MOST_AHEAD_US;
    last = isBehind ? last + 1 : timeUs;
    return last;
  };
};
