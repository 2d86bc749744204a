/**
 * The production stage: `npx cdk deploy -c stage=prod`. Without the simulator and its aliases, with keys and budgets of its
 * own; the tables are kept when the stack goes.
 */
import { defineGateway } from 'tollgate/config';

export default defineGateway({
  org: 'example',
  providers: {
    openai: { kind: 'openai', apiKey: 'secret:tollgate/prod/openai' },
    anthropic: { kind: 'anthropic', apiKey: 'secret:tollgate/prod/anthropic' },
    bedrock: { kind: 'bedrock', regions: ['us-east-1', 'us-west-2'] },
  },
  models: {
    assistant: {
      targets: [
        { provider: 'anthropic', model: 'claude-sonnet-5-5' },
        { provider: 'bedrock', model: 'us.anthropic.claude-sonnet-5-5' },
        { provider: 'openai', model: 'gpt-5.4-2026-03-05' },
      ],
      output: { default: 8_192 },
    },
    'assistant-small': {
      targets: [
        { provider: 'anthropic', model: 'claude-haiku-4-5-20251001' },
        { provider: 'openai', model: 'gpt-5.4-mini-2026-03-17' },
      ],
    },
  },
  budgets: {
    org: { monthly: '$20000' },
    teams: { search: { monthly: '$500', daily: '$50', warnAt: 0.8 } },
    perUser: { daily: '$10' },
  },
  limits: { perKey: { requestsPerMinute: 600, tokensPerMinute: 2_000_000, concurrent: 64 } },
});
