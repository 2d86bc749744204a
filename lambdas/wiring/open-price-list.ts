import { loadConfigFile } from '../adapters/config-file/load-config-file.ts';
import { CATALOGUE_VENDORS, type CatalogueSource, type CatalogueVendor, catalogue } from '../catalogue/catalogue.ts';
import type { PriceDifference } from '../catalogue/compare-prices.ts';
import differences from '../catalogue/differences.json' with { type: 'json' };
import type { ConfigProblem } from '../contract/config-problem.ts';
import type { Price } from '../contract/price.ts';
import { resolveGateway } from '../core/route/resolve-gateway.ts';
import type { Target } from '../core/target.ts';

/** What calls cost and where the figures come from: configuration and catalogue, without a store or a network. */
export interface PriceList {
  /** The targets of each alias, whether their providers have keys here or not. */
  aliases: ReadonlyMap<string, readonly Target[]>;
  /** A model of the catalogue by its name, or by `vendor/name`. */
  findModels(name: string): CatalogueEntry[];
  /** When the catalogue's sources were read, `YYYY-MM-DD`. */
  asOf: string;
  sources: readonly CatalogueSource[];
  /** The source that the first one is compared with. */
  second: CatalogueSource;
  differencesOf(vendor: string, model: string): PriceDifference[];
}

export interface CatalogueEntry {
  vendor: CatalogueVendor;
  model: string;
  price: Price;
}

export type OpenedPriceList = { ok: true; list: PriceList } | { ok: false; problems: ConfigProblem[] };

const VENDORS: readonly CatalogueVendor[] = CATALOGUE_VENDORS;

/** @param file the configuration; undefined for the catalogue alone */
export const openPriceList = async (file: string | undefined): Promise<OpenedPriceList> => {
  const aliases = new Map<string, readonly Target[]>();
  if (file !== undefined) {
    const loaded = await loadConfigFile(file);
    if (!loaded.ok) return loaded;
    const resolved = resolveGateway(loaded.config, catalogue, 0);
    if (!resolved.ok) return resolved;
    for (const [name, { targets }] of resolved.gateway.aliases) aliases.set(name, targets);
  }
  const all = differences.differences as PriceDifference[];
  return {
    ok: true,
    list: {
      aliases,
      findModels: (name) =>
        VENDORS.flatMap((vendor) => {
          const model = name.startsWith(`${vendor}/`) ? name.slice(vendor.length + 1) : name;
          const [id = '', region] = model.split('@');
          const found = catalogue.find(vendor, id, region);
          return found === undefined ? [] : [{ vendor, model, price: found.price }];
        }),
      asOf: catalogue.asOf,
      sources: catalogue.sources,
      second: differences.source,
      differencesOf: (vendor, model) => all.filter((one) => one.vendor === vendor && one.model === model),
    },
  };
};
