import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { GatewayConfig } from '../lambdas/contract/config.ts';

const ACTIONS = ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream'];
/** Prefix of AWS's cross-region inference profiles: `us.anthropic.…`, `global.anthropic.…`. */
const PROFILE = /^(us|us-gov|eu|apac|jp|au|ca|sa|global)\.(?=[a-z0-9-]+\.)/;

/**
 * The right to call the Bedrock models that the configuration names, and no others. Providers with an API key of their own
 * need none. An inference profile also needs its model in every region that it may send the call to, which AWS may extend
 * (docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html).
 */
export const bedrockStatements = (scope: Construct, config: GatewayConfig): PolicyStatement[] => {
  const { partition, account } = Stack.of(scope);
  const models = new Set<string>();
  const viaProfile = new Map<string, Set<string>>();

  for (const { targets } of Object.values(config.models))
    for (const { provider: name, model } of targets) {
      const provider = config.providers[name];
      if (provider?.kind !== 'bedrock' || provider.apiKey !== undefined) continue;
      for (const region of provider.regions) {
        const prefix = PROFILE.exec(model)?.[0];
        if (model.startsWith('arn:') || prefix !== undefined) {
          const profile = model.startsWith('arn:')
            ? model
            : `arn:${partition}:bedrock:${region}:${account}:inference-profile/${model}`;
          const behind = prefix === undefined ? '*' : model.slice(prefix.length);
          const ofProfile = viaProfile.get(behind) ?? new Set();
          viaProfile.set(behind, ofProfile.add(profile));
        } else models.add(`arn:${partition}:bedrock:${region}::foundation-model/${model}`);
      }
    }

  const statements = [...viaProfile].flatMap(([behind, profiles]) => [
    new PolicyStatement({ actions: ACTIONS, resources: [...profiles] }),
    new PolicyStatement({
      actions: ACTIONS,
      // A global profile has no region in its models' ARN.
      resources: [
        `arn:${partition}:bedrock:*::foundation-model/${behind}`,
        ...([...profiles].some((profile) => profile.includes('/global.'))
          ? [`arn:${partition}:bedrock:::foundation-model/${behind}`]
          : []),
      ],
      conditions: { StringEquals: { 'bedrock:InferenceProfileArn': [...profiles] } },
    }),
  ]);
  if (models.size > 0) statements.unshift(new PolicyStatement({ actions: ACTIONS, resources: [...models] }));
  return statements;
};
