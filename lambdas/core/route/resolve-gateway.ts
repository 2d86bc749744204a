import type { Catalogue } from '../../catalogue/catalogue.ts';
import { canaryTarget } from '../../contract/canary.ts';
import { chatQuirksOf } from '../../contract/chat-quirks.ts';
import type { GatewayConfig, ModelConfig, ProviderConfig, TargetConfig } from '../../contract/config.ts';
import { type ConfigProblem, pathText } from '../../contract/config-problem.ts';
import type { Gateway } from '../ports.ts';
import { present } from '../read-json.ts';
import type { Alias, CanaryOf, ProviderSettings, Target } from '../target.ts';
import { spaceProblems } from './check-spaces.ts';
import { notSetUp } from './not-set-up.ts';
import { readBounds } from './read-price.ts';
import { resolveBudgets } from './resolve-budgets.ts';
import type { ResolveCaches, ResolvedCaches } from './resolve-caches.ts';
import { resolveLimits } from './resolve-limits.ts';
import { resolveRule } from './resolve-rule.ts';
import { type ResolvedProvider, resolveTarget } from './resolve-target.ts';

export type ResolvedGateway =
  /** `notices` say what was left out because its provider has no key here, for people. */
  { ok: true; gateway: Gateway; notices: string[] } | { ok: false; problems: ConfigProblem[] };

export interface ResolveOptions {
  /** Whether a provider can be called here: its key is set. Default: all can. */
  available?: (provider: ProviderSettings) => boolean;
  /** `resolveCaches`, for whoever answers requests or checks a configuration; without it no alias has a cache. */
  caches?: ResolveCaches | undefined;
}

/**
 * Joins a checked configuration (`checkConfig`) with the catalogue. A target without a price, of unknown size, or with a name
 * that the vendor moves to other models is a problem here, not a surprise at a call; also where its provider is not available.
 *
 * @param policyVersion number of this policy; grows with every change of a cap
 */
export const resolveGateway = (
  config: GatewayConfig,
  catalogue: Catalogue,
  policyVersion: number,
  { available = () => true, caches }: ResolveOptions = {},
): ResolvedGateway => {
  const providers = resolveProviders(config, available);
  const floating = config.pins?.floating ?? 'refuse';
  const kept = caches?.(config, providers, catalogue);
  const aliases = new Map<string, Alias>();
  /** Those of providers without a key too. */
  const allTargets = new Map<string, Target[]>();
  const problems: ConfigProblem[] = [...(kept?.problems ?? [])];
  const notices: string[] = [];

  for (const [name, model] of Object.entries(config.models)) {
    const targets: Target[] = [];
    const absent = new Set<string>();
    model.targets.forEach((target, index) => {
      const path = pathText(['models', name, 'targets', index]);
      const provider = providers.get(target.provider);
      if (provider === undefined) {
        problems.push({ path: `${path}.provider`, message: `there is no provider "${target.provider}"` });
        return;
      }
      const bounds = readBounds(model.bounds);
      const resolved = resolveTarget(target, provider, catalogue, floating, path, bounds);
      const { canary } = target;
      const tried =
        canary && resolveTarget(canaryTarget(target, canary), provider, catalogue, floating, `${path}.canary`, bounds);
      if (!resolved.ok || tried?.ok === false) {
        problems.push(
          ...(resolved.ok ? [] : resolved.problems),
          ...(tried === undefined || tried.ok ? [] : tried.problems),
        );
        return;
      }
      const canaries = (tried?.targets ?? []).map(
        (one): Target => ({ ...one, canaryOf: canaryOf(one, target, model) }),
      );
      const all = [...resolved.targets, ...canaries];
      allTargets.set(name, [...(allTargets.get(name) ?? []), ...all]);
      if (provider.isAvailable) targets.push(...all);
      else absent.add(target.provider);
    });
    problems.push(...(kept?.problemsOf(name, allTargets.get(name) ?? []) ?? []));
    if (targets.length > 0) aliases.set(name, aliasOf(name, model, targets, kept));
    if (absent.size > 0) notices.push(absenceOf(name, [...absent], targets, providers));
  }
  problems.push(...spaceProblems(config, allTargets));
  if (problems.length > 0) return { ok: false, problems };
  const semantic = kept?.semanticOf(aliases);
  if (semantic?.notice !== undefined) notices.push(semantic.notice);
  return {
    ok: true,
    gateway: {
      org: config.org ?? 'default',
      aliases,
      budgets: resolveBudgets(config),
      limits: resolveLimits(config),
      policyVersion,
      ...present('limitsWhenStoreIsDown', config.whenStoreIsDown?.limits),
      ...present('semanticCache', semantic?.semanticCache),
    },
    notices,
  };
};

/** The configured providers by name, and whether each can be called here. */
export const resolveProviders = (
  { providers }: Pick<GatewayConfig, 'providers'>,
  available: (provider: ProviderSettings) => boolean = () => true,
): ReadonlyMap<string, ResolvedProvider & { isAvailable: boolean }> =>
  new Map(
    Object.entries(providers).map(([name, provider]) => {
      const settings = settingsOf(name, provider);
      return [name, { settings, regions: regionsOf(provider), isAvailable: available(settings) }] as const;
    }),
  );

const PUBLIC_ENDPOINTS: Record<ProviderConfig['kind'], string> = {
  openai: 'https://api.openai.com/v1',
  'azure-openai': '',
  'openai-compatible': '',
  anthropic: 'https://api.anthropic.com',
  gemini: 'https://generativelanguage.googleapis.com',
  // The SDK knows each region's own.
  bedrock: '',
  simulator: '',
};

const settingsOf = (name: string, provider: ProviderConfig): ProviderSettings => ({
  name,
  kind: provider.kind,
  baseUrl: (('baseUrl' in provider ? provider.baseUrl : undefined) ?? PUBLIC_ENDPOINTS[provider.kind]).replace(
    /\/+$/,
    '',
  ),
  ...present('apiKey', 'apiKey' in provider ? provider.apiKey : undefined),
  ...present('organization', 'organization' in provider ? provider.organization : undefined),
  ...present('api', 'api' in provider ? provider.api : undefined),
  ...present(
    'quirks',
    provider.kind === 'openai-compatible' ? chatQuirksOf(provider.baseUrl, provider.quirks) : undefined,
  ),
  ...present('apiVersion', 'apiVersion' in provider ? provider.apiVersion : undefined),
  ...present('seed', 'seed' in provider ? provider.seed : undefined),
});

const regionsOf = (provider: ProviderConfig): (string | undefined)[] => provider.regions ?? [undefined];

const DEFAULT_OUTPUT_TOKENS = 4_096;
/** An answer shorter than this is seldom worth its input. */
const OUTPUT_FLOOR_TOKENS = 1_024;
const FIRST_TOKEN_MS = 20_000;
/** Models that think before they write say nothing meanwhile. */
const FIRST_TOKEN_REASONING_MS = 60_000;
const IDLE_MS = 30_000;
/** API Gateway cuts a connection that is idle for 5 minutes; the rest is for settling. */
const TOTAL_MS = 280_000;
const ATTEMPTS = 4;

/** Gemini keeps its thoughts to itself unless asked for them. */
const thinksFirst = ({ reasoningModel, dialect, capabilities }: Target): boolean =>
  reasoningModel || (dialect === 'gemini' && capabilities.has('reasoning'));

/** How long its alias waits is not the canary's business, and how long the canary thinks is not the alias's. */
const canaryOf = (
  tried: Target,
  { provider, model, canary }: TargetConfig,
  { timeouts }: Pick<ModelConfig, 'timeouts'>,
): CanaryOf => ({
  target: `${provider}/${model}`,
  share: canary?.share ?? 0,
  ...(timeouts?.firstTokenMs === undefined &&
    thinksFirst(tried) && { firstTokenMs: Math.min(FIRST_TOKEN_REASONING_MS, timeouts?.totalMs ?? TOTAL_MS) }),
});

const aliasOf = (
  name: string,
  { output, timeouts, attempts, downgradeTo, fallbacks, policy, affinity, allowRegions, routes, cache }: ModelConfig,
  targets: Target[],
  kept: ResolvedCaches | undefined,
): Alias => {
  const totalMs = timeouts?.totalMs ?? TOTAL_MS;
  const defaultOutputTokens = output?.default ?? DEFAULT_OUTPUT_TOKENS;
  const isThinking = targets.some((target) => target.canaryOf === undefined && thinksFirst(target));
  const firstTokenMs = isThinking ? FIRST_TOKEN_REASONING_MS : FIRST_TOKEN_MS;
  return {
    name,
    targets,
    defaultOutputTokens,
    outputFloorTokens: output?.floor ?? Math.min(OUTPUT_FLOOR_TOKENS, defaultOutputTokens),
    timeouts: {
      firstTokenMs: timeouts?.firstTokenMs ?? Math.min(firstTokenMs, totalMs),
      idleMs: timeouts?.idleMs ?? Math.min(IDLE_MS, totalMs),
      totalMs,
      ...present('connectMs', timeouts?.connectMs),
      ...present('answerMs', timeouts?.answerMs),
      ...present('minTokensPerSecond', timeouts?.minTokensPerSecond),
      ...present('heartbeatMs', timeouts?.heartbeatMs),
    },
    attempts: attempts ?? ATTEMPTS,
    ...present('downgradeTo', downgradeTo),
    ...present('fallbacks', fallbacks),
    ...present('policy', policy),
    ...present('affinity', affinity),
    ...present('allowRegions', allowRegions),
    ...present(
      'routes',
      routes?.map((rule) => resolveRule(rule, { targets })),
    ),
    ...present('cache', cache && kept?.policyOf(cache)),
  };
};

const absenceOf = (
  alias: string,
  absent: string[],
  left: Target[],
  providers: ReadonlyMap<string, ResolvedProvider>,
): string => {
  const what = notSetUp(absent, providers);
  return left.length === 0
    ? `${alias} is left out: ${what}.`
    : `${alias} goes without ${absent.length === 1 ? 'one provider' : `${absent.length} providers`}: ${what}.`;
};
