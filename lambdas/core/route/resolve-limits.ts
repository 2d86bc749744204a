import type { DefaultBudgetConfig, GatewayConfig, RateLimitConfig } from '../../contract/config.ts';
import type { Limits, RateLimit } from '../admit/limit-store.ts';
import { present } from '../read-json.ts';

type Kind = 'Team' | 'User' | 'Key' | 'Alias';
const LISTS = { Team: 'teams', User: 'users', Key: 'keys', Alias: 'aliases' } as const;

/** The configured rate limits, with the tokens a minute and the back-pressure that a scope's budget gives. */
export const resolveLimits = ({ limits = {}, budgets = {} }: GatewayConfig): Limits => {
  const everyOf = (kind: Kind): RateLimit | undefined =>
    join(limits[`per${kind}`], kind === 'Alias' ? undefined : budgets[`per${kind}`]);
  /** A scope of its own name has its own limit whole; where only its budget is its own, the limit of all holds on. */
  const namedOf = (kind: Kind): ReadonlyMap<string, RateLimit> => {
    const own = limits[LISTS[kind]] ?? {};
    const named = budgets[LISTS[kind]] ?? {};
    return new Map(
      [...new Set([...Object.keys(own), ...Object.keys(named)])].flatMap((name) => {
        const limit = Object.hasOwn(own, name) ? own[name] : everyOf(kind);
        const joined = join(limit, Object.hasOwn(named, name) ? named[name] : undefined);
        return joined === undefined ? [] : [[name, joined] as const];
      }),
    );
  };
  return {
    ...present('org', join(limits.org, budgets.org)),
    teams: namedOf('Team'),
    users: namedOf('User'),
    keys: namedOf('Key'),
    aliases: namedOf('Alias'),
    ...present('perTeam', everyOf('Team')),
    ...present('perUser', everyOf('User')),
    ...present('perKey', everyOf('Key')),
    ...present('perAlias', everyOf('Alias')),
  };
};

const join = (
  limit: RateLimitConfig | RateLimit | undefined,
  budget: DefaultBudgetConfig | undefined,
): RateLimit | undefined => {
  const tokensPerMinute = budget?.tokensPerMinute ?? limit?.tokensPerMinute;
  const joined: RateLimit = { ...limit, ...present('tokensPerMinute', tokensPerMinute) };
  if (Object.values(joined).every((value) => value === undefined || value === 'clamp')) return undefined;
  if (budget?.backPressure === 'clamp' && tokensPerMinute !== undefined) joined.backPressure = 'clamp';
  if (budget?.backPressure === 'refuse') delete joined.backPressure;
  return joined;
};
