import type { Dialects } from '../codecs.ts';
import type { Asked } from '../decode/decode.ts';
import type { Alias } from '../target.ts';
import { type Planned, planRoute } from './plan.ts';
import type { RouteSources } from './route-sources.ts';

/** Plans a request with all that may answer it. What other aliases that takes is loaded by the first request that may need it. */
export const planRequest = async (
  asked: Asked,
  dialects: Dialects,
  aliases: ReadonlyMap<string, Alias>,
  sources: RouteSources,
): Promise<Planned> => {
  if (asked.alias.fallbacks === undefined) return planRoute(asked, dialects, aliases, sources);
  const { planWithFallbacks } = await import('./plan-fallbacks.ts');
  return planWithFallbacks(asked, dialects, aliases, sources);
};
