import { formatUsd } from '../../contract/money.ts';
import type { LedgerRecord } from '../../core/audit/ledger-audit.ts';
import { describeEntry } from '../../core/lookups/requests.ts';
import type { Receipt } from '../../core/receipt.ts';
import { isoTime } from '../output.ts';
import { type Cell, number, text } from './csv.ts';

/** A ledger record as it is, a line each: CSV for tables, JSON with the whole receipt. */

const savedCell = ({ cache }: Receipt): Cell =>
  cache?.saved === undefined ? null : number(formatUsd(BigInt(cache.saved)));

const COLUMNS: readonly [name: string, read: (record: LedgerRecord) => Cell][] = [
  ['request', ({ requestId }) => text(requestId)],
  ['kind', ({ isCorrection }) => text(isCorrection ? 'correction' : 'entry')],
  ['state', ({ state }) => text(state)],
  ['opened_at', ({ openedAt }) => text(isoTime(openedAt))],
  ['settled_at', ({ settledAt }) => text(settledAt === null ? null : isoTime(settledAt))],
  ['org', ({ org }) => text(org)],
  ['team', ({ team }) => text(team)],
  ['user', ({ user }) => text(user)],
  ['key', ({ keyId }) => text(keyId)],
  ['model', ({ alias }) => text(alias)],
  ['answered_by', ({ receipt }) => text(receipt.answeredBy)],
  ['outcome', ({ receipt }) => text(receipt.outcome)],
  ['input_tokens', ({ inputTokens }) => number(String(inputTokens))],
  ['output_tokens', ({ outputTokens }) => number(String(outputTokens))],
  ['usage_estimated', ({ receipt }) => text(String(receipt.usageEstimated === true))],
  ['cache', ({ receipt }) => text(receipt.cache?.result)],
  ['saved_usd', ({ receipt }) => savedCell(receipt)],
  ['hold_usd', ({ hold }) => number(formatUsd(hold))],
  ['cost_usd', ({ cost }) => number(formatUsd(cost))],
  ['accounts', ({ accounts }) => text(JSON.stringify(accounts))],
  ['tags', ({ tags }) => text(JSON.stringify(tags))],
  ['run', ({ run }) => text(run)],
  ['parent_run', ({ parentRun }) => text(parentRun)],
];

export const RECORD_HEADING: readonly string[] = COLUMNS.map(([name]) => name);

export const recordRow = (record: LedgerRecord): Cell[] => COLUMNS.map(([, read]) => read(record));

export const recordJson = (record: LedgerRecord): string => {
  const { isCorrection, inputTokens, outputTokens } = record;
  return JSON.stringify({
    kind: isCorrection ? 'correction' : 'entry',
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    ...describeEntry(record),
  });
};
