import { createHash } from 'node:crypto';
import { MAX_NAME_LENGTH } from '../../contract/bounds.ts';
import type { ScopeKind } from '../budget/budgets.ts';
import { LIFETIME } from './periods.ts';

/** The key's own marks, what can't be printed, and surrogates without their other half, which UTF-8 would all make the same. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const ODD = /[%#\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/gu;

const escapeOdd = (character: string): string => {
  const code = character.charCodeAt(0);
  return code > 0xff ? `%u${code.toString(16).padStart(4, '0')}` : `%${code.toString(16).padStart(2, '0')}`;
};

/** An id as a part of a key: never holds `#`, and two different ids never come out the same. An id beyond the bound becomes its hash, since a DynamoDB key holds 2,048 bytes. */
export const escapeId = (id: string): string => {
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

/**
 * Whether an account is for good: a lifetime's cap that nobody has touched for a year is used up all the same. Not so a
 * run's: there are many of them, and they end.
 */
export const isForGood = (account: string): boolean => account.endsWith(`#${LIFETIME}`) && !account.startsWith('run#');

/** A run as part of a key: run ids hold no slash, so that no team can name another team's run. */
export const runKey = (team: string, run: string): string => `${team}/${run}`;
