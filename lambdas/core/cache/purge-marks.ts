import { digestOf } from '../digest.ts';
import type { CacheSelection } from './vector-index.ts';

/**
 * What a purge leaves behind for answers that are under way while it runs: they are not kept. Names are digests, since a mark
 * outlives the data that it has taken out. Times in milliseconds since 1970, by the store's clock.
 */
export interface PurgeMark {
  team?: string;
  user?: string;
  alias?: string;
  createdBefore: number;
  /** When nothing that it could cover is under way any more. */
  expiresAt: number;
}

/** Longer than any request is under way. */
const MARK_LIFE_MS = 24 * 60 * 60_000;
/** 4 KB as text: one unit of reading. */
const MOST_MARKS = 50;
/** Another name with this digest has an answer not kept, once in 10^21. */
const DIGEST_LENGTH = 12;
const VERSION = 1;

const NAMES = ['team', 'user', 'alias'] as const;

/**
 * The marks with one more; those that have expired, or that it covers whole, go. Where there are too many, the older ones
 * become one that covers all that came before them: answers under way then are not kept, and no more is lost.
 */
export const addPurgeMark = (
  marks: readonly PurgeMark[],
  selection: CacheSelection,
  createdBefore: number,
  nowMs: number,
): PurgeMark[] => {
  const next: PurgeMark = { ...digestsOf(selection), createdBefore, expiresAt: nowMs + MARK_LIFE_MS };
  const left = marks.filter((mark) => mark.expiresAt > nowMs && !isWithin(mark, next));
  if (left.length < MOST_MARKS) return [...left, next];
  const older = left.slice(0, left.length - MOST_MARKS + 2);
  return [
    {
      createdBefore: Math.max(...older.map((mark) => mark.createdBefore)),
      expiresAt: Math.max(...older.map((mark) => mark.expiresAt)),
    },
    ...left.slice(older.length),
    next,
  ];
};

/** Whether a purge has taken the answer to this request. */
export const isPurged = (
  marks: readonly PurgeMark[],
  entry: { team: string; user: string; alias: string },
  cameAt: number,
): boolean => {
  const later = marks.filter((mark) => cameAt < mark.createdBefore);
  if (later.length === 0) return false;
  const digests = digestsOf(entry);
  return later.some((mark) => NAMES.every((name) => mark[name] === undefined || mark[name] === digests[name]));
};

/**
 * When a request came, by the store's clock: as long ago as by the clock of the process that took it, so that two clocks are
 * never compared. 0 where that clock was set back meanwhile: then it can't be told, and any purge takes it.
 */
export const arrivalByStore = (createdAt: number, nowMs: number, storeNowMs: number): number =>
  nowMs < createdAt ? 0 : storeNowMs - (nowMs - createdAt);

export const writePurgeMarks = (marks: readonly PurgeMark[]): string => JSON.stringify({ version: VERSION, marks });

/** What can't be read is as bad as can be: all that has come so far is purged. */
export const readPurgeMarks = (text: string | undefined, nowMs: number): PurgeMark[] => {
  if (text === undefined) return [];
  const { version, marks } = parse(text);
  if (version === VERSION && Array.isArray(marks)) return marks as PurgeMark[];
  return [{ createdBefore: nowMs + 1, expiresAt: nowMs + MARK_LIFE_MS }];
};

const parse = (text: string): { version?: unknown; marks?: unknown } => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
};

const digestsOf = (names: CacheSelection): Pick<PurgeMark, 'team' | 'user' | 'alias'> =>
  Object.fromEntries(
    NAMES.flatMap((name) => {
      const value = names[name];
      return value === undefined ? [] : [[name, digestOf(`${name} ${value}`, DIGEST_LENGTH)]];
    }),
  );

const isWithin = (mark: PurgeMark, next: PurgeMark): boolean =>
  mark.createdBefore <= next.createdBefore &&
  NAMES.every((name) => next[name] === undefined || next[name] === mark[name]);
