import type { GatewayConfig, ModelConfig } from '../../contract/config.ts';
import { type ConfigProblem, pathText } from '../../contract/config-problem.ts';
import type { Target } from '../target.ts';

/**
 * Vectors of two models can't be compared, and nobody sees it by looking at them: an index would fill with two kinds and find
 * nothing. So whatever may answer for an alias unasked is of one model.
 *
 * @param targets of each alias, those of providers without a key here too
 */
export const spaceProblems = (
  { models }: Pick<GatewayConfig, 'models'>,
  targets: ReadonlyMap<string, readonly Target[]>,
): ConfigProblem[] =>
  Object.entries(models).flatMap(([alias, { targets: configured, downgradeTo, fallbacks }]) => {
    const own = targets.get(alias) ?? [];
    const space = spaceOf(own[0]);
    const mixed = own.findIndex((target) => spaceOf(target) !== space);
    const problems: ConfigProblem[] = [];
    if (mixed !== -1)
      problems.push({
        path: pathText(['models', alias, 'targets', ...canaryPath(own[mixed], configured)]),
        message: `expected targets of one kind, got ${described(own[0])} and ${described(own[mixed])}. Vectors of different models can't be compared: give each an alias of its own, or, where they are the same model, say so by embedding: { model }`,
      });
    const others: [PropertyKey[], string][] = [
      ...(downgradeTo === undefined ? [] : [[['downgradeTo'], downgradeTo] as [PropertyKey[], string]]),
      ...Object.entries(fallbacks ?? {}).flatMap(([cause, names]) =>
        (names ?? []).map((name: string, index: number): [PropertyKey[], string] => [
          ['fallbacks', cause, index],
          name,
        ]),
      ),
    ];
    for (const [path, name] of others) {
      const [other] = targets.get(name) ?? [];
      if (other !== undefined && own[0] !== undefined && spaceOf(other) !== space)
        problems.push({
          path: pathText(['models', alias, ...path]),
          message: `"${name}" answers with ${described(other)}, "${alias}" with ${described(own[0])}: neither can stand in for the other`,
        });
    }
    return problems;
  });

/** Where a canary stands in its alias's targets; nothing of a target, which may be any of them. */
const canaryPath = (target: Target | undefined, configured: ModelConfig['targets']): PropertyKey[] => {
  const of = target?.canaryOf?.target;
  const index = configured.findIndex(({ provider, model }) => `${provider}/${model}` === of);
  return index === -1 ? [] : [index, 'canary'];
};

const spaceOf = (target: Target | undefined): string | undefined => target?.embedding?.space;

const described = (target: Target | undefined): string => {
  const space = spaceOf(target);
  return space === undefined ? 'words' : `vectors of ${space}`;
};
