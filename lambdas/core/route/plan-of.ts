import type { FallbackCause, Target } from '../target.ts';
import type { Plan, StandIn } from './plan.ts';

/** The plan that a target stands in: the request's own, or that of an alias that it has fallen back on. */
export const planOf = (target: Target, { plan, asked }: StandIn): Plan | undefined =>
  plan.targets.includes(target)
    ? plan
    : (Object.keys(asked.alias.fallbacks ?? {}) as FallbackCause[])
        .flatMap((cause) => plan.fallbacks?.(cause) ?? [])
        .find(({ targets }) => targets.includes(target))?.plan;
