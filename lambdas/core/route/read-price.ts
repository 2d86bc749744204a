import type { PriceConfig, RatesConfig } from '../../contract/config.ts';
import { ceilDivide, parseUsd } from '../../contract/money.ts';
import type { Price, Rates } from '../../contract/price.ts';
import type { ProviderSettings } from '../target.ts';

/** A price as the configuration gives it. A rate that is left out is the input's: no discount, no surcharge. */
export const readPrice = (config: PriceConfig): Price => ({
  ...readRates(config),
  tiers:
    config.aboveInputTokens === undefined
      ? []
      : [{ aboveInputTokens: config.aboveInputTokens.tokens, rates: readRates(config.aboveInputTokens) }],
  source: 'configuration',
});

const readRates = (config: RatesConfig): Rates => ({
  input: parseUsd(config.inputPerMTok),
  cachedInput: parseUsd(config.cachedInputPerMTok ?? config.inputPerMTok),
  cacheWrite5m: parseUsd(config.cacheWrite5mPerMTok ?? config.inputPerMTok),
  cacheWrite1h: parseUsd(config.cacheWrite1hPerMTok ?? config.cacheWrite5mPerMTok ?? config.inputPerMTok),
  output: parseUsd(config.outputPerMTok),
});

/** $1 in, $2 out: round figures, so that a demo's costs can be checked in one's head. */
export const SIMULATOR_PRICE: Price = { ...readPrice({ inputPerMTok: 1, outputPerMTok: 2 }), source: 'simulator' };

/** OpenAI's addresses that keep the processing in one region (`eu.api.openai.com`), at a surcharge on newer models. */
const REGIONAL_HOST = /^https:\/\/[a-z]{2,4}\.api\.openai\.com(\/|$)/i;

/** The price at the address that the provider is called at; surcharges round up. */
export const atRegionalUplift = (price: Price, { kind, baseUrl }: ProviderSettings, upliftPerMille: number): Price => {
  if (kind !== 'openai' || upliftPerMille === 1_000 || !REGIONAL_HOST.test(baseUrl)) return price;
  const uplift = (rate: bigint): bigint => ceilDivide(rate * BigInt(upliftPerMille), 1_000n);
  const uplifted = (rates: Rates): Rates => ({
    input: uplift(rates.input),
    cachedInput: uplift(rates.cachedInput),
    cacheWrite5m: uplift(rates.cacheWrite5m),
    cacheWrite1h: uplift(rates.cacheWrite1h),
    output: uplift(rates.output),
  });
  return {
    ...uplifted(price),
    tiers: price.tiers.map(({ aboveInputTokens, rates }) => ({ aboveInputTokens, rates: uplifted(rates) })),
    source: `${price.source}, regional surcharge`,
  };
};
