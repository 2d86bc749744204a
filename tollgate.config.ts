/**
 * The example configuration. Copy it, keep what you need: everything but `providers` and `models` may be left out.
 * It is checked when the gateway starts; unknown fields, unpriced models and names that may change are refused there.
 */
import { defineGateway } from 'tollgate/config';

export default defineGateway({
  org: 'example',

  // Keys never stand in this file: `env:NAME` reads the environment, `secret:NAME` the secret store of a deployment.
  // Locally, a provider whose key is not set is left out, with a line at start that says so.
  providers: {
    openai: { kind: 'openai', apiKey: 'env:OPENAI_API_KEY' },
    anthropic: { kind: 'anthropic', apiKey: 'env:ANTHROPIC_API_KEY' },
    bedrock: { kind: 'bedrock', regions: ['us-east-1', 'us-west-2'] }, // tried in this order, with AWS credentials
    demo: { kind: 'simulator' }, // needs no key and no network
    // A server of your own: { kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:8000/v1' }
  },

  // The names that applications send as `model`. Targets in order: the first that can serve a request gets it, the next
  // ones are its fallbacks.
  models: {
    assistant: {
      targets: [
        { provider: 'anthropic', model: 'claude-sonnet-5-5' },
        { provider: 'bedrock', model: 'us.anthropic.claude-sonnet-5-5' },
        { provider: 'openai', model: 'gpt-5.4-2026-03-05' },
      ],
      downgradeTo: 'assistant-small', // answers where a budget is past its downgradeAt
      output: { default: 8_192 }, // only where a request names no limit
    },
    'assistant-small': {
      targets: [
        { provider: 'anthropic', model: 'claude-haiku-4-5-20251001' },
        { provider: 'bedrock', model: 'us.anthropic.claude-haiku-4-5-20251001-v1:0' },
        { provider: 'openai', model: 'gpt-5.4-mini-2026-03-17' },
      ],
    },

    // What makes vectors of texts; targets of one alias must be of one model, as vectors of two can't be compared.
    embeddings: { targets: [{ provider: 'openai', model: 'text-embedding-3-small' }] },

    // The simulator does what the model's name says, at $1 per million tokens in and $2 out unless a price is given.
    demo: { targets: [{ provider: 'demo', model: 'echo' }] },
    'demo-slow': { targets: [{ provider: 'demo', model: 'slow-1500+tokens-200' }] },
    'demo-fallback': {
      targets: [
        { provider: 'demo', model: 'fail-500' },
        { provider: 'demo', model: 'echo' },
      ],
    },
    'demo-cut': { targets: [{ provider: 'demo', model: 'cut-20+tokens-100' }] },
    'demo-embeddings': { targets: [{ provider: 'demo', model: 'embed-256' }] },
  },

  // Caps in US dollars; a call that could go over one is refused before it is made. No cap where none is given.
  budgets: {
    org: { monthly: '$1000' },
    teams: { search: { monthly: '$200', daily: '$20', warnAt: 0.8, downgradeAt: 0.9 } },
    perUser: { daily: '$10' },
  },

  limits: { perKey: { requestsPerMinute: 600, tokensPerMinute: 2_000_000, concurrent: 64 } },
});
