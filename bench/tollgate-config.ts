import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { modelName } from './answer.ts';

/** US dollars per million tokens. */
export const benchPrice = { inputPerMTok: 2.5, outputPerMTok: 10 };

const caps = { monthly: '$1000000', daily: '$100000' };
const rates = { requestsPerMinute: 10_000_000, tokensPerMinute: 10_000_000_000, concurrent: 10_000 };

/**
 * Tollgate as it is measured: every control on. Each request is held on the budgets of the org, the team, the user and
 * the key, by month and by day, counted against the requests, tokens and concurrency of each, and entered in a ledger in
 * a file. The caps are far off: what is measured is the checking, not the refusing.
 */
export const tollgateConfig = (upstreamUrl: string): GatewayConfig => ({
  providers: {
    mock: { kind: 'openai-compatible', baseUrl: `${upstreamUrl}/v1`, apiKey: 'env:BENCH_UPSTREAM_KEY' },
  },
  models: {
    [modelName]: {
      targets: [
        {
          provider: 'mock',
          model: 'bench-model-2026-01-01',
          price: benchPrice,
          contextTokens: 128_000,
          maxOutputTokens: 16_384,
          capabilities: ['tools', 'vision', 'json-schema', 'streaming'],
        },
      ],
      output: { default: 1024 },
    },
  },
  budgets: { org: caps, perTeam: caps, perUser: caps, perKey: caps },
  limits: { org: rates, perTeam: rates, perUser: rates, perKey: rates },
});
