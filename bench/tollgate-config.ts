import { modelName } from './answer.ts';

/**
 * Tollgate as it is measured: every control on. Each request is held on the budgets of the org, the team, the user and
 * the key, by month and by day, counted against the requests, tokens and concurrency of each, and entered in a ledger in
 * a file. The caps are far off: what is measured is the checking, not the refusing.
 */
export const tollgateConfig = (upstreamUrl: string): unknown => ({
  providers: {
    mock: { kind: 'openai-compatible', baseUrl: `${upstreamUrl}/v1`, apiKey: 'env:BENCH_UPSTREAM_KEY' },
  },
  models: {
    [modelName]: {
      targets: [{ provider: 'mock', model: 'bench-model-2026-01-01', price: { inputPerMTok: 2.5, outputPerMTok: 10 } }],
      output: { default: 1024 },
    },
  },
  budgets: {
    org: { monthly: '$1000000', daily: '$100000' },
    perTeam: { monthly: '$1000000', daily: '$100000' },
    perUser: { monthly: '$1000000', daily: '$100000' },
    perKey: { monthly: '$1000000', daily: '$100000' },
  },
  limits: {
    org: { requestsPerMinute: 10_000_000, tokensPerMinute: 10_000_000_000, concurrent: 10_000 },
    perTeam: { requestsPerMinute: 10_000_000, tokensPerMinute: 10_000_000_000, concurrent: 10_000 },
    perUser: { requestsPerMinute: 10_000_000, tokensPerMinute: 10_000_000_000, concurrent: 10_000 },
    perKey: { requestsPerMinute: 10_000_000, tokensPerMinute: 10_000_000_000, concurrent: 10_000 },
  },
});
