import { expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { bedrockStatements, type Callers } from '../../lib/bedrock-access.ts';

const statementsOf = (...models: string[]) => statementsFor('gateway', ...models);
const statementsFor = (callers: Callers, ...models: string[]) => {
  const config: GatewayConfig = {
    providers: { bedrock: { kind: 'bedrock', regions: ['us-east-1', 'us-west-2'] } },
    models: Object.fromEntries(models.map((model) => [model, { targets: [{ provider: 'bedrock', model }] }])),
  };
  const stack = new Stack(new App(), 'S', { env: { account: '123456789012', region: 'us-east-1' } });
  return bedrockStatements(stack, config, callers).map((statement) => ({
    actions: statement.actions,
    // The partition is the template's to find out.
    resources: statement.resources.map((resource) =>
      JSON.stringify(stack.resolve(resource))
        .replace(/^.*?:bedrock:/, '')
        .replace(/"\]\]\}$/, ''),
    ),
  }));
};

test('Claude’s tokens may be counted in each region, by the model’s own ARN, whatever profile it is called through', () => {
  const counting = statementsOf('us.anthropic.claude-haiku-4-5-20251001-v1:0', 'amazon.nova-lite-v1:0').filter(
    ({ actions }) => actions.includes('bedrock:CountTokens'),
  );
  expect(counting).toEqual([
    {
      actions: ['bedrock:CountTokens'],
      resources: ['us-east-1', 'us-west-2'].map(
        (region) => `${region}::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0`,
      ),
    },
  ]);
});

test('whoever calls targets alone counts nothing', () => {
  const all = statementsOf('us.anthropic.claude-haiku-4-5-20251001-v1:0');
  const called = statementsFor('targets-alone', 'us.anthropic.claude-haiku-4-5-20251001-v1:0');
  expect(called).toEqual(all.filter(({ actions }) => !actions.includes('bedrock:CountTokens')));
  expect(called.length).toBe(2);
});

test('without a Claude nothing is counted; a model that makes vectors may be called like any other', () => {
  expect(statementsOf('amazon.titan-embed-text-v2:0')).toEqual([
    {
      actions: ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream'],
      resources: ['us-east-1', 'us-west-2'].map((region) => `${region}::foundation-model/amazon.titan-embed-text-v2:0`),
    },
  ]);
});
