import { InvalidArgumentError } from 'commander';
import { MAX_NAME_LENGTH } from '../contract/bounds.ts';
import { DAY_MS } from '../contract/calendar-date.ts';
import { parseDuration } from '../contract/duration.ts';
import { type NanoUsd, parseUsd } from '../contract/money.ts';
import { RUN_ID, RUN_ID_WORDS } from '../contract/scope-names.ts';
import type { Right } from '../core/authenticate/access-store.ts';
import { readBaseUrl } from './smoke/http.ts';

/** Readers of command line values. @throws {InvalidArgumentError} which commander tells with the option's name */

const RIGHTS: readonly Right[] = ['act-for-users', 'read-usage', 'require-run'];
const TAG = /^([A-Za-z0-9_.-]{1,64})=([\x21-\x2b\x2d-\x3c\x3e-\x7e]{1,128})$/;
const MOST_TAGS = 16;

const invalid = (message: string): never => {
  throw new InvalidArgumentError(message);
};

/** A name as the configuration allows them: anything printable. */
export const readName = (text: string): string => {
  const name = text.trim();
  if (name === '' || name.length > MAX_NAME_LENGTH) return invalid(`Expected 1 to ${MAX_NAME_LENGTH} characters.`);
  return /\p{Cc}/u.test(name) ? invalid('Control characters are not allowed.') : name;
};

/** An end user as requests name them: nothing is trimmed. */
export const readUser = (text: string): string =>
  text === '' || text.length > MAX_NAME_LENGTH || /\p{Cc}/u.test(text)
    ? invalid(`Expected 1 to ${MAX_NAME_LENGTH} characters, none of them a control character.`)
    : text;

export const readRunId = (text: string): string => {
  const id = text.trim();
  return RUN_ID.test(id) ? id : invalid(`Expected a run: ${RUN_ID_WORDS}.`);
};

export const readList = (text: string): string[] => {
  const items = text.split(',').map((item) => item.trim());
  return items.every((item) => item !== '') ? [...new Set(items)] : invalid('Expected names separated by commas.');
};

export const readRights = (text: string): Right[] =>
  readList(text).map(
    (name) =>
      RIGHTS.find((right) => right === name) ??
      invalid(`Expected ${RIGHTS.join(' or ')}, got ${JSON.stringify(name)}.`),
  );

export const readTags = (text: string): Record<string, string> => {
  const pairs = readList(text).map(
    (pair) => TAG.exec(pair) ?? invalid('Expected name=value pairs separated by commas.'),
  );
  if (pairs.length > MOST_TAGS) return invalid(`Expected at most ${MOST_TAGS} tags.`);
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value]));
};

export const readDuration = (text: string): number =>
  parseDuration(text) ?? invalid('Expected a duration such as 90s, 10m, 24h or 30d.');

/** Whole days: dates have no hours. */
export const readDays = (text: string): number => {
  const ms = readDuration(text);
  return ms % DAY_MS === 0 ? ms : invalid('Expected whole days such as 90d.');
};

const LONGEST_TIMEOUT_MS = 3_600_000;

export const readTimeout = (text: string): number => {
  const ms = readDuration(text);
  return ms > 0 && ms <= LONGEST_TIMEOUT_MS ? ms : invalid('Expected more than nothing and at most 1h.');
};

/** How long a circuit may be held by hand: nobody remembers it longer. */
const LONGEST_OVERRIDE_MS = 30 * 86_400_000;

export const readOverrideTime = (text: string): number => {
  const ms = readDuration(text);
  return ms > 0 && ms <= LONGEST_OVERRIDE_MS ? ms : invalid('Expected more than nothing and at most 30d.');
};

/** A duration from now, or a date: `30d`, `2027-01-31`, `2027-01-31T12:00:00Z`. */
export const readExpiry = (text: string, nowMs: number): number => {
  const durationMs = parseDuration(text);
  const isDate = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z)?$/.test(text);
  const atMs = durationMs !== undefined ? nowMs + durationMs : isDate ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs)) return invalid('Expected a duration such as 30d, or a date such as 2027-01-31 (UTC).');
  return atMs > nowMs ? atMs : invalid('That is in the past.');
};

export const readCount = (text: string): number => {
  const count = Number(text);
  return /^\d{1,6}$/.test(text) && count >= 1 && count <= 1_000 ? count : invalid('Expected a number from 1 to 1000.');
};

const MOST_READ = 100_000;

export const readLimit = (text: string): number => {
  const count = Number(text.replaceAll('_', ''));
  return /^[\d_]+$/.test(text) && count >= 1 && count <= MOST_READ
    ? count
    : invalid(`Expected a whole number from 1 to ${MOST_READ}.`);
};

/** `0.01`, `1%`. */
export const readShare = (text: string): number => {
  const [, number = '', percent] = /^(\d+(?:\.\d+)?)\s*(%)?$/.exec(text.trim()) ?? [];
  const share = number === '' ? Number.NaN : Number(number) / (percent === undefined ? 1 : 100);
  return share >= 0 && share <= 1 ? share : invalid('Expected a share from 0 to 1 such as 0.01, or 1%.');
};

const MOST_USD = 1_000_000_000;
const MOST_DECIMALS = 9;

/** Nano-USD of an amount such as `$600` or 0.5. */
export const readUsd = (text: string): NanoUsd => {
  const [, whole = '', decimals = ''] = /^\$?(\d+(?:,\d{3})*)(?:\.(\d+))?$/.exec(text.trim()) ?? [];
  if (whole === '') return invalid("Expected US dollars such as '$600'.");
  if (decimals.length > MOST_DECIMALS)
    return invalid(`Expected at most ${MOST_DECIMALS} decimals: $0.000000001 is the least.`);
  // No number of digits is read but one that can be meant.
  const isBeyond = whole.replaceAll(',', '').replace(/^0+/, '').length > String(MOST_USD).length;
  const amount = isBeyond ? undefined : parseUsd(text);
  return amount !== undefined && amount <= parseUsd(MOST_USD) ? amount : invalid(`Expected at most $${MOST_USD}.`);
};

/** A cap, or `file`: what the file says. */
export const readCap = (text: string): NanoUsd | 'file' => (text === 'file' ? 'file' : readUsd(text));

export const readUrl = (text: string): string =>
  readBaseUrl(text) ?? invalid('Expected a URL such as http://127.0.0.1:8787.');

const MOST_TOKENS = 1_000_000_000;

/** A count from nothing up: `10000`, `10_000`. */
export const readTokens = (text: string): number => {
  const count = Number(text.replaceAll('_', ''));
  return /^[\d_]+$/.test(text) && Number.isSafeInteger(count) && count <= MOST_TOKENS
    ? count
    : invalid(`Expected a whole number from 0 to ${MOST_TOKENS}.`);
};
