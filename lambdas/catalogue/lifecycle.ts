import type { CatalogueData, CatalogueRow, CatalogueVendor } from './catalogue.ts';

/** What a vendor says of a version by itself; that one has retired is seen by its date. */
export type StatedLifecycle = 'active' | 'legacy' | 'deprecated';

/** What is publicly known of a version's life. Whatever is absent no source says: nothing here is guessed. Dates are `YYYY-MM-DD`, UTC. */
export interface Lifecycle {
  stated?: StatedLifecycle;
  /** When its end was announced. */
  deprecatedOn?: string;
  /** The day from which it is not served any more. */
  retiresOn?: string;
  /** It is served until then at least; no end has been announced. */
  notBefore?: string;
  /** The vendor's name of what it recommends instead. */
  successor?: string;
  /** Who says so, and when it was read. */
  source: string;
}

/** lifecycle.json: kept by hand from the vendors' own pages, for what the price source does not carry. */
export interface LifecycleData {
  sources: Record<string, LifecycleSource>;
  models: Record<CatalogueVendor, Record<string, LifecycleFact>>;
}

export interface LifecycleSource {
  url: string;
  /** The day on which it was read; of an edition that is not the newest, or was read at second hand, that edition's day. `YYYY-MM-DD`. */
  read: string;
  /** What of the page, and how it was come by. */
  what: string;
}

export interface LifecycleFact {
  state?: string;
  deprecated?: string;
  retires?: string;
  notBefore?: string;
  next?: string;
  /** Key of `sources`. */
  from: string;
}

const STATED: readonly StatedLifecycle[] = ['active', 'legacy', 'deprecated'];

/**
 * The catalogue with what the vendors' pages say of each version's life. A page wins over the price source: that one writes a
 * promise ("not sooner than") and an announced end into the same field.
 *
 * @throws {Error} where lifecycle.json refers to a source or a state that does not exist
 */
export const withLifecycle = (data: CatalogueData, facts: LifecycleData): CatalogueData => {
  const rowsOf = (vendor: CatalogueVendor): Record<string, CatalogueRow> =>
    Object.fromEntries(
      Object.entries(data.models[vendor]).map(([name, row]) => {
        const [found, prefix] = findFact(vendor, name, facts.models[vendor]);
        return [name, found === undefined ? row : joined(row, found, prefix, facts.sources)];
      }),
    );
  return {
    ...data,
    models: {
      openai: rowsOf('openai'),
      anthropic: rowsOf('anthropic'),
      gemini: rowsOf('gemini'),
      'azure-openai': rowsOf('azure-openai'),
      bedrock: rowsOf('bedrock'),
    },
  };
};

/** Bedrock's inference profiles live as long as the model behind them. AWS's separate partitions have dates of their own. */
const PROFILE = /^(us|eu|apac|au|jp|in|ca|global)\.(?=.*\.)/;

/** Of a name of Bedrock's, the prefix of the profile that it is: `eu.`; empty where it is a model's own. */
export const profilePrefix = (name: string): string => PROFILE.exec(name)?.[0] ?? '';

const findFact = (
  vendor: CatalogueVendor,
  name: string,
  facts: Record<string, LifecycleFact>,
): [LifecycleFact | undefined, string] => {
  const [model = name] = name.split('@');
  if (Object.hasOwn(facts, model)) return [facts[model], ''];
  const prefix = vendor === 'bedrock' ? profilePrefix(model) : '';
  const bare = model.slice(prefix.length);
  return [Object.hasOwn(facts, bare) ? facts[bare] : undefined, prefix];
};

const joined = (
  { ends, ...row }: CatalogueRow,
  { state, deprecated, retires, notBefore, next, from }: LifecycleFact,
  prefix: string,
  sources: Record<string, LifecycleSource>,
): CatalogueRow => {
  const source = Object.hasOwn(sources, from) ? sources[from] : undefined;
  const stated = STATED.find((one) => one === state);
  if (source === undefined || (state !== undefined && stated === undefined))
    throw new Error(`lifecycle.json: ${source === undefined ? `no source "${from}"` : `no state "${state}"`}`);
  // What the page says to be in use has no announced end, whatever date the price source has for it.
  const end = retires ?? (stated === 'active' || notBefore !== undefined ? undefined : ends);
  return {
    ...row,
    ...(end !== undefined && { ends: end }),
    ...(stated !== undefined && { state: stated }),
    ...(deprecated !== undefined && { deprecated }),
    ...(notBefore !== undefined && { notBefore }),
    ...(next !== undefined && { next: prefix + next }),
    said: `${source.url.replace('https://', '')}, ${source.read}`,
  };
};

/** @param source of the row's date, where no page is named */
export const readLifecycle = (row: CatalogueRow, source: string): Lifecycle | undefined => {
  const { ends, state, deprecated, notBefore, next, said } = row;
  if (ends === undefined && said === undefined) return undefined;
  return {
    ...(state !== undefined && { stated: state }),
    ...(deprecated !== undefined && { deprecatedOn: deprecated }),
    ...(ends !== undefined && { retiresOn: ends }),
    ...(notBefore !== undefined && { notBefore }),
    ...(next !== undefined && { successor: next }),
    source: said ?? source,
  };
};
