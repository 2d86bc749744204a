import type { GatewayConfig, ModelConfig, ProviderConfig } from './config.ts';
import { type ConfigProblem, didYouMean, pathText, shown } from './config-problem.ts';

/** Rules that can't do what they seem to, regions without an address, and policies that could choose nobody. */
export const routeProblems = ({ models, providers }: GatewayConfig): ConfigProblem[] => [
  ...Object.entries(models).flatMap(([alias, model]) => [
    ...ruleProblems(alias, model),
    ...weightProblems(alias, model),
    ...allowedProblems(alias, model, providers),
  ]),
  ...Object.entries(providers).flatMap(([name, provider]) => addressProblems(name, provider)),
];

const ruleProblems = (alias: string, { routes = [], targets }: ModelConfig): ConfigProblem[] => {
  const names = targets.map(({ provider, model }) => `${provider}/${model}`);
  const always = routes.findIndex(({ when }) => Object.keys(when).length === 0);
  return routes.flatMap((rule, index) => {
    const path: PropertyKey[] = ['models', alias, 'routes', index];
    const problem = (message: string, ...more: PropertyKey[]): ConfigProblem => ({
      path: pathText([...path, ...more]),
      message,
    });
    const { inputTokensAbove: above, inputTokensBelow: below } = rule.when;
    return [
      ...(always !== -1 && always < index
        ? [problem(`is never come to: routes[${always}] holds for every request`)]
        : []),
      ...(rule.policy === undefined && rule.targets === undefined
        ? [problem('chooses nothing: expected policy, targets, or both')]
        : []),
      ...(above !== undefined && below !== undefined && below <= above + 1
        ? [problem(`never holds: no input has more than ${above} tokens and fewer than ${below}`, 'when')]
        : []),
      ...(rule.targets ?? []).flatMap((target, i) =>
        names.includes(target)
          ? []
          : [
              problem(
                `expected targets of this model (${names.join(', ')}), got ${shown(target)}.${didYouMean(target, names)}`,
                'targets',
                i,
              ),
            ],
      ),
    ];
  });
};

const weightProblems = (alias: string, { policy, routes = [], targets }: ModelConfig): ConfigProblem[] => {
  const isWeighted = [policy, ...routes.map((rule) => rule.policy)].includes('weighted');
  const path = pathText(['models', alias, 'targets']);
  if (isWeighted && targets.every(({ weight = 1 }) => weight === 0))
    return [{ path, message: 'expected a target with a weight above 0: nobody would be asked first' }];
  return targets.flatMap(({ weight }, i) =>
    weight === undefined || isWeighted
      ? []
      : [{ path: `${path}[${i}].weight`, message: 'says something only under the policy "weighted"' }],
  );
};

const allowedProblems = (
  alias: string,
  { allowRegions, targets }: ModelConfig,
  providers: GatewayConfig['providers'],
): ConfigProblem[] => {
  if (allowRegions === undefined) return [];
  const named = targets.some(({ provider }) => Object.hasOwn(providers, provider) && providers[provider]?.regions);
  if (named) return [];
  const message = 'expected a target whose provider names its regions: as it is, every target is passed over';
  return [{ path: pathText(['models', alias, 'allowRegions']), message }];
};

/** Several regions of one address would be one place under several names. */
const addressProblems = (name: string, provider: ProviderConfig): ConfigProblem[] => {
  const { regions, kind } = provider;
  if (kind === 'simulator') return [];
  const baseUrl = 'baseUrl' in provider ? provider.baseUrl : undefined;
  const hasPlace = baseUrl?.includes('{region}') === true;
  const path = pathText(['providers', name, 'baseUrl']);
  if (hasPlace && regions === undefined)
    return [{ path, message: 'says {region}, so the provider must have regions: ["…"]' }];
  if (kind !== 'bedrock' && !hasPlace && regions !== undefined && regions.length > 1)
    return [{ path, message: `expected an address with {region} in it, since there are ${regions.length} regions` }];
  return [];
};
