import type { CacheSelection } from '../../core/cache/vector-index.ts';

/**
 * What a purge selects, as SQL's condition on rows with a team, a user, an alias and the time they were made; of nothing named
 * all. Without an age all that is there came before, whatever the clock said when it came.
 */
export const whereSelected = ({
  team,
  user,
  alias,
  createdBefore,
}: CacheSelection): { where: string; values: (string | number)[] } => {
  const terms = Object.entries({
    'team = ?': team,
    'user = ?': user,
    'alias = ?': alias,
    'created_at < ?': createdBefore,
  }).filter((pair): pair is [string, string | number] => pair[1] !== undefined);
  return { where: ['1', ...terms.map(([term]) => term)].join(' AND '), values: terms.map(([, value]) => value) };
};
