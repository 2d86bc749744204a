import type { Catalogue } from '../../catalogue/catalogue.ts';
import { MAX_REPLY_BYTES } from '../../contract/bounds.ts';
import type { CacheConfig, PaidEmbedderConfig } from '../../contract/cache-config.ts';
import type { GatewayConfig } from '../../contract/config.ts';
import { type ConfigProblem, pathText } from '../../contract/config-problem.ts';
import { MAX_WRONG_SHARE, semanticAliases } from '../../contract/configured-caches.ts';
import { parseDuration } from '../../contract/duration.ts';
import { askForVector } from '../cache/ask-for-vector.ts';
import { CALIBRATED } from '../cache/calibrated-thresholds.ts';
import type { CachePolicy } from '../cache/eligibility.ts';
import { embedderName } from '../cache/embedder-name.ts';
import { whyNoVectors } from '../embedding/why-no-vectors.ts';
import type { SemanticCache } from '../ports.ts';
import { present } from '../read-json.ts';
import type { Alias, Target } from '../target.ts';
import { whyNotThere } from './allowed-region.ts';
import { cataloguedName } from './catalogued-name.ts';
import { notSetUp } from './not-set-up.ts';
import { type ResolvedProvider, resolveTarget, vendorOf } from './resolve-target.ts';

const TIMEOUT_MS = 150;
const MAX_TEMPERATURE = 1;
const AUDIT_SHARE = 0.05;

export type ResolvedEmbedder =
  | { ok: true; embedder: SemanticCache['embedder']; dimensions?: number; name: string }
  | { ok: false; problems: ConfigProblem[] };

const PATH = pathText(['semanticCache', 'embedder']);

/** What makes vectors of questions. A model is asked and paid for like any other target: it has a price, or is refused. */
export const resolveEmbedder = (
  { semanticCache = {}, pins }: Pick<GatewayConfig, 'semanticCache' | 'pins'>,
  providers: ReadonlyMap<string, ResolvedProvider>,
  catalogue: Catalogue,
): ResolvedEmbedder => {
  const { embedder = 'minilm' } = semanticCache;
  if (embedder === 'minilm') return { ok: true, embedder, name: embedderName(embedder) };
  const provider = providers.get(embedder.provider);
  if (provider === undefined) return refused(`${PATH}.provider`, `there is no provider "${embedder.provider}"`);
  const { dimensions: asked, ...config } = embedder;
  const resolved = resolveTarget(
    // Of a model that nothing is known of, it is the configuration that says that it makes vectors.
    isKnown(embedder, provider, catalogue) ? config : { ...config, embedding: {} },
    provider,
    catalogue,
    pins?.floating ?? 'refuse',
    PATH,
  );
  if (!resolved.ok) return resolved;
  // One place: a second one would be asked after the time is up.
  const [target] = resolved.targets;
  if (target?.embedding === undefined)
    return refused(`${PATH}.model`, `"${embedder.model}" makes no vectors: expected a model that does`);
  const dimensions = asked ?? target.embedding.ownDimensions;
  if (dimensions === undefined)
    return refused(
      `${PATH}.dimensions`,
      `nothing says how many numbers a vector of "${embedder.model}" has. Give dimensions, such as 768`,
    );
  const { conversation } = askForVector('', target, dimensions);
  const why = whyNoVectors(target, conversation, 0, MAX_REPLY_BYTES);
  return why === undefined
    ? { ok: true, embedder: target, dimensions, name: embedderName(target, dimensions) }
    : refused(`${PATH}.dimensions`, `"${embedder.model}": ${why}`);
};

const isKnown = (
  { dimensions: _, ...embedder }: PaidEmbedderConfig,
  { settings, regions }: ResolvedProvider,
  catalogue: Catalogue,
): boolean => {
  if (settings.kind === 'simulator') return true;
  const vendor = vendorOf(settings.kind);
  const name = cataloguedName(embedder, settings.kind);
  return vendor !== undefined && name !== undefined && catalogue.find(vendor, name, regions[0]) !== undefined;
};

const refused = (path: string, message: string): ResolvedEmbedder => ({ ok: false, problems: [{ path, message }] });

/** What the caches of all aliases have in common. */
export interface ResolvedCaches {
  problems: ConfigProblem[];
  /** Where one of these aliases compares questions: what does, or why nothing does here. */
  semanticOf(aliases: ReadonlyMap<string, Pick<Alias, 'cache'>>): { semanticCache?: SemanticCache; notice?: string };
  policyOf(cache: CacheConfig): CachePolicy;
  /** What is wrong with a cache of an alias of these targets. */
  problemsOf(alias: string, targets: readonly Pick<Target, 'embedding'>[]): ConfigProblem[];
}

export type ResolveCaches = (
  config: Pick<GatewayConfig, 'models' | 'semanticCache' | 'pins'>,
  providers: ReadonlyMap<string, ResolvedProvider & { isAvailable: boolean }>,
  catalogue: Catalogue,
) => ResolvedCaches;

/** Durations and defaults, the embedder with its price, and a threshold for every semantic cache, or what is wrong with them. */
export const resolveCaches: ResolveCaches = (config, providers, catalogue) => {
  const { models, semanticCache } = config;
  const aliases = semanticAliases(config);
  const problemsOf: ResolvedCaches['problemsOf'] = (alias, targets) =>
    models[alias]?.cache !== undefined && targets.some(({ embedding }) => embedding !== undefined)
      ? [
          {
            path: pathText(['models', alias, 'cache']),
            message: 'its targets make vectors, which are never kept. Leave cache out',
          },
        ]
      : [];
  const resolved = aliases.length === 0 ? undefined : resolveEmbedder(config, providers, catalogue);
  if (resolved === undefined || !resolved.ok)
    return {
      problems: resolved?.problems ?? [],
      policyOf: (cache) => cachePolicy(cache, SUREST),
      problemsOf,
      semanticOf: () => ({}),
    };
  const { embedder, dimensions, name } = resolved;
  const calibrated = CALIBRATED.get(name);
  const lacking = aliases.filter((alias) => (models[alias]?.cache?.semantic?.threshold ?? calibrated) === undefined);
  return {
    problems: [
      ...regionProblems(models, embedder),
      ...lacking.map((alias) => ({
        path: pathText(['models', alias, 'cache', 'semantic', 'threshold']),
        message: `expected a number from 0.5 to 1, got nothing, and none is known for "${name}": how alike two questions have to be is another with every embedder. Find it with tollgate cache calibrate, from labelled pairs`,
      })),
    ],
    policyOf: (cache) => cachePolicy(cache, calibrated ?? SUREST),
    problemsOf,
    semanticOf: (resolvedAliases) => {
      if (![...resolvedAliases.values()].some(({ cache }) => cache?.semantic !== undefined)) return {};
      const provider = embedder === 'minilm' ? undefined : embedder.provider.name;
      if (provider !== undefined && providers.get(provider)?.isAvailable !== true)
        return { notice: `The semantic cache is off: ${notSetUp([provider], providers)}.` };
      const timeoutMs = semanticCache?.timeoutMs ?? TIMEOUT_MS;
      return { semanticCache: { embedder, ...present('dimensions', dimensions), timeoutMs } };
    },
  };
};

/** Where requests may be served, their questions may be read: an embedder elsewhere would be told them. */
const regionProblems = (models: GatewayConfig['models'], embedder: SemanticCache['embedder']): ConfigProblem[] => {
  if (embedder === 'minilm') return [];
  return Object.entries(models).flatMap(([alias, { allowRegions, cache }]) => {
    const why = cache?.semantic === undefined ? undefined : whyNotThere(embedder, allowRegions);
    if (why === undefined) return [];
    return [
      {
        path: pathText(['models', alias, 'allowRegions']),
        message: `its questions are sent to the embedder "${embedder.id}" (${why}). Let the embedder be of a provider whose first region is allowed, or leave semantic out`,
      },
    ];
  });
};

/** Stands where a threshold is lacking, which is a problem: no two texts are that alike. */
const SUREST = 1;

const cachePolicy = (
  { exact, semantic, sharedBy = 'team', maxTemperature = MAX_TEMPERATURE }: CacheConfig,
  calibrated: number,
): CachePolicy => ({
  sharedBy,
  maxTemperature,
  ...(exact !== undefined && { exact: { ttlMs: ttlOf(exact) } }),
  ...(semantic !== undefined && {
    semantic: {
      ttlMs: ttlOf(semantic.ttl),
      threshold: semantic.threshold ?? calibrated,
      maxWrongShare: semantic.maxWrongShare ?? MAX_WRONG_SHARE,
      auditShare: semantic.auditShare ?? AUDIT_SHARE,
    },
  }),
});

/** @throws {TypeError} where it is none: the configuration is checked before */
const ttlOf = (text: string): number => {
  const ms = parseDuration(text);
  if (ms === undefined) throw new TypeError(`"${text}" is no duration`);
  return ms;
};
