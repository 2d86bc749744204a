import type { GatewayConfig, ModelConfig, ProviderConfig, TargetConfig } from '../../lambdas/contract/config.ts';

/** Nano-USD a token. */
export const PRICE = { input: 2_500n, output: 10_000n };

const target = (provider: string, model = 'm'): TargetConfig => ({
  provider,
  model,
  price: { inputPerMTok: '2.5', outputPerMTok: '10' },
  contextTokens: 100_000,
  maxOutputTokens: 10_000,
  capabilities: ['streaming', 'tools'],
});

/** Aliases over providers: whom each asks, in which order. Budgets and limits are on, and far off. */
export const chaosConfig = (
  providers: Record<string, ProviderConfig>,
  models: Record<string, { asks: string[]; model?: string } & Omit<Partial<ModelConfig>, 'targets'>>,
  more: Partial<GatewayConfig> = {},
): GatewayConfig => ({
  providers,
  models: Object.fromEntries(
    Object.entries(models).map(([alias, { asks, model, ...rest }]) => [
      alias,
      { targets: asks.map((provider) => target(provider, model)), ...rest },
    ]),
  ),
  budgets: { org: { monthly: '$100000' }, perTeam: { daily: '$100000' }, perUser: { daily: '$100000' } },
  limits: { perKey: { requestsPerMinute: 10_000_000, concurrent: 100_000 } },
  ...more,
});
