import type { CatalogueRow, CatalogueVendor, RatesRow } from './catalogue.ts';

/** One model in LiteLLM's `model_prices_and_context_window_backup.json`: dollars per token as JSON numbers, `supports_…` flags, sizes. */
export type LitellmModel = Record<string, unknown>;

type Models = Record<CatalogueVendor, Record<string, CatalogueRow>>;

/** Keeps the text models of the vendors that Tollgate calls, at their plain per-token prices. */
export const convertLitellm = (source: Record<string, LitellmModel>): Models => {
  const models: Models = { openai: {}, anthropic: {}, bedrock: {} };
  const regional: [string, CatalogueRow][] = [];
  for (const [key, model] of Object.entries(source)) {
    const place = placeOf(key, model);
    if (place === undefined) continue;
    const row = rowOf(place.vendor, place.name, model);
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

/**
 * A Claude id without a prefix is served in one region, and since generation 4.5 that costs what the `us.` profile does:
 * a tenth more than `global.` (platform.claude.com/docs/en/about-claude/pricing, third-party platforms). LiteLLM lists it at
 * the global price.
 */
const atRegionalPrice = (name: string, row: CatalogueRow, rows: Record<string, CatalogueRow>): CatalogueRow => {
  const regional = name.startsWith('anthropic.') ? rows[`us.${name}`] : undefined;
  if (regional === undefined || Number(regional.in) <= Number(row.in)) return row;
  const { can, context, output, ends } = row;
  const { in: input, cached, write5m, write1h, out, above } = regional;
  return JSON.parse(JSON.stringify({ in: input, cached, write5m, write1h, out, can, context, output, ends, above }));
};

interface Place {
  vendor: CatalogueVendor;
  name: string;
  region?: string;
}

/** Answers that cost more than their tokens (a search a call, audio), or that chat completions does not give. */
const NOT_PLAIN_TEXT = /audio|search|realtime|container|deep-research/;
/** Models that the Converse API does not serve, and names that are no model id. */
const NOT_CONVERSE = /titan|ai21\.j2|cohere\.command(-light)?-text|claude-(v\d|instant)|llama2|pegasus/;
const REGION_KEY = /^bedrock\/([a-z]{2,4}(?:-[a-z]+)+-\d)\/([^/]+)$/;

const placeOf = (key: string, model: LitellmModel): Place | undefined => {
  if (model.mode !== 'chat') return undefined;
  switch (model.litellm_provider) {
    case 'openai': {
      const endpoints = model.supported_endpoints;
      const isChat = !Array.isArray(endpoints) || endpoints.includes('/v1/chat/completions');
      return isChat && !NOT_PLAIN_TEXT.test(key) ? { vendor: 'openai', name: key } : undefined;
    }
    case 'anthropic':
      return { vendor: 'anthropic', name: key };
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

const rowOf = (vendor: CatalogueVendor, name: string, model: LitellmModel): CatalogueRow | undefined => {
  const rates = ratesOf(vendor, name, model, '');
  const input = model.max_input_tokens;
  const output = model.max_output_tokens;
  if (rates === undefined || typeof input !== 'number' || typeof output !== 'number') return undefined;
  const above = tiersOf(vendor, name, model, rates);
  const uplift = vendor === 'openai' ? model.regional_processing_uplift_multiplier_eu : undefined;
  return {
    ...rates,
    can: capabilitiesOf(vendor, model),
    context: contextOf(input, output),
    output,
    ...(typeof model.deprecation_date === 'string' ? { ends: model.deprecation_date } : {}),
    ...(typeof uplift === 'number' ? { uplift: String(uplift) } : {}),
    ...(above.length === 0 ? {} : { above }),
  };
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
    rate('cache_creation_input_token_cost_above_1hr') ?? (isClaude ? times(input, 200n) : write5m),
  );
  return {
    in: input,
    ...(cached === undefined || cached === input ? {} : { cached }),
    ...(write5m === input ? {} : { write5m }),
    ...(write1h === input ? {} : { write1h }),
    out: output,
  };
};

/** No vendor writes a token to its cache for less than it reads it; where the source says so, two figures were swapped. */
const atLeast = (floor: string, rate: string): string => (Number(rate) < Number(floor) ? floor : rate);

const TIER_KEY = /^input_cost_per_token_above_(\d+)k_tokens$/;

const tiersOf = (
  vendor: CatalogueVendor,
  name: string,
  model: LitellmModel,
  base: RatesRow,
): NonNullable<CatalogueRow['above']> =>
  Object.keys(model)
    .flatMap((key) => {
      const [, thousands] = TIER_KEY.exec(key) ?? [];
      const rates = thousands && ratesOf(vendor, name, model, `_above_${thousands}k_tokens`, base);
      return rates ? [{ tokens: Number(thousands) * 1_000, ...rates }] : [];
    })
    .sort((a, b) => a.tokens - b.tokens);

const ratesRowOf = ({ in: input, cached, write5m, write1h, out, above }: CatalogueRow) => [
  input,
  cached,
  write5m,
  write1h,
  out,
  above,
];

const capabilitiesOf = (vendor: CatalogueVendor, model: LitellmModel): string => {
  const has = (...flags: string[]): boolean => flags.some((flag) => model[`supports_${flag}`] === true);
  // OpenAI's flag means the vendor's own schema output; elsewhere it may mean LiteLLM's imitation by a forced tool.
  const hasSchema =
    vendor === 'openai' ? has('response_schema') : has('native_structured_output', 'bedrock_native_structured_output');
  return [
    has('function_calling') ? 't' : '',
    has('vision') ? 'v' : '',
    has('pdf_input') ? 'd' : '',
    hasSchema ? 'j' : '',
    has('reasoning') ? 'r' : '',
    's',
  ].join('');
};

const MILLION_EXPONENT = 6;

/** Dollars per token, as JSON has them (`1.5e-7`), in dollars per million as exact decimal text (`0.15`). */
export const perMillion = (dollarsPerToken: number): string => {
  const [mantissa = '', exponent = '0'] = String(dollarsPerToken).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return placePoint(whole + fraction, whole.length + Number(exponent) + MILLION_EXPONENT);
};

/** Decimal text times a whole number of hundredths, exactly. */
const times = (decimal: string, hundredths: bigint): string => {
  const [whole = '', fraction = ''] = decimal.split('.');
  const digits = (BigInt(whole + fraction) * hundredths).toString().padStart(fraction.length + 3, '0');
  return placePoint(digits, digits.length - fraction.length - 2);
};

/** `digits` with the decimal point after the first `point` of them, without idle zeros. */
const placePoint = (digits: string, point: number): string => {
  const padded = digits.padStart(digits.length + Math.max(0, 1 - point), '0').padEnd(point, '0');
  const at = Math.max(1, point);
  const whole = padded.slice(0, at).replace(/^0+(?=\d)/, '');
  const fraction = padded.slice(at).replace(/0+$/, '');
  return fraction === '' ? whole : `${whole}.${fraction}`;
};
