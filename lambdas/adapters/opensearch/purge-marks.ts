import type { CacheSelection } from '../../core/cache/vector-index.ts';

/** What is left of a purge: OpenSearch shows late what was written, and a request under way would bring it back. */
export interface PurgeMark {
  team?: string;
  user?: string;
  alias?: string;
  created_before: number;
  at: number;
  expires: number;
}

/** Longer than any request is under way. */
const MARK_LASTS_MS = 24 * 60 * 60_000;
/** Purges of a day that a find can know of. */
const MOST_MARKS = 1_000;

export const markOf = ({ team, user, alias }: CacheSelection, createdBefore: number, nowMs: number): PurgeMark => ({
  ...(team !== undefined && { team }),
  ...(user !== undefined && { user }),
  ...(alias !== undefined && { alias }),
  created_before: createdBefore,
  at: nowMs,
  expires: nowMs + MARK_LASTS_MS,
});

/** @param more filters */
export const marksSearch = (nowMs: number, more: readonly object[] = []): object => ({
  size: MOST_MARKS,
  sort: [{ at: 'desc' }],
  query: { bool: { filter: [{ range: { expires: { gt: nowMs } } }, ...more] } },
});

/** Whether a purge has taken an entry. */
export const covers = (
  mark: PurgeMark,
  entry: { team: string; user: string; alias: string; created_at: number },
): boolean =>
  entry.created_at < mark.created_before &&
  (mark.team === undefined || mark.team === entry.team) &&
  (mark.user === undefined || mark.user === entry.user) &&
  (mark.alias === undefined || mark.alias === entry.alias);
