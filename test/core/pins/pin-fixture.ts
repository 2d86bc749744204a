import { type Catalogue, readCatalogue } from '../../../lambdas/catalogue/catalogue.ts';
import type { GatewayConfig, LifecycleConfig, TargetConfig } from '../../../lambdas/contract/config.ts';
import { listPins, type Pin } from '../../../lambdas/core/pins/list-pins.ts';
import type { Gateway } from '../../../lambdas/core/ports.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';

export const DAY = 86_400_000;
export const at = (date: string, time = '12:00:00'): number => Date.parse(`${date}T${time}Z`);

/** A model of a vendor's own server, at $10 and $100 a million. */
export const target = (provider: string, model: string, lifecycle?: LifecycleConfig): TargetConfig => ({
  provider,
  model,
  price: { inputPerMTok: '10', outputPerMTok: '100' },
  contextTokens: 100_000,
  maxOutputTokens: 8_000,
  ...(lifecycle && { lifecycle }),
});

export const configOf = (models: Record<string, TargetConfig[]>): GatewayConfig => ({
  providers: {
    a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' },
    b: { kind: 'openai-compatible', baseUrl: 'https://b/v1' },
    openai: { kind: 'openai', apiKey: 'env:O' },
    bedrock: { kind: 'bedrock', regions: ['us-east-1', 'eu-central-1'] },
  },
  models: Object.fromEntries(Object.entries(models).map(([alias, targets]) => [alias, { targets }])),
});

export const EMPTY: Catalogue = readCatalogue({
  asOf: '2026-11-23',
  sources: [],
  models: { openai: {}, anthropic: {}, gemini: {}, 'azure-openai': {}, bedrock: {} },
});

export const gatewayOf = (config: GatewayConfig, catalogue: Catalogue = EMPTY): Gateway => {
  const resolved = resolveGateway(config, catalogue, 1);
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  return resolved.gateway;
};

export const pinsOf = (config: GatewayConfig, nowMs: number, catalogue: Catalogue = EMPTY): Pin[] =>
  listPins(
    [...gatewayOf(config, catalogue).aliases].map(([name, { targets }]) => [name, targets] as const),
    catalogue,
    nowMs,
  );
