import { formatUsd } from '../contract/money.ts';
import { epochEnd, epochStart } from '../contract/timing.ts';
import { formatHead } from '../core/audit/epoch-seal.ts';
import type {
  AccountDifference,
  AccountSum,
  LedgerAudit,
  RebuildReport,
  RecountReport,
} from '../core/audit/ledger-audit.ts';
import { type VerifyOptions, type VerifyReport, verifyLedger } from '../core/audit/verify-ledger.ts';
import { CommandFailed, fields, isoTime, type Output, printable, shortTime, table } from './output.ts';

/** Told in text; `--json` has all. */
const MOST_TOLD = 50;

/**
 * Checks the chain of seals against the entries.
 *
 * @throws {CommandFailed} with the report, where anything does not hold
 */
export const verify = async (audit: LedgerAudit, options: VerifyOptions): Promise<Output> => {
  const report = await verifyLedger(audit, options);
  const output = { text: describeReport(report), data: reportData(report) };
  const count = report.problems.length + report.moreProblems;
  if (count === 0) return output;
  throw new CommandFailed(`${count} ${count === 1 ? 'thing does' : 'things do'} not hold.`, output);
};

const describeReport = (report: VerifyReport): string => {
  const { range, head, problems } = report;
  if (range === undefined)
    return [
      'Nothing is closed in that time: an epoch closes about 22 minutes after it began.',
      ...problems.map(({ detail }) => detail),
    ].join('\n');
  const facts: [string, string][] = [
    ['from', shortTime(epochStart(range.from))],
    ['to', shortTime(epochEnd(range.to))],
    ['seals', String(report.seals)],
    ['entries', `${report.entries}, $${formatUsd(report.cost)}`],
    ['head', head === null ? 'none' : formatHead(head)],
  ];
  if (report.expired > 0) facts.push(['expired', `${report.expired} seals: only their chain was checked`]);
  if (report.beforeChain > 0)
    facts.push(['before the chain', `${report.beforeChain} entries: nothing vouches for them`]);
  if (report.leftOpen > 0)
    facts.push(['left open', `${report.leftOpen} entries: nothing was called, nothing is counted`]);
  const lines = [fields(facts)];
  if (problems.length === 0)
    return [
      ...lines,
      '',
      'Every seal holds.',
      ...(head === null ? [] : [`Keep the head elsewhere: --expect ${formatHead(head)} then proves all before it.`]),
    ].join('\n');
  const rows = problems
    .slice(0, MOST_TOLD)
    .map(({ kind, epoch, lane, detail }) => [
      shortTime(epochStart(epoch)),
      lane === undefined ? '-' : String(lane),
      kind,
      detail,
    ]);
  return [...lines, '', table([['EPOCH', 'LANE', 'PROBLEM', 'DETAIL'], ...rows])].join('\n');
};

const reportData = (report: VerifyReport) => ({
  ok: report.problems.length === 0,
  from: report.range === undefined ? null : isoTime(epochStart(report.range.from)),
  to: report.range === undefined ? null : isoTime(epochEnd(report.range.to)),
  head: report.head === null ? null : formatHead(report.head),
  seals: report.seals,
  entries: report.entries,
  cost_usd: formatUsd(report.cost),
  expired_seals: report.expired,
  entries_before_chain: report.beforeChain,
  entries_left_open: report.leftOpen,
  problems: report.problems.map(({ kind, epoch, lane, detail }) => ({
    kind,
    epoch,
    epoch_start: isoTime(epochStart(epoch)),
    ...(lane !== undefined && { lane }),
    detail,
  })),
  more_problems: report.moreProblems,
});

/**
 * Recomputes accounts from their entries.
 *
 * @throws {CommandFailed} with the report, where one differs and was left as it is
 */
export const rebuild = async (
  audit: LedgerAudit,
  options: { account?: string; isDryRun: boolean },
): Promise<Output> => {
  // What is compared with are the entries themselves, whatever became of the notes of earlier audits.
  const recounted = await audit.recount();
  const report = await audit.rebuild(options);
  const output = {
    text: [describeRecount(recounted), describeRebuild(report)].join('\n'),
    data: { ...rebuildData(report), recount: recountData(recounted) },
  };
  if (options.account !== undefined && report.accounts === 0)
    throw new CommandFailed(`There is no account ${printable(options.account)}, and no entry names it.`);
  if (options.isDryRun && report.different > 0)
    throw new CommandFailed(`${report.different} of ${report.accounts} accounts differ; nothing was changed.`, output);
  return output;
};

const describeRecount = ({ records, corrected, unknowable }: RecountReport): string =>
  [
    `${records} closed entries counted; requests under way and the last half hour are compared once their epochs close.`,
    ...(corrected.length > 0
      ? [`What earlier audits had noted of ${corrected.length} accounts was not what their entries come to.`]
      : []),
    ...(unknowable > 0 ? [`${unknowable} accounts have entries that expired: what was noted of them is taken.`] : []),
  ].join('\n');

const recountData = ({ records, corrected, unknowable }: RecountReport) => ({
  entries: records,
  notes_corrected: corrected,
  accounts_with_expired_entries: unknowable,
});

const describeRebuild = (report: RebuildReport): string => {
  const { accounts, different, differences, skipped } = report;
  const lines = [`${accounts} accounts compared with their entries, ${different} differ.`];
  if (skipped > 0) lines.push(`${skipped} are being closed right now: the next run compares them.`);
  if (differences.length === 0) return lines.join('\n');
  const rows = differences
    .slice(0, MOST_TOLD)
    .map(({ account, found, entries, isRepaired }) => [
      account,
      found === undefined ? 'gone' : formatUsd(found.cost),
      formatUsd(entries.cost),
      String(found?.requests ?? 0),
      String(entries.requests),
      isRepaired ? 'yes' : 'no',
    ]);
  return [
    ...lines,
    '',
    table([['ACCOUNT', 'SAYS USD', 'ENTRIES USD', 'SAYS REQUESTS', 'ENTRIES', 'PUT RIGHT'], ...rows]),
  ].join('\n');
};

export const rebuildData = (report: RebuildReport) => ({
  accounts: report.accounts,
  different: report.different,
  skipped: report.skipped,
  epochs_read: report.epochsRead,
  differences: report.differences.map(differenceData),
});

const differenceData = ({ account, found, entries, unbalanced, isRepaired }: AccountDifference) => ({
  account,
  found: found === undefined ? null : sumData(found),
  entries: sumData(entries),
  unbalanced_usd: formatUsd(unbalanced),
  repaired: isRepaired,
});

const sumData = ({ cost, requests, inputTokens, outputTokens }: AccountSum) => ({
  cost_usd: formatUsd(cost),
  requests,
  input_tokens: inputTokens,
  output_tokens: outputTokens,
});
