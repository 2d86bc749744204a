import type { Seen } from '../../test/chaos/clients.ts';
import { extraCalls, type FailOver, switchTimes, timeToLeave } from '../../test/chaos/scenarios/fail-over.ts';
import { percentile } from '../statistics.ts';
import type { Proof } from './proof.ts';

export interface RowResult {
  title: string;
  name: string;
  plain: FailOver;
  stream: FailOver;
}

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);
export const ms = (value: number | undefined): string =>
  value === undefined || !Number.isFinite(value) ? '–' : value < 10 ? value.toFixed(1) : String(Math.round(value));
export const p50And99 = (values: readonly number[]): string => {
  const all = sorted(values);
  return all.length === 0 ? '–' : `${ms(percentile(all, 0.5))} / ${ms(percentile(all, 0.99))}`;
};

export const firstTimes = (seen: readonly Seen[]): number[] =>
  seen.flatMap(({ verdict, startedAt, firstAt }) =>
    verdict === 'answered' && firstAt !== undefined ? [firstAt - startedAt] : [],
  );

const countOf = (seen: readonly Seen[], ...verdicts: Seen['verdict'][]): number =>
  seen.filter(({ verdict }) => verdicts.includes(verdict)).length;

/** Clients who did not get what the fault leaves possible: where content had been sent already, an error event is what is possible. */
export const failedOf = ({ row, mode, seen, primary }: FailOver): number => {
  const asked = new Set(primary.map(({ client }) => client));
  return seen.filter(({ client, verdict }) => {
    const mayBeTold = row[mode] === 'told' && asked.has(client);
    return verdict !== (mayBeTold ? 'told' : 'answered');
  }).length;
};

export const FAIL_OVER_HEAD = [
  'the primary',
  'clients',
  'failed',
  'told of the cut',
  'extra calls of a client, at most',
  'of all, together',
  'backup asked after, ms p50 / p99',
  'first answer, ms p50 / p99: plain',
  'stream',
  'left after, ms',
];

/** A line of the table. The primary's address may be one that nobody hears of calls at: what they cost is not counted then. */
export const failOverLine = ({ title, plain, stream }: RowResult): string[] => {
  const both = [plain, stream];
  const extra = both.flatMap(extraCalls);
  const isHeard = plain.row.address === undefined;
  const left = both.map(timeToLeave);
  const isLeft = isHeard && plain.row.plain !== 'primary';
  return [
    title,
    String(both.reduce((sum, { seen }) => sum + seen.length, 0)),
    String(both.reduce((sum, one) => sum + failedOf(one), 0)),
    String(both.reduce((sum, { row, mode, seen }) => sum + (row[mode] === 'told' ? countOf(seen, 'told') : 0), 0)),
    isHeard ? String(Math.max(...extra)) : '–',
    isHeard ? String(extra.reduce((sum, calls) => sum + calls, 0)) : '–',
    isHeard ? p50And99(both.flatMap(switchTimes)) : '–',
    p50And99(firstTimes(plain.seen)),
    p50And99(firstTimes(stream.seen)),
    isLeft ? (left.every((time) => time === undefined) ? 'asked each time' : left.map(ms).join(', ')) : '–',
  ];
};

/** The promise that the whole table makes. */
export const proveFailOver = (rows: readonly RowResult[]): Proof => {
  const all = rows.flatMap(({ plain, stream }) => [plain, stream]);
  const clients = all.reduce((sum, { seen }) => sum + seen.length, 0);
  const failed = all.reduce((sum, one) => sum + failedOf(one), 0);
  const most = Math.max(...all.flatMap(extraCalls));
  return {
    promise: 'primary down in any way, backup healthy: no failed client, at most one extra upstream call each',
    measured: `${failed} of ${clients} clients failed; ${most} extra call at most`,
    isMet: failed === 0 && most <= 1,
  };
};
