import type { GatewayConfig } from '../../lambdas/contract/config.ts';

/** A configuration with every kind of provider that a deployment can have. */
export const DEPLOYABLE: GatewayConfig = {
  org: 'example',
  providers: {
    openai: { kind: 'openai', apiKey: 'secret:tollgate/openai' },
    anthropic: { kind: 'anthropic', apiKey: 'secret:tollgate/anthropic' },
    bedrock: { kind: 'bedrock', regions: ['us-east-1', 'us-west-2'] },
    demo: { kind: 'simulator' },
  },
  models: {
    assistant: {
      targets: [
        { provider: 'anthropic', model: 'claude-haiku-4-5-20251001' },
        { provider: 'bedrock', model: 'us.anthropic.claude-haiku-4-5-20251001-v1:0' },
        { provider: 'openai', model: 'gpt-5.4-mini-2026-03-17' },
      ],
    },
    demo: { targets: [{ provider: 'demo', model: 'echo' }] },
  },
  budgets: { org: { monthly: '$1000' } },
};
