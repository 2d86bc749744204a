import type { BoundsConfig, PriceConfig, RateCardConfig, RatesConfig, Usd } from '../../contract/config.ts';
import { isClaudeModel } from '../../contract/model-names.ts';
import { type NanoUsd, parsePerMille, parseUsd } from '../../contract/money.ts';
import {
  type Fees,
  type Price,
  type RateCard,
  type Rates,
  SERVICES,
  type SearchSize,
  timesPerMille,
} from '../../contract/price.ts';
import { present } from '../read-json.ts';
import type { Bounds, ProviderSettings } from '../target.ts';

/**
 * A price as the configuration gives it. A rate that is left out is the input's: no discount, no surcharge; but what Claude's
 * cache writes cost on top is known by rule, and no less is assumed. Fees, and what a part of the world costs more, hold as the
 * catalogue has them where the configuration says nothing of them; other ways of serving do not.
 *
 * @param known the catalogue's price of the same model
 */
export const readPrice = (config: PriceConfig, model = '', known?: Price): Price => {
  const card = readCard(config, isClaudeModel(model));
  const services = SERVICES.flatMap((name) => {
    const given = config.serviceTiers?.[name];
    if (given === undefined) return [];
    const own =
      typeof given === 'object' ? readCard(given, isClaudeModel(model)) : timesPerMille(card, parsePerMille(given));
    return [[name, own] as const];
  });
  const geos = Object.entries(config.inferenceGeo ?? {}).map(([geo, factor]) => [geo, parsePerMille(factor)] as const);
  const fees: Fees = {
    ...present('webSearch', searchFees(config.webSearchPerCall) ?? known?.fees?.webSearch),
    ...present('image', config.perImage === undefined ? undefined : parseUsd(config.perImage)),
    ...present('call', config.perCall === undefined ? undefined : parseUsd(config.perCall)),
  };
  return {
    ...card,
    source: 'configuration',
    ...(services.length > 0 && { services: Object.fromEntries(services) }),
    ...present('geos', config.inferenceGeo === undefined ? known?.geos : Object.fromEntries(geos)),
    ...(Object.keys(fees).length > 0 && { fees }),
  };
};

const searchFees = (config: PriceConfig['webSearchPerCall']): Record<SearchSize, NanoUsd> | undefined => {
  if (config === undefined) return undefined;
  const of = (fee: Usd): NanoUsd => parseUsd(fee);
  if (typeof config === 'object') return { low: of(config.low), medium: of(config.medium), high: of(config.high) };
  return { low: of(config), medium: of(config), high: of(config) };
};

const readCard = (config: RateCardConfig, isClaude: boolean): RateCard => ({
  ...readRates(config, isClaude),
  tiers:
    config.aboveInputTokens === undefined
      ? []
      : [
          {
            aboveInputTokens: config.aboveInputTokens.tokens,
            rates: readRates(config.aboveInputTokens, isClaude),
          },
        ],
});

/** What Claude's cache writes cost, in thousandths of the input: 5 minutes, 1 hour (platform.claude.com/docs/en/about-claude/pricing). */
const CLAUDE_WRITES = { short: 1_250n, long: 2_000n };

const readRates = (config: RatesConfig, isClaude: boolean): Rates => {
  const input = parseUsd(config.inputPerMTok);
  const rate = (given: Usd | undefined, otherwise: bigint): bigint =>
    given === undefined ? otherwise : parseUsd(given);
  const optional = (given: Usd | undefined): bigint | undefined => (given === undefined ? undefined : parseUsd(given));
  const cacheWrite5m = rate(config.cacheWrite5mPerMTok, isClaude ? ceilPerMille(input, CLAUDE_WRITES.short) : input);
  return {
    input,
    cachedInput: rate(config.cachedInputPerMTok, input),
    cacheWrite5m,
    cacheWrite1h: rate(
      config.cacheWrite1hPerMTok,
      isClaude ? max(cacheWrite5m, ceilPerMille(input, CLAUDE_WRITES.long)) : cacheWrite5m,
    ),
    output: parseUsd(config.outputPerMTok),
    ...present('audioInput', optional(config.audioInputPerMTok)),
    ...present('audioOutput', optional(config.audioOutputPerMTok)),
    ...present('imageInput', optional(config.imageInputPerMTok)),
  };
};

const ceilPerMille = (rate: bigint, perMille: bigint): bigint => (rate * perMille + 999n) / 1_000n;
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** An alias's bounds, for its targets. */
export const readBounds = (config: BoundsConfig | undefined): Bounds | undefined =>
  config === undefined
    ? undefined
    : {
        ...present('webSearches', config.webSearches),
        ...present('webFetches', config.webFetches),
        ...present('tokensPerToolUse', config.tokensPerToolUse),
        fields: new Map(Object.entries(config.fields ?? {}).map(([field, most]) => [field, parseUsd(most)])),
      };

/** $1 in, $2 out: round figures, so that a demo's costs can be checked in one's head. */
export const SIMULATOR_PRICE: Price = { ...readPrice({ inputPerMTok: 1, outputPerMTok: 2 }), source: 'simulator' };

/** OpenAI's addresses that keep the processing in one region (`eu.api.openai.com`), at a surcharge on newer models. */
const REGIONAL_HOST = /^https:\/\/[a-z]{2,4}\.api\.openai\.com(\/|$)/i;

/** The price at the address that the provider is called at; surcharges round up, and fees have none. */
export const atRegionalUplift = (price: Price, { kind, baseUrl }: ProviderSettings, upliftPerMille: number): Price => {
  if (kind !== 'openai' || upliftPerMille === 1_000 || !REGIONAL_HOST.test(baseUrl)) return price;
  const uplifted = (card: RateCard): RateCard => timesPerMille(card, upliftPerMille);
  return {
    ...price,
    ...uplifted(price),
    ...(price.services && {
      services: Object.fromEntries(Object.entries(price.services).map(([name, card]) => [name, uplifted(card)])),
    }),
    ...(price.batch && { batch: uplifted(price.batch) }),
    source: `${price.source}, regional surcharge`,
  };
};
