import type { Catalogue, CatalogueModel, CatalogueVendor } from '../../catalogue/catalogue.ts';
import { maxImageTokensOf } from '../../catalogue/media-tokens.ts';
import type { GatewayConfig, TargetConfig } from '../../contract/config.ts';
import { type ConfigProblem, didYouMean } from '../../contract/config-problem.ts';
import { isFloatingModel } from '../../contract/model-names.ts';
import type { EmbeddingDialect } from '../dialect.ts';
import { embeddingModelOf, simulatedDimensions } from '../embedding/embedding-model.ts';
import { lifecycleOf, sunsetOf } from '../pins/end-of-life.ts';
import { present } from '../read-json.ts';
import type { Bounds, Capability, ProviderKind, ProviderSettings, Target } from '../target.ts';
import { cataloguedName, unknownDeployment } from './catalogued-name.ts';
import { atRegionalUplift, readPrice, SIMULATOR_PRICE } from './read-price.ts';

export interface ResolvedProvider {
  settings: ProviderSettings;
  /** In order of preference; one undefined where the provider has none. */
  regions: (string | undefined)[];
}

export type ResolvedTarget = { ok: true; targets: Target[] } | { ok: false; problems: ConfigProblem[] };

const DIALECTS: Record<ProviderKind, Target['dialect']> = {
  openai: 'openai-chat',
  'azure-openai': 'openai-chat',
  'openai-compatible': 'openai-chat',
  gemini: 'gemini',
  anthropic: 'anthropic-messages',
  bedrock: 'bedrock-converse',
  simulator: 'openai-chat',
};

/**
 * OpenAI's own models take either of its APIs, and Azure's v1 does: clients are passed through in both. Of other servers, and
 * of Azure's dated versions, only what is said of them.
 */
const speaksResponses = ({ kind, apiVersion }: ProviderSettings): boolean =>
  kind === 'openai' || (kind === 'azure-openai' && apiVersion === undefined);

/** In which language a target is asked, and by which clients in another. */
const languagesOf = (
  settings: ProviderSettings,
  { api = settings.api }: Pick<TargetConfig, 'api'>,
): Pick<Target, 'dialect' | 'alsoSpeaks'> => {
  if (api === 'responses') return { dialect: 'openai-responses' };
  const both = api === undefined && speaksResponses(settings);
  return { dialect: DIALECTS[settings.kind], ...(both && { alsoSpeaks: ['openai-responses' as const] }) };
};

/** Those in which each makes vectors, where it does. */
const EMBEDDING_DIALECTS: Partial<Record<ProviderKind, EmbeddingDialect>> = {
  openai: 'openai-embeddings',
  'azure-openai': 'openai-embeddings',
  'openai-compatible': 'openai-embeddings',
  gemini: 'gemini-embeddings',
  bedrock: 'titan-embeddings',
  simulator: 'openai-embeddings',
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
  const name = cataloguedName(config, settings.kind);
  const problems: ConfigProblem[] = [];
  if (vendor !== undefined && floating === 'refuse' && isFloatingModel(vendor, model))
    problems.push({ path: `${path}.model`, message: floatingMessage(model, catalogue.names(vendor)) });

  const targets: Target[] = [];
  for (const region of regions) {
    const catalogued = vendor && name !== undefined ? catalogue.find(vendor, name, region) : undefined;
    const known = settings.kind === 'simulator' ? simulated(model) : catalogued;
    const lacking = lackingOf(config, known);
    if (lacking !== undefined) {
      const message =
        name === undefined
          ? unknownDeployment(model)
          : lackingMessage(name, lacking, vendor && catalogue.names(vendor));
      problems.push({ path, message });
      break;
    }
    const kind = kindProblem(config, settings, known);
    if (kind !== undefined) {
      problems.push({ path, message: kind });
      break;
    }
    const target = makeTarget(config, atRegion(settings, region), region, known, bounds);
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

/** By what name the catalogue knows a kind of provider; undefined where it has none of its models. */
export const vendorOf = (kind: ProviderKind): CatalogueVendor | undefined =>
  kind === 'openai-compatible' || kind === 'simulator' ? undefined : kind;

/** The provider as it is asked in one of its regions. */
const atRegion = (settings: ProviderSettings, region: string | undefined): ProviderSettings =>
  region !== undefined && settings.baseUrl.includes('{region}')
    ? { ...settings, baseUrl: settings.baseUrl.replaceAll('{region}', region) }
    : settings;

/** A model makes vectors or answers in words; which of them decides what it is asked in. */
const makesVectors = ({ capabilities, embedding }: TargetConfig, known: CatalogueModel | undefined): boolean =>
  embedding !== undefined || (capabilities ?? [...(known?.capabilities ?? [])]).includes('embeddings');

const kindProblem = (
  config: TargetConfig,
  { kind }: ProviderSettings,
  known: CatalogueModel | undefined,
): string | undefined => {
  if (!makesVectors(config, known)) return undefined;
  const { capabilities = [], model } = config;
  const other = capabilities.find((capability) => capability !== 'embeddings');
  if (other !== undefined)
    return `"${model}" makes vectors, so it can't have "${other}": give that an alias of its own`;
  if (EMBEDDING_DIALECTS[kind] === undefined) return `providers of kind "${kind}" have no models that make vectors`;
  if (kind === 'bedrock' && !model.startsWith('amazon.titan-embed-'))
    return `"${model}" can't be called: of Bedrock's models that make vectors, Amazon's Titan (amazon.titan-embed-…) can`;
  return undefined;
};

const makeTarget = (
  config: TargetConfig,
  settings: ProviderSettings,
  region: string | undefined,
  known: CatalogueModel | undefined,
  bounds: Bounds | undefined,
): Target => {
  const { model } = config;
  const name = cataloguedName(config, settings.kind) ?? UNKNOWN_OPENAI_MODEL;
  const embedding = makesVectors(config, known)
    ? embeddingModelOf(cataloguedName(config, settings.kind) ?? model, settings.kind, config.embedding)
    : undefined;
  const capabilities = new Set<Capability>(
    embedding === undefined ? (config.capabilities ?? known?.capabilities ?? UNKNOWN_CAPABILITIES) : ['embeddings'],
  );
  const contextTokens = config.contextTokens ?? known?.contextTokens ?? 0;
  const lifecycle = lifecycleOf(config.lifecycle, known?.lifecycle);
  const price =
    config.price === undefined
      ? known && atRegionalUplift(known.price, settings, known.regionalUpliftPerMille)
      : readPrice(config.price, model, known?.price);
  if (price === undefined) throw new Error(`${settings.name}/${model} was let through without a price`);
  return {
    id: `${settings.name}/${model}${region === undefined ? '' : `@${region}`}`,
    provider: settings,
    ...(embedding === undefined
      ? languagesOf(settings, config)
      : { dialect: EMBEDDING_DIALECTS[settings.kind] ?? DIALECTS[settings.kind] }),
    model,
    ...present('serves', config.deploymentOf),
    ...present('region', region),
    price,
    ...present('bounds', bounds),
    // The embeddings of OpenAI know no tiers.
    ...(settings.kind === 'openai' && embedding === undefined && { serviceTier: config.serviceTier ?? 'default' }),
    capabilities,
    contextTokens,
    maxOutputTokens: Math.min(config.maxOutputTokens ?? known?.maxOutputTokens ?? contextTokens, contextTokens),
    maxImageTokens: Math.min(config.maxImageTokens ?? known?.maxImageTokens ?? maxImageTokensOf(name), contextTokens),
    // A small file can have many pages, each of which counts as an image: only the context bounds them before the call.
    maxDocumentTokens: Math.min(
      config.maxDocumentTokens ?? (settings.kind === 'simulator' ? SIMULATED.maxImageTokens : contextTokens),
      contextTokens,
    ),
    reasoningModel: isOpenai(settings.kind) && isReasoningModel(name, known, config),
    ...present('embedding', embedding),
    ...present('limits', config.limits),
    ...present('weight', config.weight),
    ...present('lifecycle', lifecycle),
    ...present('sunset', sunsetOf(lifecycle)),
  };
};

/** A deployment of which nothing is told counts as what is dearest to hold for. */
const UNKNOWN_OPENAI_MODEL = 'gpt-';

/** What a server that speaks OpenAI's chat completions can be expected to do; vision, documents and schemas only when said. */
const UNKNOWN_CAPABILITIES: Capability[] = ['tools', 'streaming'];

const isOpenai = (kind: ProviderKind): boolean => kind === 'openai' || kind === 'azure-openai';

const isReasoningModel = (
  model: string,
  known: CatalogueModel | undefined,
  { capabilities }: Pick<TargetConfig, 'capabilities'>,
): boolean =>
  known?.capabilities.has('reasoning') ??
  (model === UNKNOWN_OPENAI_MODEL && capabilities !== undefined ? capabilities.includes('reasoning') : undefined) ??
  /^(ft:)?(o\d|gpt-([5-9]|\d\d))/.test(model);

const simulated = (model: string): CatalogueModel =>
  simulatedDimensions(model) === undefined
    ? SIMULATED
    : { ...SIMULATED, capabilities: new Set<Capability>(['embeddings']), contextTokens: 8_192 };

/** The simulator can do all that a request may ask; its names are checked with the configuration. */
const SIMULATED: CatalogueModel = {
  price: SIMULATOR_PRICE,
  capabilities: new Set<Capability>(['tools', 'vision', 'documents', 'json-schema', 'reasoning', 'streaming']),
  contextTokens: 1_000_000,
  maxOutputTokens: 100_000,
  maxImageTokens: 1_600,
  regionalUpliftPerMille: 1_000,
};
