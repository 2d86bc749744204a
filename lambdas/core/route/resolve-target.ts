import type { Catalogue, CatalogueModel, CatalogueVendor } from '../../catalogue/catalogue.ts';
import { maxImageTokensOf } from '../../catalogue/media-tokens.ts';
import type { GatewayConfig, TargetConfig } from '../../contract/config.ts';
import { type ConfigProblem, didYouMean } from '../../contract/config-problem.ts';
import { isFloatingModel } from '../../contract/model-names.ts';
import { present } from '../read-json.ts';
import type { Bounds, Capability, ProviderKind, ProviderSettings, Target } from '../target.ts';
import { atRegionalUplift, readPrice, SIMULATOR_PRICE } from './read-price.ts';

export interface ResolvedProvider {
  settings: ProviderSettings;
  /** In order of preference; one undefined where the provider has none. */
  regions: (string | undefined)[];
}

export type ResolvedTarget = { ok: true; targets: Target[] } | { ok: false; problems: ConfigProblem[] };

const DIALECTS: Record<ProviderKind, Target['dialect']> = {
  openai: 'openai-chat',
  'openai-compatible': 'openai-chat',
  anthropic: 'anthropic-messages',
  bedrock: 'bedrock-converse',
  simulator: 'openai-chat',
};

/**
 * One target of the configuration, as one `Target` a region in the provider's order.
 *
 * @param path where the target stands, for problems
 * @param bounds of its alias
 */
export const resolveTarget = (
  config: TargetConfig,
  { settings, regions }: ResolvedProvider,
  catalogue: Catalogue,
  floating: NonNullable<NonNullable<GatewayConfig['pins']>['floating']>,
  path: string,
  bounds?: Bounds,
): ResolvedTarget => {
  const { model } = config;
  const vendor = vendorOf(settings.kind);
  const problems: ConfigProblem[] = [];
  if (vendor !== undefined && floating === 'refuse' && isFloatingModel(vendor, model))
    problems.push({ path: `${path}.model`, message: floatingMessage(model, catalogue.names(vendor)) });

  const targets: Target[] = [];
  for (const region of regions) {
    const known = settings.kind === 'simulator' ? SIMULATED : vendor && catalogue.find(vendor, model, region);
    const lacking = lackingOf(config, known);
    if (lacking !== undefined) {
      problems.push({ path, message: lackingMessage(model, lacking, vendor && catalogue.names(vendor)) });
      break;
    }
    const target = makeTarget(config, settings, region, known, bounds);
    const { serviceTier: tier } = target;
    if ((tier === 'flex' || tier === 'priority') && target.price.services?.[tier] === undefined) {
      problems.push({ path: `${path}.serviceTier`, message: tierMessage(model, tier) });
      break;
    }
    targets.push(target);
  }
  return problems.length === 0 ? { ok: true, targets } : { ok: false, problems };
};

/** What the catalogue does not tell and the configuration does not either. */
type Lacking = 'price' | 'contextTokens';

const lackingOf = (config: TargetConfig, known: CatalogueModel | undefined): Lacking | undefined => {
  if (known !== undefined) return undefined;
  if (config.price === undefined) return 'price';
  return config.contextTokens === undefined ? 'contextTokens' : undefined;
};

const lackingMessage = (model: string, lacking: Lacking, names: string[] | undefined): string => {
  const unknown =
    names === undefined
      ? `"${model}": the catalogue has no models of this kind of provider.`
      : `"${model}" is not in the catalogue.${didYouMean(model, names)}`;
  return lacking === 'price'
    ? `${unknown} A model without a price is never called: add price: { inputPerMTok, outputPerMTok } in US dollars per million tokens (0 where it costs nothing).`
    : `${unknown} Add contextTokens: the most tokens that input and output may have together.`;
};

const tierMessage = (model: string, tier: string): string =>
  `nothing says what "${model}" costs in the tier "${tier}". Give its price: { serviceTiers: { ${tier}: … } }, a factor or rates.`;

const floatingMessage = (model: string, names: string[]): string => {
  const dated = names.filter((name) => name.startsWith(`${model}-`) && /^-[\d-]+$/.test(name.slice(model.length)));
  const advice =
    dated.length > 0
      ? `Write ${dated.map((name) => `"${name}"`).join(' or ')}`
      : 'The catalogue knows no dated name of it. Write one';
  return `"${model}" is a name that the vendor can move to another model, with other answers and another price. ${advice}, or allow such names with pins: { floating: 'allow' }.`;
};

const vendorOf = (kind: ProviderKind): CatalogueVendor | undefined =>
  kind === 'openai' || kind === 'anthropic' || kind === 'bedrock' ? kind : undefined;

const makeTarget = (
  config: TargetConfig,
  settings: ProviderSettings,
  region: string | undefined,
  known: CatalogueModel | undefined,
  bounds: Bounds | undefined,
): Target => {
  const { model } = config;
  const capabilities = new Set<Capability>(config.capabilities ?? known?.capabilities ?? UNKNOWN_CAPABILITIES);
  const contextTokens = config.contextTokens ?? known?.contextTokens ?? 0;
  const price =
    config.price === undefined
      ? known && atRegionalUplift(known.price, settings, known.regionalUpliftPerMille)
      : readPrice(config.price, model, known?.price);
  if (price === undefined) throw new Error(`${settings.name}/${model} was let through without a price`);
  return {
    id: `${settings.name}/${model}${region === undefined ? '' : `@${region}`}`,
    provider: settings,
    dialect: DIALECTS[settings.kind],
    model,
    ...present('region', region),
    price,
    ...present('bounds', bounds),
    ...(settings.kind === 'openai' && { serviceTier: config.serviceTier ?? 'default' }),
    capabilities,
    contextTokens,
    maxOutputTokens: Math.min(config.maxOutputTokens ?? known?.maxOutputTokens ?? contextTokens, contextTokens),
    maxImageTokens: Math.min(config.maxImageTokens ?? known?.maxImageTokens ?? maxImageTokensOf(model), contextTokens),
    // A small file can have many pages, each of which counts as an image: only the context bounds them before the call.
    maxDocumentTokens: Math.min(
      config.maxDocumentTokens ?? (settings.kind === 'simulator' ? SIMULATED.maxImageTokens : contextTokens),
      contextTokens,
    ),
    reasoningModel: settings.kind === 'openai' && isReasoningModel(model, known),
    ...present('limits', config.limits),
  };
};

/** What a server that speaks OpenAI's chat completions can be expected to do; vision, documents and schemas only when said. */
const UNKNOWN_CAPABILITIES: Capability[] = ['tools', 'streaming'];

const isReasoningModel = (model: string, known: CatalogueModel | undefined): boolean =>
  known?.capabilities.has('reasoning') ?? /^(ft:)?(o\d|gpt-([5-9]|\d\d))/.test(model);

/** The simulator can do all that a request may ask; its names are checked with the configuration. */
const SIMULATED: CatalogueModel = {
  price: SIMULATOR_PRICE,
  capabilities: new Set<Capability>(['tools', 'vision', 'documents', 'json-schema', 'reasoning', 'streaming']),
  contextTokens: 1_000_000,
  maxOutputTokens: 100_000,
  maxImageTokens: 1_600,
  regionalUpliftPerMille: 1_000,
};
