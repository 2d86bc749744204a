import type { Catalogue } from '../../catalogue/catalogue.ts';
import type { BudgetConfig, GatewayConfig, ModelConfig, ProviderConfig } from '../../contract/config.ts';
import { type ConfigProblem, pathText } from '../../contract/config-problem.ts';
import { parseUsd } from '../../contract/money.ts';
import type { Budget, Budgets, Gateway, Limits, RateLimit } from '../ports.ts';
import { present } from '../read-json.ts';
import type { Alias, ProviderSettings, Target } from '../target.ts';
import { resolveTarget } from './resolve-target.ts';

export type ResolvedGateway =
  /** `notices` say what was left out because its provider has no key here, for people. */
  { ok: true; gateway: Gateway; notices: string[] } | { ok: false; problems: ConfigProblem[] };

export interface ResolveOptions {
  /** Whether a provider can be called here: its key is set. Default: all can. */
  available?: (provider: ProviderSettings) => boolean;
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
  { available = () => true }: ResolveOptions = {},
): ResolvedGateway => {
  const providers = new Map(
    Object.entries(config.providers).map(([name, provider]) => {
      const settings = settingsOf(name, provider);
      return [name, { settings, regions: regionsOf(provider), isAvailable: available(settings) }] as const;
    }),
  );
  const floating = config.pins?.floating ?? 'refuse';
  const aliases = new Map<string, Alias>();
  const problems: ConfigProblem[] = [];
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
      const resolved = resolveTarget(target, provider, catalogue, floating, path);
      if (!resolved.ok) problems.push(...resolved.problems);
      else if (provider.isAvailable) targets.push(...resolved.targets);
      else absent.add(target.provider);
    });
    if (targets.length > 0) aliases.set(name, aliasOf(name, model, targets));
    if (absent.size > 0) notices.push(absenceOf(name, [...absent], targets, providers));
  }
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    gateway: {
      org: config.org ?? 'default',
      aliases,
      budgets: budgetsOf(config),
      limits: limitsOf(config),
      policyVersion,
    },
    notices,
  };
};

const PUBLIC_ENDPOINTS: Record<ProviderConfig['kind'], string> = {
  openai: 'https://api.openai.com/v1',
  'openai-compatible': '',
  anthropic: 'https://api.anthropic.com',
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
  ...present('seed', 'seed' in provider ? provider.seed : undefined),
});

const regionsOf = (provider: ProviderConfig): (string | undefined)[] =>
  provider.kind === 'bedrock' ? provider.regions : [undefined];

const DEFAULT_OUTPUT_TOKENS = 4_096;
const FIRST_TOKEN_MS = 20_000;
/** Models that think before they write say nothing meanwhile. */
const FIRST_TOKEN_REASONING_MS = 60_000;
const IDLE_MS = 30_000;
/** API Gateway cuts a connection that is idle for 5 minutes; the rest is for settling. */
const TOTAL_MS = 280_000;
const ATTEMPTS = 4;

const aliasOf = (name: string, { output, timeouts, attempts }: ModelConfig, targets: Target[]): Alias => {
  const totalMs = timeouts?.totalMs ?? TOTAL_MS;
  const firstTokenMs = targets.some(({ reasoningModel }) => reasoningModel) ? FIRST_TOKEN_REASONING_MS : FIRST_TOKEN_MS;
  return {
    name,
    targets,
    defaultOutputTokens: output?.default ?? DEFAULT_OUTPUT_TOKENS,
    timeouts: {
      firstTokenMs: timeouts?.firstTokenMs ?? Math.min(firstTokenMs, totalMs),
      idleMs: timeouts?.idleMs ?? Math.min(IDLE_MS, totalMs),
      totalMs,
    },
    attempts: attempts ?? ATTEMPTS,
  };
};

const absenceOf = (
  alias: string,
  absent: string[],
  left: Target[],
  providers: ReadonlyMap<string, { settings: ProviderSettings }>,
): string => {
  const named = absent.map((name) => {
    const settings = providers.get(name)?.settings;
    return `${name} (${settings?.apiKey ?? (settings?.kind === 'bedrock' ? 'AWS credentials' : 'no key')})`;
  });
  const what = `${named.join(', ')} ${absent.length === 1 ? 'is' : 'are'} not set up here`;
  return left.length === 0
    ? `${alias} is left out: ${what}.`
    : `${alias} goes without ${absent.length === 1 ? 'one provider' : `${absent.length} providers`}: ${what}.`;
};

const WARN_AT = 0.8;

const budgetOf = (budget: BudgetConfig | undefined): Budget | undefined =>
  budget === undefined || (budget.daily === undefined && budget.monthly === undefined)
    ? undefined
    : {
        ...present('daily', budget.daily === undefined ? undefined : parseUsd(budget.daily)),
        ...present('monthly', budget.monthly === undefined ? undefined : parseUsd(budget.monthly)),
        warnAt: budget.warnAt ?? WARN_AT,
      };

const budgetsOf = ({ budgets = {} }: GatewayConfig): Budgets => {
  const named = (list: Record<string, BudgetConfig> = {}): Map<string, Budget> =>
    new Map(
      Object.entries(list).flatMap(([name, config]) => {
        const budget = budgetOf(config);
        return budget === undefined ? [] : [[name, budget] as const];
      }),
    );
  return {
    ...present('org', budgetOf(budgets.org)),
    teams: named(budgets.teams),
    users: named(budgets.users),
    ...present('perTeam', budgetOf(budgets.perTeam)),
    ...present('perUser', budgetOf(budgets.perUser)),
    ...present('perKey', budgetOf(budgets.perKey)),
  };
};

const limitsOf = ({ limits = {}, budgets = {} }: GatewayConfig): Limits => {
  const withBudget = (kind: 'perTeam' | 'perUser' | 'perKey'): RateLimit | undefined => {
    const tokensPerMinute = budgets[kind]?.tokensPerMinute;
    return tokensPerMinute === undefined ? limits[kind] : { ...limits[kind], tokensPerMinute };
  };
  return {
    ...present('org', limits.org),
    ...present('perTeam', withBudget('perTeam')),
    ...present('perUser', withBudget('perUser')),
    ...present('perKey', withBudget('perKey')),
  };
};
