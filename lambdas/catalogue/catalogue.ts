import type { CapabilityConfig } from '../contract/config.ts';
import { type NanoUsdPerMillion, parseUsd } from '../contract/money.ts';
import type { Price, Rates } from '../contract/price.ts';
import { maxImageTokensOf } from './media-tokens.ts';
import data from './models.json' with { type: 'json' };

/** The vendors whose public prices the catalogue carries. */
export type CatalogueVendor = 'openai' | 'anthropic' | 'bedrock';

/** What is publicly known of a model: prices, sizes, abilities, end of life. */
export interface CatalogueModel {
  price: Price;
  capabilities: ReadonlySet<CapabilityConfig>;
  /** Input and output together, tokens. */
  contextTokens: number;
  maxOutputTokens: number;
  /** The most that one image can count as input, tokens. */
  maxImageTokens: number;
  /** Date from which the vendor may stop serving it, `YYYY-MM-DD`. */
  retiresOn?: string;
  /** What processing in one region, where the vendor offers it at an address of its own, multiplies the price by, in thousandths. */
  regionalUpliftPerMille: number;
}

export interface Catalogue {
  /** When the sources were read, `YYYY-MM-DD`. */
  readonly asOf: string;
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
  sources: { name: string; version: string; file: string; sha256: string; licence: string }[];
  models: Record<CatalogueVendor, Record<string, CatalogueRow>>;
}

export interface RatesRow {
  in: string;
  /** Read from the cache; as `in` where left out, like the two below. */
  cached?: string;
  write5m?: string;
  write1h?: string;
  out: string;
}

export interface CatalogueRow extends RatesRow {
  /** Letters of CAPABILITY_LETTERS. */
  can: string;
  context: number;
  output: number;
  ends?: string;
  uplift?: string;
  above?: (RatesRow & { tokens: number })[];
}

export const CAPABILITY_LETTERS: Record<string, CapabilityConfig> = {
  t: 'tools',
  v: 'vision',
  d: 'documents',
  j: 'json-schema',
  r: 'reasoning',
  s: 'streaming',
};

export const readCatalogue = ({ asOf, sources, models }: CatalogueData): Catalogue => {
  const source = `${sources.map(({ name, version }) => `${name} ${version}`).join(', ')}, ${asOf}`;
  const row = (vendor: CatalogueVendor, name: string) =>
    Object.hasOwn(models[vendor], name) ? models[vendor][name] : undefined;
  return {
    asOf,
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
  price: {
    ...readRates(row),
    tiers: (row.above ?? []).map((tier) => ({ aboveInputTokens: tier.tokens, rates: readRates(tier) })),
    source,
  },
  capabilities: new Set([...row.can].flatMap((letter) => CAPABILITY_LETTERS[letter] ?? [])),
  contextTokens: row.context,
  maxOutputTokens: row.output,
  maxImageTokens: maxImageTokensOf(model),
  regionalUpliftPerMille: row.uplift === undefined ? 1_000 : Number(parseUsd(row.uplift) / 1_000_000n),
  ...(row.ends === undefined ? {} : { retiresOn: row.ends }),
});

const readRates = (row: RatesRow): Rates => {
  const rate = (text: string | undefined): NanoUsdPerMillion => parseUsd(text ?? row.in);
  return {
    input: rate(row.in),
    cachedInput: rate(row.cached),
    cacheWrite5m: rate(row.write5m),
    cacheWrite1h: rate(row.write1h),
    output: rate(row.out),
  };
};

/** The catalogue that this version was built with. */
export const catalogue: Catalogue = /* @__PURE__ */ readCatalogue(data satisfies CatalogueData);
