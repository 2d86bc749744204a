import type { SERVICES } from '../contract/price.ts';
import type { CardRow, CatalogueRow, CatalogueVendor, RatesRow, ServiceRow } from './catalogue.ts';
import { compareDecimals, factorBetween, perMillion, times } from './decimal-text.ts';

/** One model in LiteLLM's `model_prices_and_context_window_backup.json`: dollars per token as JSON numbers, `supports_…` flags, sizes. */
export type LitellmModel = Record<string, unknown>;

type Models = Record<CatalogueVendor, Record<string, CatalogueRow>>;

/** Keeps the models of the vendors that Tollgate calls, those that chat and those that make vectors of texts, with every price of theirs that a request can be billed by. */
export const convertLitellm = (source: Record<string, LitellmModel>): Models => {
  const models: Models = { openai: {}, anthropic: {}, gemini: {}, 'azure-openai': {}, bedrock: {} };
  const regional: [string, CatalogueRow][] = [];
  for (const [key, model] of Object.entries(source)) {
    const place = placeOf(key, model);
    if (place === undefined) continue;
    const row = rowOf(
      place.vendor,
      place.name,
      withSizes(model, place.like === undefined ? undefined : source[place.like]),
    );
    if (row === undefined) continue;
    if (place.region === undefined) models[place.vendor][place.name] ??= row;
    else regional.push([`${place.name}@${place.region}`, row]);
  }
  for (const [name, row] of Object.entries(models.bedrock))
    models.bedrock[name] = atRegionalPrice(name, row, models.bedrock);
  // A region's row is carried only where the region has a price of its own.
  for (const [name, row] of regional) {
    const base = models.bedrock[name.slice(0, name.indexOf('@'))];
    if (base === undefined || JSON.stringify(ratesRowOf(base)) !== JSON.stringify(ratesRowOf(row)))
      models.bedrock[name] = row;
  }
  return models;
};

/** Sizes and abilities of the same model's other entry, where this one has none; never its prices. */
const withSizes = (model: LitellmModel, like: LitellmModel | undefined): LitellmModel =>
  model.max_input_tokens !== undefined || like === undefined
    ? model
    : {
        ...Object.fromEntries(Object.entries(like).filter(([field]) => /^(max|supports|supported)_/.test(field))),
        ...model,
      };

/**
 * A Claude id without a prefix is served in one region, and since generation 4.5 that costs what the `us.` profile does:
 * a tenth more than `global.` (platform.claude.com/docs/en/about-claude/pricing, third-party platforms). LiteLLM lists it at
 * the global price.
 */
const atRegionalPrice = (name: string, row: CatalogueRow, rows: Record<string, CatalogueRow>): CatalogueRow => {
  const regional = name.startsWith('anthropic.') ? rows[`us.${name}`] : undefined;
  if (regional === undefined || compareDecimals(regional.in, row.in) <= 0) return row;
  const { can, context, output, ends } = row;
  const { ends: _, ...prices } = regional;
  return { ...prices, can, context, output, ...(ends === undefined ? {} : { ends }) };
};

interface Place {
  vendor: CatalogueVendor;
  name: string;
  region?: string;
  /** Another entry, of the same model, that has the sizes and abilities where this one gives prices alone. */
  like?: string;
}

/** Answers that cost more than their tokens (a search a call), or that chat completions does not give. */
const NOT_PLAIN_CHAT = /search|realtime|container|deep-research/;
/** Models that the Converse API does not serve, and names that are no model id. */
const NOT_CONVERSE = /titan|ai21\.j2|cohere\.command(-light)?-text|claude-(v\d|instant)|llama2|pegasus/;
/** Names without a vendor before them stand twice. */
const GEMINI_KEY = /^gemini\/((?:gemini|gemma)-[^/]+)$/;
/** Models whose answers are speech, pictures or reports, experiments without a price, and names that are none. */
const NOT_TEXT = /-tts|-image|omni|deep-research|-exp-|streaming|live|computer-use|^gemini-gemma/;
/** `eu/` and the like are data zones, which have prices of their own; the models of other vendors are no deployments of OpenAI's. */
const AZURE_KEY = /^azure\/((?:us|eu|apac)\/)?((?:gpt-|o\d)[^/]*)$/;
const REGION_KEY = /^bedrock\/([a-z]{2,4}(?:-[a-z]+)+-\d)\/([^/]+)$/;

/** Those that can be asked for vectors of texts here. */
const TEXT_EMBEDDING = /^(text-embedding-|amazon\.titan-embed-(text|g1-text)-|gemini-embedding-\d+$)/;

const placeOf = (key: string, model: LitellmModel): Place | undefined => {
  if (model.mode === 'embedding') return embeddingPlaceOf(key, model);
  if (model.mode !== 'chat') return undefined;
  switch (model.litellm_provider) {
    case 'openai': {
      const endpoints = model.supported_endpoints;
      const isChat = !Array.isArray(endpoints) || endpoints.includes('/v1/chat/completions');
      return isChat && !NOT_PLAIN_CHAT.test(key) ? { vendor: 'openai', name: key } : undefined;
    }
    case 'anthropic':
      return { vendor: 'anthropic', name: key };
    case 'gemini': {
      const [, name] = GEMINI_KEY.exec(key) ?? [];
      return name === undefined || NOT_TEXT.test(name) ? undefined : { vendor: 'gemini', name };
    }
    case 'azure': {
      const [, zone = '', name = ''] = AZURE_KEY.exec(key) ?? [];
      if (name === '' || NOT_PLAIN_CHAT.test(name)) return undefined;
      return { vendor: 'azure-openai', name: `${zone}${name}`, ...(zone !== '' && { like: `azure/${name}` }) };
    }
    case 'bedrock':
    case 'bedrock_converse': {
      const [, region, regionalName] = REGION_KEY.exec(key) ?? [];
      const name = regionalName ?? key;
      if (/[/@]/.test(name) || !name.includes('.') || NOT_CONVERSE.test(name)) return undefined;
      return { vendor: 'bedrock', name, ...(region === undefined ? {} : { region }) };
    }
    default:
      return undefined;
  }
};

const EMBEDDING_VENDORS: Partial<Record<string, CatalogueVendor>> = {
  openai: 'openai',
  bedrock: 'bedrock',
  gemini: 'gemini',
  azure: 'azure-openai',
};

const embeddingPlaceOf = (key: string, { litellm_provider: provider }: LitellmModel): Place | undefined => {
  const [, region, regionalName] = REGION_KEY.exec(key) ?? [];
  const name = regionalName ?? key.replace(/^(gemini|azure)\//, '');
  const vendor = EMBEDDING_VENDORS[String(provider)];
  if (vendor === undefined || !TEXT_EMBEDDING.test(name)) return undefined;
  return { vendor, name, ...(region === undefined ? {} : { region }) };
};

/** Nothing comes out but vectors, which cost nothing: the input is all that is billed. */
const embeddingRowOf = (model: LitellmModel): CatalogueRow | undefined => {
  const { input_cost_per_token: rate, max_input_tokens: input } = model;
  if (typeof rate !== 'number' || typeof input !== 'number' || (model.output_cost_per_token ?? 0) !== 0)
    return undefined;
  const ends = model.deprecation_date;
  const end = typeof ends === 'string' ? { ends } : {};
  return { in: perMillion(rate), out: '0', can: 'e', context: input, output: 0, ...end };
};

const rowOf = (vendor: CatalogueVendor, name: string, model: LitellmModel): CatalogueRow | undefined => {
  if (model.mode === 'embedding') return embeddingRowOf(model);
  const card = cardOf(vendor, name, model, '');
  const input = model.max_input_tokens;
  const output = model.max_output_tokens;
  if (card === undefined || typeof input !== 'number' || typeof output !== 'number') return undefined;
  const { above, ...rates } = card;
  const services = servicesOf(vendor, name, model, card);
  const batch = serviceOf(vendor, name, model, card, 'batches');
  const { us, fast } = (model.provider_specific_entry ?? {}) as Record<string, unknown>;
  if (vendor === 'anthropic' && typeof fast === 'number') services.fast = String(fast);
  return {
    ...rates,
    can: capabilitiesOf(vendor, model),
    context: contextOf(input, output),
    output,
    ...(typeof model.deprecation_date === 'string' ? { ends: model.deprecation_date } : {}),
    ...(vendor === 'openai' ? upliftOf(model) : {}),
    ...(above === undefined ? {} : { above }),
    ...(Object.keys(services).length === 0 ? {} : { services }),
    ...(batch === undefined ? {} : { batch }),
    ...(vendor === 'anthropic' && typeof us === 'number' ? { geos: { us: String(us) } } : {}),
    ...(vendor === 'bedrock' ? {} : { ...(vendor === 'anthropic' ? ANTHROPIC_SEARCH : {}), ...searchOf(model) }),
  };
};

/** The dearest of the regions that have a surcharge; they are alike in all models so far. */
const upliftOf = (model: LitellmModel): { uplift?: string } => {
  const factors = Object.entries(model).flatMap(([key, value]) =>
    key.startsWith('regional_processing_uplift_multiplier_') && typeof value === 'number' ? [value] : [],
  );
  return factors.length === 0 ? {} : { uplift: String(Math.max(...factors)) };
};

/** The same for every model (platform.claude.com/docs/en/about-claude/pricing): for those whose entry leaves it out. */
const ANTHROPIC_SEARCH = { search: '0.01' };

const searchOf = (model: LitellmModel): Pick<CatalogueRow, 'search'> => {
  const fees = model.search_context_cost_per_query as Record<string, unknown> | undefined;
  const [low, medium, high] = ['low', 'medium', 'high'].map((size) => fees?.[`search_context_size_${size}`]);
  if (typeof low !== 'number' || typeof medium !== 'number' || typeof high !== 'number') return {};
  if (low === medium && medium === high) return { search: String(low) };
  return { search: { low: String(low), medium: String(medium), high: String(high) } };
};

type Services = Partial<Record<(typeof SERVICES)[number], ServiceRow>>;

const servicesOf = (vendor: CatalogueVendor, name: string, model: LitellmModel, card: CardRow): Services => {
  const services: Services = {};
  // LiteLLM counts OpenAI's `fast` as `priority`, which it is.
  for (const service of ['flex', 'priority', 'ultrafast'] as const) {
    const row = serviceOf(vendor, name, model, card, service);
    if (row !== undefined) services[service] = row;
  }
  return services;
};

/** A factor where all rates are the same multiple of the standard ones, which most are. */
const serviceOf = (
  vendor: CatalogueVendor,
  name: string,
  model: LitellmModel,
  standard: CardRow,
  service: string,
): ServiceRow | undefined => {
  if (typeof model[`input_cost_per_token_${service}`] !== 'number') return undefined;
  const card = cardOf(vendor, name, model, `_${service}`);
  return card && (factorOfCards(card, standard) ?? card);
};

const factorOfCards = (card: CardRow, standard: CardRow): string | undefined => {
  const factor = factorBetween(card.in, standard.in);
  if (factor === undefined || card.above?.length !== standard.above?.length) return undefined;
  const pairs: [RatesRow, RatesRow | undefined][] = [
    [card, standard],
    ...(card.above ?? []).map((tier, index): [RatesRow, RatesRow | undefined] => [tier, standard.above?.[index]]),
  ];
  const isMultiple = pairs.every(
    ([own, usual]) =>
      usual !== undefined &&
      RATES.every((name) => {
        const [a, b] = [rateOf(own, name), rateOf(usual, name)];
        return a === b ? a === undefined : a !== undefined && b !== undefined && factorBetween(a, b) === factor;
      }),
  );
  return isMultiple ? factor : undefined;
};

const RATES = ['in', 'cached', 'write5m', 'write1h', 'out', 'audioIn', 'audioOut', 'imageIn'] as const;
const AS_INPUT: ReadonlySet<string> = new Set(['cached', 'write5m', 'write1h']);

const rateOf = (row: RatesRow, name: (typeof RATES)[number]): string | undefined =>
  row[name] ?? (AS_INPUT.has(name) ? row.in : undefined);

/** @param service suffix of the source's fields: `_priority`, '' for the standard rates */
const cardOf = (vendor: CatalogueVendor, name: string, model: LitellmModel, service: string): CardRow | undefined => {
  const rates = ratesOf(vendor, name, model, service);
  if (rates === undefined) return undefined;
  const above = tiersOf(vendor, name, model, rates, service);
  return { ...rates, ...(above.length === 0 ? {} : { above }) };
};

/** OpenAI's newer models are listed by their largest input; what is meant here is input and output together. */
const contextOf = (input: number, output: number): number =>
  input + output === 400_000 || input + output === 1_050_000 ? input + output : Math.max(input, output);

const ratesOf = (
  vendor: CatalogueVendor,
  name: string,
  model: LitellmModel,
  suffix: string,
  base?: RatesRow,
): RatesRow | undefined => {
  const rate = (field: string): string | undefined => {
    const value = model[`${field}${suffix}`];
    return typeof value === 'number' ? perMillion(value) : undefined;
  };
  const input = rate('input_cost_per_token') ?? base?.in;
  const output = rate('output_cost_per_token') ?? base?.out;
  if (input === undefined || output === undefined) return undefined;
  const isClaude = vendor === 'anthropic' || name.includes('anthropic.claude');
  const cached = rate('cache_read_input_token_cost');
  // Anthropic's published factors, where the source leaves the figure out.
  const write5m = atLeast(input, rate('cache_creation_input_token_cost') ?? (isClaude ? times(input, 125n) : input));
  const write1h = atLeast(
    write5m,
    rate(`cache_creation_input_token_cost_above_${vendor === 'openai' ? '12hr' : '1hr'}`) ??
      (isClaude ? times(input, 200n) : write5m),
  );
  const audioIn = rate('input_cost_per_audio_token');
  const audioOut = rate('output_cost_per_audio_token');
  const imageIn = rate('input_cost_per_image_token');
  return {
    in: input,
    ...(cached === undefined || cached === input ? {} : { cached }),
    ...(write5m === input ? {} : { write5m }),
    ...(write1h === input ? {} : { write1h }),
    out: output,
    ...(audioIn === undefined ? {} : { audioIn }),
    ...(audioOut === undefined ? {} : { audioOut }),
    ...(imageIn === undefined || imageIn === input ? {} : { imageIn }),
  };
};

/** No vendor writes a token to its cache for less than it reads it; where the source says so, two figures were swapped. */
const atLeast = (floor: string, rate: string): string => (compareDecimals(rate, floor) < 0 ? floor : rate);

const TIER_KEY = /^input_cost_per_token_above_(\d+)k_tokens(_[a-z]+)?$/;

const tiersOf = (
  vendor: CatalogueVendor,
  name: string,
  model: LitellmModel,
  base: RatesRow,
  service: string,
): NonNullable<CatalogueRow['above']> =>
  Object.keys(model)
    .flatMap((key) => {
      const [, thousands, suffix = ''] = TIER_KEY.exec(key) ?? [];
      const rates =
        thousands && suffix === service && ratesOf(vendor, name, model, `_above_${thousands}k_tokens${service}`, base);
      return rates ? [{ tokens: Number(thousands) * 1_000, ...rates }] : [];
    })
    .sort((a, b) => a.tokens - b.tokens);

const ratesRowOf = ({ can: _, context: __, output: ___, ends: ____, ...prices }: CatalogueRow) => prices;

const capabilitiesOf = (vendor: CatalogueVendor, model: LitellmModel): string => {
  const has = (...flags: string[]): boolean => flags.some((flag) => model[`supports_${flag}`] === true);
  // OpenAI's flag, and Google's, mean the vendor's own schema output; elsewhere it may mean LiteLLM's imitation by a forced tool.
  const hasSchema =
    vendor === 'openai' || vendor === 'azure-openai' || vendor === 'gemini'
      ? has('response_schema')
      : has('native_structured_output', 'bedrock_native_structured_output');
  return [
    has('function_calling') ? 't' : '',
    has('vision') ? 'v' : '',
    has('pdf_input') ? 'd' : '',
    hasSchema ? 'j' : '',
    has('reasoning') ? 'r' : '',
    's',
  ].join('');
};
