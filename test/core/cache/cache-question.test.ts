import { expect, test } from '@jest/globals';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import type { GatewayConfig, ProviderConfig, TargetConfig } from '../../../lambdas/contract/config.ts';
import { modelOf } from '../../../lambdas/core/cache/cache-question.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';
import type { Target } from '../../../lambdas/core/target.ts';

const targetsOf = (provider: ProviderConfig, target: Partial<TargetConfig>): Target[] => {
  const config: GatewayConfig = {
    providers: { vendor: provider },
    models: {
      assistant: {
        targets: [
          {
            provider: 'vendor',
            model: 'chat',
            price: { inputPerMTok: '1', outputPerMTok: '1' },
            contextTokens: 1_000,
            ...target,
          } as TargetConfig,
        ],
      },
    },
  };
  const resolved = resolveGateway(config, catalogue, 1);
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  return resolved.gateway.aliases.get('assistant')?.targets ?? [];
};

const namesOf = (provider: ProviderConfig, target: Partial<TargetConfig> = {}): string[] => [
  ...new Set(targetsOf(provider, target).map(modelOf)),
];

const azure = (more: object = {}): ProviderConfig => ({
  kind: 'azure-openai',
  baseUrl: 'https://one.openai.azure.com',
  apiKey: 'env:KEY',
  ...more,
});

test('every region serves the same model', () => {
  expect(namesOf({ kind: 'bedrock', regions: ['us-east-1', 'eu-west-1'] })).toHaveLength(1);
  const baseUrl = 'https://{region}.example.com/v1';
  expect(namesOf({ kind: 'openai-compatible', baseUrl, regions: ['eu', 'us'] })).toHaveLength(1);
});

test('another model behind a deployment, another server or another API is another model', () => {
  const names = [
    namesOf(azure(), { deploymentOf: 'gpt-4.1-2025-04-14' }),
    namesOf(azure(), { deploymentOf: 'gpt-4o-2024-11-20' }),
    namesOf(azure({ baseUrl: 'https://two.openai.azure.com' }), { deploymentOf: 'gpt-4.1-2025-04-14' }),
    namesOf(azure({ apiVersion: '2024-10-21' }), { deploymentOf: 'gpt-4.1-2025-04-14' }),
    namesOf(azure(), { model: 'other', deploymentOf: 'gpt-4.1-2025-04-14' }),
    namesOf({ kind: 'openai-compatible', baseUrl: 'https://one.openai.azure.com' }),
  ].flat();
  expect(new Set(names).size).toBe(6);
});
