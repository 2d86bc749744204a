import { type Dialects, dialectOf } from '../codecs.ts';
import type { Asked } from '../decode/decode.ts';
import type { Alias, FallbackCause } from '../target.ts';
import { whyNotThere } from './allowed-region.ts';
import { type Fallback, type Plan, type Planned, planRoute } from './plan.ts';
import { whyNot } from './requirements.ts';
import { NO_SOURCES, type RouteSources } from './route-sources.ts';

/**
 * `planRoute`, with the aliases that may answer when this one can't. Where none of its own targets can serve the request, the
 * plan is that of the first fallback that can; where they can, fallbacks are planned when the call comes to need them.
 *
 * The request stays the one that was asked, with the timeouts, the attempts and the output limit of the alias that was asked
 * for, and the regions that this allows. The key's list of aliases says what it may ask for; who answers is the business of
 * whoever wrote the configuration, as with stand-ins (docs/decisions/032).
 */
export const planWithFallbacks = (
  asked: Asked,
  dialects: Dialects,
  aliases: ReadonlyMap<string, Alias>,
  sources: RouteSources = NO_SOURCES,
): Planned => {
  const planned = planRoute(asked, dialects, aliases, sources);
  if (asked.alias.fallbacks === undefined) return planned;
  const known = new Map<FallbackCause, Fallback[]>();
  const fallbacks = (cause: FallbackCause): Fallback[] => {
    const found = known.get(cause) ?? planFallbacks(cause, asked, dialects, aliases, sources);
    known.set(cause, found);
    return found;
  };
  if (planned.ok) return { ok: true, plan: { ...planned.plan, fallbacks } };
  const isTooLong = planned.refusal.code === 'context_length_exceeded';
  for (const because of isTooLong ? (['contextLength', 'any'] as const) : (['any'] as const))
    for (const { alias, targets, plan } of fallbacks(because)) {
      const [first, ...rest] = targets;
      if (first === undefined) continue;
      const passedOver = [...whyNone(asked, dialects, plan), ...plan.passedOver];
      const fellBack = { alias, because, targets: targets.map(({ id }) => id) };
      // A stand-in would be that of the fallback, which nobody asked for.
      const { standIn: _, ...ofFallback } = plan;
      return { ok: true, plan: { ...ofFallback, targets: [first, ...rest], passedOver, fallbacks, fellBack } };
    }
  return planned;
};

const planFallbacks = (
  cause: FallbackCause,
  asked: Asked,
  dialects: Dialects,
  aliases: ReadonlyMap<string, Alias>,
  sources: RouteSources,
): Fallback[] =>
  (asked.alias.fallbacks?.[cause] ?? []).flatMap((name) => {
    const alias = aliases.get(name);
    // Left out where its providers are not set up here.
    if (alias === undefined) return [];
    const { allowRegions } = asked.alias;
    const within = allowRegions === undefined ? [] : [allowRegions];
    const planned = planRoute({ ...asked, alias }, dialects, aliases, sources, within);
    return planned.ok ? [{ alias: name, targets: planned.plan.targets, plan: planned.plan }] : [];
  });

/** Why none of the alias's own targets can serve the request. */
const whyNone = ({ alias, conversation }: Asked, dialects: Dialects, { estimateOf }: Plan): Plan['passedOver'] =>
  alias.targets.flatMap((target) => {
    if (target.canaryOf !== undefined) return [];
    const reason =
      whyNotThere(target, alias.allowRegions) ??
      whyNot(target, dialectOf(target, dialects), conversation, estimateOf(target).inputTokensLow);
    return reason === undefined ? [] : [{ target: target.id, reason }];
  });
