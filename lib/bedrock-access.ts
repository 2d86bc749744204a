import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { withCanaries } from '../lambdas/contract/canary.ts';
import type { GatewayConfig, TargetConfig } from '../lambdas/contract/config.ts';
import { paidEmbedderOf } from '../lambdas/contract/configured-caches.ts';
import { isClaudeModel } from '../lambdas/contract/model-names.ts';
import { bedrockModelOf } from '../lambdas/core/pins/heard-lifecycle.ts';

const ACTIONS = ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream'];
/** Costs nothing; of Claude alone, by the model's own ARN whatever profile it is called through. */
const COUNTING = ['bedrock:CountTokens'];
/** Prefix of AWS's cross-region inference profiles: `us.anthropic.…`, `global.anthropic.…`. */
const PROFILE = /^(us|us-gov|eu|apac|jp|au|ca|sa|global)\.(?=[a-z0-9-]+\.)/;

interface Calls {
  /** ARNs of models that are called by themselves. */
  models: Set<string>;
  /** By the model behind them (`*` where only AWS knows it), ARNs of inference profiles. */
  profiles: Map<string, Set<string>>;
  /** ARNs of models whose tokens are counted. */
  counted: Set<string>;
}

/** Whose calls are meant: a gateway's, which also asks the semantic cache's embedder and counts tokens, or those of models' targets. */
export type Callers = 'gateway' | 'targets-alone';

const callsOf = (
  config: GatewayConfig,
  callers: Callers,
  { partition, account }: { partition: string; account: string },
): Calls => {
  const calls: Calls = { models: new Set(), profiles: new Map(), counted: new Set() };
  const add = ({ provider: name, model }: Pick<TargetConfig, 'provider' | 'model'>, places?: number): void => {
    const provider = config.providers[name];
    if (provider?.kind !== 'bedrock' || provider.apiKey !== undefined) return;
    const prefix = PROFILE.exec(model)?.[0];
    const isArn = model.startsWith('arn:');
    for (const region of provider.regions.slice(0, places)) {
      const own = `arn:${partition}:bedrock:${region}::foundation-model/${model.slice(prefix?.length ?? 0)}`;
      if (callers === 'gateway' && !isArn && isClaudeModel(model)) calls.counted.add(own);
      if (prefix === undefined && !isArn) calls.models.add(own);
      else {
        const behind = isArn ? '*' : model.slice(prefix?.length);
        const profile = isArn ? model : `arn:${partition}:bedrock:${region}:${account}:inference-profile/${model}`;
        calls.profiles.set(behind, (calls.profiles.get(behind) ?? new Set()).add(profile));
      }
    }
  };
  for (const { targets } of Object.values(config.models)) for (const target of withCanaries(targets)) add(target);
  const embedder = callers === 'gateway' ? paidEmbedderOf(config) : undefined;
  // Questions are asked about in the first region alone.
  if (embedder !== undefined) add(embedder, 1);
  return calls;
};

/** The models that are reached through inference profiles, `*` for those of profiles given by ARN. */
export const modelsBehindProfiles = (config: GatewayConfig, callers: Callers): string[] => [
  ...callsOf(config, callers, { partition: '', account: '' }).profiles.keys(),
];

/**
 * The right to call the Bedrock models that the configuration names, and no others. Providers with an API key of their own
 * need none. An inference profile also needs its model in every region that it may send the call to, which AWS may extend
 * (docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html).
 */
export const bedrockStatements = (
  scope: Construct,
  config: GatewayConfig,
  callers: Callers = 'gateway',
): PolicyStatement[] => {
  const { partition, account } = Stack.of(scope);
  const { models, profiles, counted } = callsOf(config, callers, { partition, account });
  const direct = models.size === 0 ? [] : [new PolicyStatement({ actions: ACTIONS, resources: [...models] })];
  const viaProfiles = [...profiles].flatMap(([behind, arns]) => [
    new PolicyStatement({ actions: ACTIONS, resources: [...arns] }),
    new PolicyStatement({
      actions: ACTIONS,
      resources: [
        `arn:${partition}:bedrock:*::foundation-model/${behind}`,
        // As a global profile asks for it, a model's ARN has no region.
        ...([...arns].some((arn) => arn.includes('/global.'))
          ? [`arn:${partition}:bedrock:::foundation-model/${behind}`]
          : []),
      ],
      conditions: { StringEquals: { 'bedrock:InferenceProfileArn': [...arns] } },
    }),
  ]);
  const counting = counted.size === 0 ? [] : [new PolicyStatement({ actions: COUNTING, resources: [...counted] })];
  return [...direct, ...viaProfiles, ...counting];
};

/**
 * Whether something is pinned to a model of Bedrock's that is called by a role, and whose life Bedrock's API can so be asked
 * about (core/pins/heard-lifecycle.ts).
 */
export const hasBedrockPins = (config: GatewayConfig): boolean => {
  const embedder = paidEmbedderOf(config);
  const targets = Object.values(config.models).flatMap((model) => withCanaries(model.targets));
  return [...targets, ...(embedder === undefined ? [] : [embedder])].some(({ provider: name, model }) => {
    const provider = config.providers[name];
    return provider?.kind === 'bedrock' && provider.apiKey === undefined && bedrockModelOf(model) !== undefined;
  });
};
