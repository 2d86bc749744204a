import type { DefaultBudgetConfig, GatewayConfig, RateLimitConfig } from './config.ts';
import { type ConfigProblem, didYouMean, pathText, shown } from './config-problem.ts';

const SINGLE = ['org', 'perTeam', 'perUser', 'perKey', 'perAlias'] as const;
const NAMED = ['teams', 'users', 'keys', 'aliases'] as const;

/** What the fields of limits and back-pressure can't show wrong one by one. */
export const limitProblems = (config: GatewayConfig): ConfigProblem[] => [
  ...twiceGiven(config),
  ...unknownAliases(config),
  ...floorProblems(config),
];

/** A scope's tokens a minute may stand in its limits or in its budget, not in both. */
const twiceGiven = ({ limits = {}, budgets = {} }: GatewayConfig): ConfigProblem[] => {
  const problem = (
    path: PropertyKey[],
    limit: RateLimitConfig | undefined,
    budget: DefaultBudgetConfig | undefined,
  ): ConfigProblem[] =>
    limit?.tokensPerMinute === undefined || budget?.tokensPerMinute === undefined
      ? []
      : [
          {
            path: pathText(['budgets', ...path, 'tokensPerMinute']),
            message: `is also given as ${pathText(['limits', ...path, 'tokensPerMinute'])}; keep one of the two`,
          },
        ];
  return [
    ...SINGLE.flatMap((kind) => problem([kind], limits[kind], kind === 'perAlias' ? undefined : budgets[kind])),
    ...NAMED.flatMap((kind) =>
      Object.entries(budgets[kind] ?? {}).flatMap(([name, budget]) => {
        const list = limits[kind] ?? {};
        return problem([kind, name], Object.hasOwn(list, name) ? list[name] : undefined, budget);
      }),
    ),
  ];
};

const unknownAliases = ({ limits, models }: GatewayConfig): ConfigProblem[] =>
  Object.keys(limits?.aliases ?? {}).flatMap((alias) =>
    Object.hasOwn(models, alias)
      ? []
      : [
          {
            path: pathText(['limits', 'aliases', alias]),
            message: `there is no model ${shown(alias)}.${didYouMean(alias, Object.keys(models))}`,
          },
        ],
  );

const floorProblems = ({ models }: GatewayConfig): ConfigProblem[] =>
  Object.entries(models).flatMap(([alias, { output }]) =>
    output?.floor !== undefined && output.default !== undefined && output.floor > output.default
      ? [
          {
            path: pathText(['models', alias, 'output', 'floor']),
            message: `expected at most default (${output.default}), got ${output.floor}`,
          },
        ]
      : [],
  );
