import type { GatewayConfig } from './config.ts';
import { type ConfigProblem, didYouMean, pathText, shown } from './config-problem.ts';

/** Caches that keep nothing, and embedders that nobody can ask. What an embedder costs is found out where it is resolved. */
export const cacheProblems = ({ models, providers, semanticCache }: GatewayConfig): ConfigProblem[] => {
  const empty = Object.entries(models).flatMap(([alias, { cache }]) =>
    cache !== undefined && cache.exact === undefined && cache.semantic === undefined
      ? [
          {
            path: pathText(['models', alias, 'cache']),
            message:
              "keeps nothing: expected exact, semantic or both, such as { exact: '1h' }. Leave cache out where no answer is to be kept",
          },
        ]
      : [],
  );
  const { embedder = 'minilm' } = semanticCache ?? {};
  if (embedder === 'minilm') return empty;
  const at = (field: string): string => pathText(['semanticCache', 'embedder', field]);
  const names = Object.keys(providers);
  const provider = Object.hasOwn(providers, embedder.provider) ? providers[embedder.provider] : undefined;
  if (provider === undefined)
    return [
      ...empty,
      {
        path: at('provider'),
        message: `expected one of the providers (${names.join(', ') || 'none is configured'}), got ${shown(embedder.provider)}.${didYouMean(embedder.provider, names)}`,
      },
    ];
  const problems = [...empty];
  if (provider.kind === 'anthropic')
    problems.push({
      path: at('provider'),
      message: `${shown(embedder.provider)} is of kind "anthropic", whose models make no vectors. Take a provider of another kind`,
    });
  if (embedder.deploymentOf !== undefined && provider.kind !== 'azure-openai')
    problems.push({
      path: at('deploymentOf'),
      message: `is for providers of kind "azure-openai"; ${shown(embedder.provider)} is of kind "${provider.kind}"`,
    });
  return problems;
};
