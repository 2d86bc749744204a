import type { RouteConfig } from '../../contract/config.ts';
import { present } from '../read-json.ts';
import { type Alias, pinOf, type RouteRule } from '../target.ts';

/**
 * A rule with its targets looked up: each name stands for all regions of that target, and for its canary. Targets whose provider is not set up
 * here are left out, like everywhere; a rule that is left with none refuses what it is for.
 */
export const resolveRule = ({ when, policy, targets }: RouteConfig, alias: Pick<Alias, 'targets'>): RouteRule => {
  const tags = Object.entries(when.tags ?? {}).map(([name, values]) => [name, new Set(listOf(values))] as const);
  return {
    when: {
      ...(tags.length > 0 && { tags: new Map(tags) }),
      ...present('surface', when.surface && new Set(listOf(when.surface))),
      ...present('inputTokensAbove', when.inputTokensAbove),
      ...present('inputTokensBelow', when.inputTokensBelow),
    },
    ...present('policy', policy),
    ...present('targets', targets && targetsNamed(targets, alias)),
  };
};

const targetsNamed = (names: readonly string[], { targets }: Pick<Alias, 'targets'>): Alias['targets'] =>
  names.flatMap((name) => targets.filter((target) => (target.canaryOf?.target ?? pinOf(target)) === name));

const listOf = <Item>(one: Item | Item[]): Item[] => (Array.isArray(one) ? one : [one]);
