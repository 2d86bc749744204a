import { formatUsd } from '../contract/money.ts';
import type { Ledger, LedgerEntry } from '../core/ledger.ts';
import { describeEntry } from '../core/lookups/requests.ts';
import { CommandFailed, type Output, printable, shortTime, table } from './output.ts';

/**
 * The last entries, newest first.
 *
 * @throws {CommandFailed} where there is no request to be older than
 */
export const tailLedger = async (
  options: { limit: number; keyId?: string; before?: string },
  { ledger }: { ledger: Ledger },
): Promise<Output> => {
  const entries = await ledger.tail(options);
  const { before } = options;
  if (entries.length === 0 && before !== undefined && (await ledger.read(before)) === undefined)
    throw new CommandFailed(`There is no request ${printable(before)}.`);
  return {
    text: entries.length === 0 ? 'No requests.' : table([HEADING, ...entries.map(row)]),
    data: entries.map(describeEntry),
  };
};

const HEADING = ['OPENED', 'REQUEST', 'KEY', 'TEAM', 'RUN', 'MODEL', 'ANSWERED BY', 'OUTCOME', 'IN', 'OUT', 'COST USD'];

const row = (entry: LedgerEntry): string[] => [
  shortTime(entry.openedAt),
  entry.requestId,
  entry.keyId,
  entry.team,
  [entry.parentRun, entry.run].filter((run) => run !== undefined).join('/') || '-',
  entry.alias,
  entry.receipt.answeredBy ?? '-',
  entry.state === 'settled' ? (entry.receipt.outcome ?? 'settled') : entry.state,
  String(entry.inputTokens),
  String(entry.outputTokens),
  entry.state === 'open' ? `(${formatUsd(entry.hold)} held)` : formatUsd(entry.cost),
];
