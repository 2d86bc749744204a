import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../contract/duration.ts';
import { parseHead, type SealHead } from '../core/audit/epoch-seal.ts';

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z)?$/;

/** A time that has been: `2026-11-01`, `2026-11-01T12:00:00Z`, or so long ago: `30d`. @throws {InvalidArgumentError} */
export const readPast = (text: string, nowMs: number): number => {
  const durationMs = parseDuration(text);
  if (durationMs !== undefined) return nowMs - durationMs;
  const atMs = DATE.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs))
    throw new InvalidArgumentError('Expected a date such as 2026-11-01 (UTC), or how long ago, such as 30d.');
  return atMs;
};

/** A head as `ledger verify` prints it. @throws {InvalidArgumentError} */
export const readHead = (text: string): SealHead => {
  const head = parseHead(text);
  if (head === undefined) throw new InvalidArgumentError('Expected a head as "ledger verify" prints it.');
  return head;
};
