import type { CapabilityConfig } from '../contract/config.ts';
import { type NanoUsdPerMillion, parsePerMille, parseUsd } from '../contract/money.ts';
import {
  mapRates,
  type Price,
  type PricedService,
  type RateCard,
  type Rates,
  type SearchSize,
  timesPerMille,
} from '../contract/price.ts';
import lifecycle from './lifecycle.json' with { type: 'json' };
import { type Lifecycle, readLifecycle, type StatedLifecycle, withLifecycle } from './lifecycle.ts';
import { maxImageTokensOf } from './media-tokens.ts';
import models from './models.json' with { type: 'json' };

/** The vendors whose public prices the catalogue carries. */
export const CATALOGUE_VENDORS = ['openai', 'anthropic', 'gemini', 'azure-openai', 'bedrock'] as const;
export type CatalogueVendor = (typeof CATALOGUE_VENDORS)[number];

/** What is publicly known of a model: prices, sizes, abilities, end of life. */
export interface CatalogueModel {
  price: Price;
  capabilities: ReadonlySet<CapabilityConfig>;
  /** Input and output together, tokens. */
  contextTokens: number;
  maxOutputTokens: number;
  /** The most that one image can count as input, tokens. */
  maxImageTokens: number;
  /** What is known of its end; absent = nothing is. */
  lifecycle?: Lifecycle;
  /** What processing in one region, where the vendor offers it at an address of its own, multiplies the price by, in thousandths. */
  regionalUpliftPerMille: number;
}

export interface Catalogue {
  /** When the sources were read, `YYYY-MM-DD`. */
  readonly asOf: string;
  readonly sources: readonly CatalogueSource[];
  /** @param region looked up first where the vendor's price depends on it */
  find(vendor: CatalogueVendor, model: string, region?: string): CatalogueModel | undefined;
  /** Every name of a vendor. */
  names(vendor: CatalogueVendor): string[];
}

/**
 * models.json, short because it travels in every bundle. Money is decimal dollars per million tokens; the optional rates stand
 * in it only where they differ from the input's.
 */
export interface CatalogueData {
  asOf: string;
  sources: CatalogueSource[];
  models: Record<CatalogueVendor, Record<string, CatalogueRow>>;
}

export interface CatalogueSource {
  name: string;
  version: string;
  file: string;
  /** Of the file, hexadecimal. */
  sha256: string;
  licence: string;
}

export interface RatesRow {
  in: string;
  /** Read from the cache; as `in` where left out, like the two below. */
  cached?: string;
  write5m?: string;
  /** Of writes that live an hour or longer. */
  write1h?: string;
  out: string;
  audioIn?: string;
  audioOut?: string;
  imageIn?: string;
}

export interface CardRow extends RatesRow {
  above?: (RatesRow & { tokens: number })[];
}

/** Rates of their own, or what all of the model's are multiplied by. */
export type ServiceRow = string | CardRow;

export interface CatalogueRow extends CardRow {
  /** Letters of CAPABILITY_LETTERS. */
  can: string;
  context: number;
  output: number;
  /** The day it retires. The five after it are the vendors' pages' (lifecycle.ts). */
  ends?: string;
  state?: StatedLifecycle;
  deprecated?: string;
  notBefore?: string;
  next?: string;
  said?: string;
  /** What the vendor's regional addresses multiply all rates by. */
  uplift?: string;
  services?: Partial<Record<PricedService, ServiceRow>>;
  batch?: ServiceRow;
  /** What parts of the world that a request may name multiply all rates by. */
  geos?: Record<string, string>;
  /** Dollars a web search; by the size of its context where that matters. */
  search?: string | Record<SearchSize, string>;
}

export const CAPABILITY_LETTERS: Record<string, CapabilityConfig> = {
  t: 'tools',
  v: 'vision',
  d: 'documents',
  j: 'json-schema',
  r: 'reasoning',
  s: 'streaming',
  e: 'embeddings',
};

export const readCatalogue = ({ asOf, sources, models }: CatalogueData): Catalogue => {
  const source = `${sources.map(({ name, version }) => `${name} ${version}`).join(', ')}, ${asOf}`;
  const row = (vendor: CatalogueVendor, name: string) =>
    Object.hasOwn(models[vendor], name) ? models[vendor][name] : undefined;
  return {
    asOf,
    sources,
    find(vendor, model, region) {
      // A fine-tuned model (`ft:gpt-4o-2024-08-06:org::id`) costs what its base's fine-tuned price says.
      const name = model.startsWith('ft:') ? model.split(':').slice(0, 2).join(':') : model;
      const found = (region === undefined ? undefined : row(vendor, `${name}@${region}`)) ?? row(vendor, name);
      return found === undefined ? undefined : readRow(model, found, source);
    },
    names: (vendor) => Object.keys(models[vendor]),
  };
};

const readRow = (model: string, row: CatalogueRow, source: string): CatalogueModel => ({
  price: readPrice(row, source),
  capabilities: new Set([...row.can].flatMap((letter) => CAPABILITY_LETTERS[letter] ?? [])),
  contextTokens: row.context,
  maxOutputTokens: row.output,
  maxImageTokens: maxImageTokensOf(model),
  regionalUpliftPerMille: row.uplift === undefined ? 1_000 : parsePerMille(row.uplift),
  ...lifecycleOf(row, source),
});

const lifecycleOf = (row: CatalogueRow, source: string): Pick<CatalogueModel, 'lifecycle'> => {
  const known = readLifecycle(row, source);
  return known === undefined ? {} : { lifecycle: known };
};

const readPrice = (row: CatalogueRow, source: string): Price => {
  const card = readCard(row);
  const { services, batch, geos, search } = row;
  return {
    ...card,
    source,
    ...(services && { services: mapValues(services, (service) => readService(service, card)) }),
    ...(batch !== undefined && { batch: readService(batch, card) }),
    ...(geos && { geos: mapValues(geos, (factor) => parsePerMille(factor)) }),
    ...(search !== undefined && { fees: { webSearch: readSearch(search) } }),
  };
};

const mapValues = <Value, Made>(of: Record<string, Value>, make: (value: Value) => Made): Record<string, Made> =>
  Object.fromEntries(Object.entries(of).map(([name, value]) => [name, make(value)]));

const readSearch = (search: NonNullable<CatalogueRow['search']>): Record<SearchSize, bigint> => {
  const { low, medium, high } = typeof search === 'string' ? { low: search, medium: search, high: search } : search;
  return { low: parseUsd(low), medium: parseUsd(medium), high: parseUsd(high) };
};

const readCard = (row: CardRow): RateCard => ({
  ...readRates(row),
  tiers: (row.above ?? []).map((tier) => ({ aboveInputTokens: tier.tokens, rates: readRates(tier) })),
});

/** Where a source gives a service no rates for long inputs, the dearer of its own and the standard ones hold there. */
const readService = (row: ServiceRow, standard: RateCard): RateCard => {
  if (typeof row === 'string') return timesPerMille(standard, parsePerMille(row));
  const card = readCard(row);
  if (card.tiers.length > 0) return card;
  const tiers = standard.tiers.map(({ aboveInputTokens, rates }) => ({
    aboveInputTokens,
    rates: mapRates(rates, (rate, name) => {
      const own = card[name] ?? 0n;
      return own > rate ? own : rate;
    }),
  }));
  return { ...card, tiers };
};

const readRates = (row: RatesRow): Rates => {
  const rate = (text: string | undefined): NanoUsdPerMillion => parseUsd(text ?? row.in);
  return {
    input: rate(row.in),
    cachedInput: rate(row.cached),
    cacheWrite5m: rate(row.write5m),
    cacheWrite1h: rate(row.write1h),
    output: rate(row.out),
    ...(row.audioIn !== undefined && { audioInput: parseUsd(row.audioIn) }),
    ...(row.audioOut !== undefined && { audioOutput: parseUsd(row.audioOut) }),
    ...(row.imageIn !== undefined && { imageInput: parseUsd(row.imageIn) }),
  };
};

/** The catalogue that this version was built with, as data. */
export const catalogueData: CatalogueData = /* @__PURE__ */ withLifecycle(models satisfies CatalogueData, lifecycle);

/** The catalogue that this version was built with. */
export const catalogue: Catalogue = /* @__PURE__ */ readCatalogue(catalogueData);
