import { epochOf } from '../../contract/timing.ts';
import { parseRequestId } from '../../core/admit/request-id.ts';
import type { LedgerRecord } from '../../core/audit/ledger-audit.ts';
import type { EntryState, LedgerEntry, OpenEntry, Settlement } from '../../core/ledger.ts';
import { present } from '../../core/read-json.ts';
import { ENTRY_LIFE_MS } from '../../core/retention.ts';
import { NO_USE, type Use } from './account-item.ts';
import { amountOf, countOf, fromAttribute, type Item, textOf, toItem } from './attributes.ts';
import { expiresAt } from './retention.ts';

/** The partition of one lane of an epoch's entries. */
export const lanePartition = (epoch: number, lane: number): string => `entries#${epoch}#${lane}`;

/** Sort key of the entry that puts a lost request's cost right. No request id ends so. */
const correctionId = (requestId: string): string => `${requestId}!`;
export const isCorrection = (item: Item): boolean => textOf(item, 'sk')?.endsWith('!') === true;

/** Where a request's entry lies; undefined for what is no request id. */
export const entryKey = (requestId: string): Item | undefined => {
  const parts = parseRequestId(requestId);
  return parts === undefined ? undefined : toItem({ pk: lanePartition(parts.epoch, parts.lane), sk: requestId });
};

/** @throws {TypeError} for what is no request id */
export const entryKeyOf = (requestId: string): Item => {
  const key = entryKey(requestId);
  if (key === undefined) throw new TypeError(`${requestId} is no request id`);
  return key;
};

export const stateOf = (item: Item): EntryState => textOf(item, 'state') as EntryState;

export const accountsOf = (item: Item): string[] =>
  item['accounts'] === undefined ? [] : (fromAttribute(item['accounts']) as string[]);

/**
 * @param openedAtUs microseconds since 1970 by the table's time, no two alike in one process: entries of one second keep
 * their order
 */
export const toOpenItem = (entry: OpenEntry, openedAtUs: number): Item => ({
  ...entryKeyOf(entry.requestId),
  ...toItem({
    state: 'open',
    nonce: entry.nonce,
    epoch: entry.epoch,
    hold: entry.hold,
    accounts: entry.accounts,
    keyId: entry.keyId,
    org: entry.org,
    team: entry.team,
    user: entry.user,
    tags: entry.tags,
    alias: entry.alias,
    run: entry.run,
    parentRun: entry.parentRun,
    receipt: JSON.stringify(entry.receipt),
    openedAtUs,
  }),
  expires: expiresAt(openedAtUs / 1000 + ENTRY_LIFE_MS),
});

/** What was charged whole is put right by an entry of its own, in the epoch that is open now: a closed one never changes. */
export const toCorrectionItem = (lost: Item, settlement: Settlement, nowMs: number): Item => {
  const requestId = textOf(lost, 'sk') ?? '';
  const epoch = epochOf(nowMs);
  return {
    ...pick(lost, WHO),
    ...toItem({
      pk: lanePartition(epoch, parseRequestId(requestId)?.lane ?? 0),
      sk: correctionId(requestId),
      state: 'settled',
      settleNonce: settlement.nonce,
      epoch,
      hold: 0n,
      accounts: accountsOf(lost),
      cost: settlement.cost - amountOf(lost, 'cost'),
      inputTokens: settlement.inputTokens,
      outputTokens: settlement.outputTokens,
      receipt: JSON.stringify(settlement.receipt),
      settledAt: nowMs,
    }),
    expires: expiresAt(nowMs + ENTRY_LIFE_MS),
  };
};

/** Who a correction is for, as its entry says: who reads it need not look for that one, which may have expired. */
const WHO = ['keyId', 'org', 'team', 'user', 'tags', 'alias', 'run', 'parentRun'] as const;

const pick = (item: Item, names: readonly string[]): Item =>
  Object.fromEntries(names.flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])));

/** An entry as the port shows it; undefined for a tombstone. One that was lost and put right since shows what is true. */
export const toLedgerEntry = (item: Item): LedgerEntry | undefined => {
  if (isCorrection(item) || countOf(item, 'openedAtUs') === 0) return undefined;
  const entry = readItem(item);
  if (entry === undefined || item['trueCost'] === undefined) return entry;
  return { ...entry, state: 'settled', cost: amountOf(item, 'trueCost') };
};

/** An entry or correction as it counts; undefined for a tombstone. */
export const toCountedEntry = (item: Item): LedgerRecord | undefined => {
  const entry = readItem(item);
  if (entry === undefined) return undefined;
  const { inputTokens, outputTokens } = useOf(item);
  if (!isCorrection(item)) return { ...entry, inputTokens, outputTokens, isCorrection: false };
  const openedAt = entry.settledAt ?? entry.openedAt;
  return { ...entry, requestId: entry.requestId.slice(0, -1), inputTokens, outputTokens, openedAt, isCorrection: true };
};

const readItem = (item: Item): LedgerEntry | undefined => {
  const receipt = textOf(item, 'receipt');
  if (receipt === undefined) return undefined;
  return {
    requestId: textOf(item, 'sk') ?? '',
    nonce: textOf(item, 'nonce') ?? '',
    epoch: countOf(item, 'epoch'),
    hold: amountOf(item, 'hold'),
    accounts: accountsOf(item),
    keyId: textOf(item, 'keyId') ?? '',
    org: textOf(item, 'org') ?? '',
    team: textOf(item, 'team') ?? '',
    user: textOf(item, 'user') ?? '',
    tags: item['tags'] === undefined ? {} : (fromAttribute(item['tags']) as Record<string, string>),
    alias: textOf(item, 'alias') ?? '',
    ...present('run', textOf(item, 'run')),
    ...present('parentRun', textOf(item, 'parentRun')),
    receipt: JSON.parse(receipt) as LedgerEntry['receipt'],
    state: stateOf(item),
    cost: amountOf(item, 'cost'),
    inputTokens: countOf(item, 'inputTokens'),
    outputTokens: countOf(item, 'outputTokens'),
    openedAt: Math.floor(countOf(item, 'openedAtUs') / 1000),
    settledAt: item['settledAt'] === undefined ? null : countOf(item, 'settledAt'),
  };
};

/** What an ended entry adds to its accounts. A lost one has no tokens, though putting it right writes them to it; a correction is no request of its own. */
export const useOf = (item: Item): Use => {
  const state = stateOf(item);
  if (state !== 'settled' && state !== 'lost') return NO_USE;
  return {
    cost: amountOf(item, 'cost'),
    requests: isCorrection(item) ? 0 : 1,
    inputTokens: state === 'lost' ? 0 : countOf(item, 'inputTokens'),
    outputTokens: state === 'lost' ? 0 : countOf(item, 'outputTokens'),
  };
};
