import type { BudgetConfig, GatewayConfig } from './config.ts';
import { type ConfigProblem, didYouMean, pathText, shown } from './config-problem.ts';

/** Share of a cap from which answers carry a warning, where the budget says nothing else. */
export const DEFAULT_WARN_AT = 0.8;
/** Stand-ins behind one model: whoever asks for it can still say what may answer. */
const MOST_STAND_INS = 4;

/** The order of the thresholds, and where `downgradeTo` leads: to models of this file, not round in a circle. */
export const downgradeProblems = ({ models, budgets = {} }: GatewayConfig): ConfigProblem[] => [
  ...Object.keys(models).flatMap((alias) => chainProblems(alias, models)),
  ...budgetsOf(budgets as Record<string, unknown>, ['budgets']).flatMap(([path, budget]) =>
    thresholdProblems(path, budget),
  ),
];

const chainProblems = (alias: string, models: GatewayConfig['models']): ConfigProblem[] => {
  const path = pathText(['models', alias, 'downgradeTo']);
  const chain = [alias];
  for (let next = models[alias]?.downgradeTo; next !== undefined; next = models[next]?.downgradeTo) {
    if (!Object.hasOwn(models, next)) {
      // Told once, where it stands.
      if (chain.length > 1) return [];
      return [{ path, message: `there is no model ${shown(next)}.${didYouMean(next, Object.keys(models))}` }];
    }
    const isCircle = chain.includes(next);
    chain.push(next);
    if (isCircle) return [{ path, message: `goes round in a circle: ${chain.join(' → ')}` }];
    if (chain.length > MOST_STAND_INS + 1)
      return [
        {
          path,
          message: `expected at most ${MOST_STAND_INS} stand-ins one behind the other, got ${chain.join(' → ')} …`,
        },
      ];
  }
  return [];
};

const thresholdProblems = (path: PropertyKey[], budget: BudgetConfig): ConfigProblem[] => {
  const { warnAt, downgradeAt, withoutStandIn } = budget;
  if (downgradeAt === undefined)
    return withoutStandIn === undefined
      ? []
      : [{ path: pathText([...path, 'withoutStandIn']), message: 'says something only beside downgradeAt' }];
  if (downgradeAt > (warnAt ?? DEFAULT_WARN_AT)) return [];
  const least =
    warnAt === undefined ? `warnAt, which is ${DEFAULT_WARN_AT} where it is not given` : `warnAt (${warnAt})`;
  return [{ path: pathText([...path, 'downgradeAt']), message: `expected more than ${least}, got ${downgradeAt}` }];
};

/** Every budget, however deep: whatever has a threshold. */
const budgetsOf = (value: Record<string, unknown>, path: PropertyKey[]): [PropertyKey[], BudgetConfig][] =>
  Object.entries(value).flatMap(([name, inner]) => {
    if (typeof inner !== 'object' || inner === null) return [];
    const here = [...path, name];
    return [[here, inner as BudgetConfig], ...budgetsOf(inner as Record<string, unknown>, here)] as [
      PropertyKey[],
      BudgetConfig,
    ][];
  });
