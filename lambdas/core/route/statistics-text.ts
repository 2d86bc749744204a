import type { Digest } from './decayed-digest.ts';
import { CALL_KINDS, NO_STATISTICS, type TargetStatistics } from './target-statistics.ts';

/** Three digits are finer than the buckets are. */
const rounded = (weight: number): number => Number(weight.toPrecision(3));
const pairs = (digest: Digest): number[][] =>
  [...digest].sort(([a], [b]) => a - b).map(([bucket, weight]) => [bucket, rounded(weight)]);

/** Statistics as a store keeps them: JSON, well under a kilobyte, so that a write of them is one write unit. */
export const writeStatistics = (stats: TargetStatistics): string => {
  const newest = Math.max(...stats.slots.keys());
  return JSON.stringify({
    at: Math.round(stats.at),
    ...agoOf('streamAgo', stats.streamAt, stats.at),
    ...agoOf('wholeAgo', stats.wholeAt, stats.at),
    ...(stats.slots.size > 0 && { slot: newest }),
    // By how long ago: numbers of one digit.
    calls: [...stats.slots].sort(([a], [b]) => a - b).map(([slot, counts]) => [newest - slot, ...withoutTail(counts)]),
    first: pairs(stats.firstTokenMs),
    token: pairs(stats.tokenUs),
    whole: pairs(stats.wholeTokenUs),
  });
};

/** Of nothing measured there is no time. */
const agoOf = (name: string, measuredAt: number, at: number): Record<string, number> =>
  measuredAt === 0 ? {} : { [name]: Math.round(at) - Math.round(measuredAt) };

const withoutTail = (counts: readonly number[]): number[] => counts.slice(0, counts.findLastIndex((n) => n > 0) + 1);

/** Whatever can't be read, as another version has written it, is left out: statistics are made anew in minutes. */
export const readStatistics = (text: string): TargetStatistics => {
  const read = parse(text);
  const { at } = read;
  if (typeof at !== 'number' || !Number.isFinite(at)) return NO_STATISTICS;
  const timeOf = (name: string): number => {
    const ago = read[name];
    return typeof ago === 'number' && ago >= 0 ? Math.max(0, at - ago) : 0;
  };
  const rows = (name: string): number[][] => {
    const list = read[name];
    return Array.isArray(list) ? list.filter(isRow) : [];
  };
  const digest = (name: string): Digest =>
    new Map(rows(name).flatMap(([bucket, weight]) => (weight === undefined ? [] : [[bucket ?? 0, weight] as const])));
  const newest = typeof read['slot'] === 'number' ? read['slot'] : 0;
  return {
    at,
    streamAt: timeOf('streamAgo'),
    wholeAt: timeOf('wholeAgo'),
    slots: new Map(
      rows('calls').map(([ago, ...counts]) => [newest - (ago ?? 0), CALL_KINDS.map((_, i) => counts[i] ?? 0)]),
    ),
    firstTokenMs: digest('first'),
    tokenUs: digest('token'),
    wholeTokenUs: digest('whole'),
  };
};

const isRow = (row: unknown): row is number[] =>
  Array.isArray(row) && row.length > 0 && row.every((n) => typeof n === 'number' && n >= 0);

const parse = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};
