import type { CatalogueData, CatalogueRow, CatalogueSource, CatalogueVendor } from './catalogue.ts';
import { compareDecimals, decimalText, times } from './decimal-text.ts';

/** One price that two public sources give differently, dollars per million tokens. */
export interface PriceDifference {
  vendor: CatalogueVendor;
  model: string;
  field: string;
  ours: string;
  theirs: string;
}

/** differences.json: what `tollgate prices` shows beside a price. Never bundled. */
export interface DifferencesData {
  /** The second source. */
  source: CatalogueSource;
  differences: PriceDifference[];
  /** `vendor/model` of those that only the first source knows. */
  unknown: string[];
}

/** What `@pydantic/genai-prices` says of a model: dollars per million, a number or a number with tiers. */
export type OtherPrice = Record<string, unknown>;

export interface Comparison {
  differences: PriceDifference[];
  compared: number;
  /** Names that the other source does not know. */
  unknown: string[];
}

const FIELDS: { theirs: string; ours: (row: CatalogueRow) => string | undefined }[] = [
  { theirs: 'input_mtok', ours: (row) => row.in },
  { theirs: 'output_mtok', ours: (row) => row.out },
  { theirs: 'cache_read_mtok', ours: (row) => row.cached },
  { theirs: 'cache_write_mtok', ours: (row) => row.write5m },
  { theirs: 'cache_write_1h_mtok', ours: (row) => row.write1h },
  { theirs: 'input_audio_mtok', ours: (row) => row.audioIn },
  { theirs: 'output_audio_mtok', ours: (row) => row.audioOut },
  { theirs: 'input_image_mtok', ours: (row) => row.imageIn },
  {
    theirs: 'web_searches_kcount',
    ours: ({ search }) => (typeof search === 'string' ? times(search, 100_000n) : undefined),
  },
];

/** Compares every model that both sources know, field by field; a field that one of them leaves out is no difference. */
export const comparePrices = (
  models: CatalogueData['models'],
  findOther: (vendor: CatalogueVendor, model: string) => OtherPrice | undefined,
): Comparison => {
  const differences: PriceDifference[] = [];
  const unknown: string[] = [];
  let compared = 0;
  for (const vendor of ['openai', 'anthropic', 'gemini', 'azure-openai', 'bedrock'] as const) {
    for (const [model, row] of Object.entries(models[vendor])) {
      // The other source has no prices by region.
      if (model.includes('@')) continue;
      const other = findOther(vendor, model);
      if (other === undefined) {
        unknown.push(`${vendor}/${model}`);
        continue;
      }
      compared += 1;
      for (const { theirs, ours } of FIELDS) {
        const here = ours(row);
        const there = baseOf(other[theirs]);
        if (here !== undefined && there !== undefined && compareDecimals(here, there) !== 0)
          differences.push({ vendor, model, field: theirs, ours: here, theirs: there });
      }
      const tier = tierOf(other.input_mtok);
      const ourTier = row.above?.[0];
      const here = ourTier === undefined ? 'none' : `${ourTier.in} above ${ourTier.tokens}`;
      const there = tier === undefined ? 'none' : `${tier.price} above ${tier.start}`;
      // Off by one is a manner of writing the same threshold (“above 271,999” and “from 272,000”).
      const isSame =
        tier && ourTier && compareDecimals(tier.price, ourTier.in) === 0 && Math.abs(tier.start - ourTier.tokens) <= 1;
      if (!isSame && here !== there)
        differences.push({ vendor, model, field: 'long input', ours: here, theirs: there });
    }
  }
  return { differences, compared, unknown };
};

const baseOf = (price: unknown): string | undefined => {
  if (typeof price === 'number') return decimalText(price);
  const base = typeof price === 'object' && price !== null ? (price as { base?: unknown }).base : undefined;
  return typeof base === 'number' ? decimalText(base) : undefined;
};

const tierOf = (price: unknown): { start: number; price: string } | undefined => {
  const [tier] = (typeof price === 'object' && price !== null ? (price as { tiers?: Tier[] }).tiers : undefined) ?? [];
  return tier && { start: tier.start, price: decimalText(tier.price) };
};

interface Tier {
  start: number;
  price: number;
}
