import { catalogue, catalogueData } from '../lambdas/catalogue/catalogue.ts';
import { cutCatalogue, type DeployedConfig } from '../lambdas/catalogue/deployed-config.ts';
import { checkConfig } from '../lambdas/contract/check-config.ts';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { type ConfigProblem, pathText, problemText } from '../lambdas/contract/config-problem.ts';
import { semanticAliases } from '../lambdas/contract/configured-caches.ts';
import { listPins, type Pin } from '../lambdas/core/pins/list-pins.ts';
import { pinnedTargets } from '../lambdas/core/pins/pinned-targets.ts';
import { resolveCaches } from '../lambdas/core/route/resolve-caches.ts';
import { resolveGateway } from '../lambdas/core/route/resolve-gateway.ts';
import { retiredPinProblems } from './pins-at-synth.ts';

/** A configuration that can be deployed. */
export interface CheckedConfig {
  /** What travels in the bundle. */
  deployed: DeployedConfig;
  /** As they stand on the day. */
  pins: Pin[];
  /** Numbers in the vectors of the semantic cache's embedder; undefined where there is none. */
  dimensions: number | undefined;
}

/**
 * Checks a configuration for a deployment: shape and references, prices and pins against the catalogue, and that every
 * secret is one that a deployed function can read, and that no pinned version has retired.
 *
 * @param nowMs the day that retirement is judged by
 * @throws {Error} with every problem on a line of its own: the field's path, what was got, what is expected
 */
export const checkDeployedConfig = (value: unknown, nowMs: number = Date.now()): CheckedConfig => {
  const checked = checkConfig(value);
  if (!checked.ok) throw refusal(checked.problems);
  const { config } = checked;
  const resolved = resolveGateway(config, catalogue, 0, { caches: resolveCaches });
  const pins = resolved.ok ? listPins(pinnedTargets(resolved.gateway), catalogue, nowMs) : [];
  const found = resolved.ok ? retiredPinProblems(config, pins) : resolved.problems;
  const problems = [...localSecrets(config), ...localCaches(config), ...found];
  if (!resolved.ok || problems.length > 0) throw refusal(problems);
  return {
    deployed: { config, catalogue: cutCatalogue(catalogueData, config) },
    pins,
    dimensions: resolved.gateway.semanticCache?.dimensions,
  };
};

/** `env:` would put the key itself into the template and into the function's settings, for everyone who may read those. */
const localSecrets = (config: GatewayConfig): ConfigProblem[] =>
  Object.entries(config.providers).flatMap(([name, provider]) => {
    const reference = 'apiKey' in provider ? provider.apiKey : undefined;
    if (reference === undefined || reference.startsWith('secret:')) return [];
    return [
      {
        path: pathText(['providers', name, 'apiKey']),
        message: `expected "secret:NAME" in a deployed stack, got ${JSON.stringify(reference)}, which only the local server reads. Put the key into Secrets Manager (npx tollgate secrets put tollgate/${name}) and write "secret:tollgate/${name}"`,
      },
    ];
  });

/** MiniLM and its runtime are no part of a deployed function, and vectors are kept in a domain that costs by the hour. */
const localCaches = (config: GatewayConfig): ConfigProblem[] => {
  const [alias] = semanticAliases(config);
  if (alias === undefined) return [];
  const { embedder = 'minilm', index } = config.semanticCache ?? {};
  const asks = `models with cache: { semantic }, such as ${JSON.stringify(alias)}, need`;
  return [
    ...(embedder === 'minilm'
      ? [
          {
            path: pathText(['semanticCache', 'embedder']),
            message: `"minilm" runs in the local server alone: with its runtime it is 300 MB, and starts too slowly for a function. In a deployed stack ${asks} a provider's model: { provider, model }, such as Bedrock's "amazon.titan-embed-text-v2:0"`,
          },
        ]
      : []),
    ...(index === undefined
      ? [
          {
            path: pathText(['semanticCache', 'index']),
            message: `in a deployed stack ${asks} somewhere to keep vectors: { domain: {} } makes an OpenSearch domain, which costs by the hour; { endpoint, arn } names one that is there`,
          },
        ]
      : []),
  ];
};

const refusal = (problems: ConfigProblem[]): Error =>
  new Error(
    `The gateway's configuration can't be deployed:\n${problems.map((problem) => `  ${problemText(problem)}`).join('\n')}`,
  );
