import { createHash } from 'node:crypto';
import { MAX_NAME_LENGTH } from '../../contract/bounds.ts';
import type { BudgetPeriod, ScopeKind } from '../ports.ts';

/** The key's own marks, what can't be printed, and surrogates without their other half, which UTF-8 would all make the same. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const ODD = /[%#\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/gu;

const escapeOdd = (character: string): string => {
  const code = character.charCodeAt(0);
  return code > 0xff ? `%u${code.toString(16).padStart(4, '0')}` : `%${code.toString(16).padStart(2, '0')}`;
};

/** An id as a part of a key: never holds `#`, and two different ids never come out the same. An id beyond the bound becomes its hash, since a DynamoDB key holds 2,048 bytes. */
const escapeId = (id: string): string => {
  const escaped = id.replace(ODD, escapeOdd);
  return id.length > MAX_NAME_LENGTH ? `%h${createHash('sha256').update(escaped).digest('hex')}` : escaped;
};

/**
 * Key of the account that one scope has for one period: `team#search#2026-11`. Scope kinds and periods are our own words;
 * ids come from configuration and, for users, from clients, so anything in them that could run into another account's key
 * is escaped.
 */
export const accountKey = (scope: ScopeKind, id: string, period: string): string =>
  `${scope}#${escapeId(id)}#${period}`;

/** Name of the period that holds this time, in UTC: `2026-11`, or `2026-11-22` for a day. */
export const periodOf = (length: BudgetPeriod, timeMs: number): string =>
  new Date(timeMs).toISOString().slice(0, length === 'daily' ? 10 : 7);

const PERIOD = /^(\d{4})-(\d{2})(?:-(\d{2}))?$/;

/**
 * When a period ends and the next begins, milliseconds since 1970.
 *
 * @throws {RangeError} when the name is not one that `periodOf` makes.
 */
export const periodEndsAt = (period: string): number => {
  const [, year, month, day] = PERIOD.exec(period) ?? [];
  if (year === undefined || month === undefined)
    throw new RangeError(`expected a period such as 2026-11 or 2026-11-22, got ${JSON.stringify(period)}`);
  return day === undefined
    ? Date.UTC(Number(year), Number(month), 1)
    : Date.UTC(Number(year), Number(month) - 1, Number(day) + 1);
};
