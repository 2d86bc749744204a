import { canaryTarget } from './canary.ts';
import { cacheProblems } from './check-caches.ts';
import { downgradeProblems } from './check-downgrades.ts';
import { fallbackProblems } from './check-fallbacks.ts';
import { limitProblems } from './check-limits.ts';
import { routeProblems } from './check-routes.ts';
import type { BudgetConfig, GatewayConfig, PriceConfig, RunBudgetConfig, TargetConfig } from './config.ts';
import { type ConfigProblem, didYouMean, pathText, shown } from './config-problem.ts';
import { gatewaySchema } from './config-schema.ts';
import { MESSAGE_SEPARATOR } from './config-values.ts';
import { parseSimulatorModel } from './simulator-model.ts';

export type CheckedConfig = { ok: true; config: GatewayConfig } | { ok: false; problems: ConfigProblem[] };

/**
 * Checks a configuration of any shape: every problem that shape and cross references show, each with its path, what was got
 * and what is allowed. Prices and pins are checked where it is joined with the catalogue (`resolveGateway`).
 */
export const checkConfig = (value: unknown): CheckedConfig => {
  const hidden = hiddenKeys(value, []);
  const parsed = gatewaySchema.safeParse(value);
  if (!parsed.success) {
    const found = parsed.error.issues.flatMap(problemsOf);
    return {
      ok: false,
      problems: [...hidden.filter(({ path }) => !found.some((other) => other.path === path)), ...found],
    };
  }
  // The schema's types say `| undefined` where the configuration's say "may be left out"; zod makes no such keys.
  const config = parsed.data as GatewayConfig;
  const problems = [
    ...hidden,
    ...referenceProblems(config),
    ...budgetProblems(config),
    ...limitProblems(config),
    ...downgradeProblems(config),
    ...routeProblems(config),
    ...fallbackProblems(config),
    ...cacheProblems(config),
  ];
  return problems.length === 0 ? { ok: true, config } : { ok: false, problems };
};

interface Issue {
  code?: string;
  path: PropertyKey[];
  message: string;
  keys?: PropertyKey[];
  issues?: Issue[];
}

const problemsOf = (issue: Issue): ConfigProblem[] => {
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split(MESSAGE_SEPARATOR);
    return (issue.keys ?? []).map((key, index) => ({
      path: pathText([...issue.path, key]),
      message: messages[index] ?? issue.message,
    }));
  }
  if (issue.code === 'invalid_key')
    return (issue.issues ?? []).map(({ message }) => ({ path: pathText(issue.path), message }));
  return [{ path: pathText(issue.path), message: issue.message }];
};

/** Zod passes `__proto__` over in silence. */
const hiddenKeys = (value: unknown, path: PropertyKey[]): ConfigProblem[] => {
  if (typeof value !== 'object' || value === null || path.length > 8) return [];
  const own = Object.hasOwn(value, '__proto__')
    ? [{ path: pathText([...path, '__proto__']), message: 'unknown field. It can be no name here.' }]
    : [];
  return [
    ...own,
    ...Object.entries(value).flatMap(([key, inner]) =>
      key === '__proto__' ? [] : hiddenKeys(inner, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
};

const referenceProblems = (config: GatewayConfig): ConfigProblem[] => {
  const problems: ConfigProblem[] = [];
  if (Object.keys(config.models).length === 0)
    problems.push({ path: 'models', message: 'expected at least one alias, got none' });
  /** By target: where it was first given a price, for all aliases. */
  const overrides = new Map<string, { path: string; text: string }>();

  for (const [alias, { targets, timeouts }] of Object.entries(config.models)) {
    const seen = new Set<string>();
    const check = (target: TargetConfig, path: PropertyKey[]): void => {
      const id = `${target.provider}/${target.model}`;
      if (seen.has(id))
        problems.push({ path: pathText(path), message: `${shown(id)} is a target of this alias twice` });
      seen.add(id);
      problems.push(...targetProblems(target, config, path));

      const text = overridesOf(target);
      const first = overrides.get(id);
      if (first === undefined) overrides.set(id, { path: pathText(path), text });
      else if (first.text !== text)
        problems.push({
          path: pathText(path),
          message: `has another price, size, quota or set of capabilities than the same target at ${first.path}; give both the same`,
        });
    };
    targets.forEach((target, index) => {
      check(target, ['models', alias, 'targets', index]);
    });
    targets.forEach((target, index) => {
      if (target.canary === undefined) return;
      check(canaryTarget(target, target.canary), ['models', alias, 'targets', index, 'canary']);
    });
    const { connectMs, firstTokenMs, idleMs, answerMs, heartbeatMs, totalMs } = timeouts ?? {};
    for (const [name, ms] of Object.entries({ connectMs, firstTokenMs, idleMs, answerMs, heartbeatMs }))
      if (ms !== undefined && totalMs !== undefined && ms > totalMs)
        problems.push({
          path: pathText(['models', alias, 'timeouts', name]),
          message: `expected at most totalMs (${totalMs}), got ${ms}`,
        });
  }
  return problems;
};

const SPEAK_OPENAI: ReadonlySet<string> = new Set(['openai', 'openai-compatible', 'azure-openai']);

const targetProblems = (target: TargetConfig, config: GatewayConfig, path: PropertyKey[]): ConfigProblem[] => {
  const names = Object.keys(config.providers);
  const provider = Object.hasOwn(config.providers, target.provider) ? config.providers[target.provider] : undefined;
  if (provider === undefined)
    return [
      {
        path: pathText([...path, 'provider']),
        message: `expected one of the providers (${names.join(', ') || 'none is configured'}), got ${shown(target.provider)}.${didYouMean(target.provider, names)}`,
      },
    ];
  const problems: ConfigProblem[] = [];
  if (provider.kind === 'simulator') {
    const parsed = parseSimulatorModel(target.model);
    if (!parsed.ok) problems.push({ path: pathText([...path, 'model']), message: parsed.message });
  }
  if (target.api !== undefined && !SPEAK_OPENAI.has(provider.kind))
    problems.push({
      path: pathText([...path, 'api']),
      message: `is for providers that speak OpenAI's APIs; ${shown(target.provider)} is of kind "${provider.kind}"`,
    });
  if (target.serviceTier !== undefined && provider.kind !== 'openai')
    problems.push({
      path: pathText([...path, 'serviceTier']),
      message: `is for providers of kind "openai"; ${shown(target.provider)} is of kind "${provider.kind}"`,
    });
  if (target.deploymentOf !== undefined && provider.kind !== 'azure-openai')
    problems.push({
      path: pathText([...path, 'deploymentOf']),
      message: `is for providers of kind "azure-openai"; ${shown(target.provider)} is of kind "${provider.kind}"`,
    });
  const { contextTokens, maxOutputTokens } = target;
  if (contextTokens !== undefined && maxOutputTokens !== undefined && maxOutputTokens > contextTokens)
    problems.push({
      path: pathText([...path, 'maxOutputTokens']),
      message: `expected at most contextTokens (${contextTokens}), which is input and output together, got ${maxOutputTokens}`,
    });
  return problems;
};

/** What a target says of itself, as text to compare. */
const overridesOf = ({
  provider: _,
  model: __,
  serviceTier: ___,
  weight: ____,
  canary: _____,
  price,
  capabilities,
  limits,
  ...sizes
}: TargetConfig): string =>
  JSON.stringify([
    price && priceFields(price),
    capabilities?.toSorted(),
    limits && Object.entries(limits).toSorted(),
    Object.entries(sizes).toSorted(),
  ]);

const priceFields = (price: PriceConfig): unknown =>
  Object.entries(price)
    .map(([name, value]) => [name, typeof value === 'object' ? Object.entries(value).toSorted() : value])
    .toSorted();

/** What bounds something in a budget; a share to warn at alone bounds nothing. */
const BOUNDS = ['daily', 'weekly', 'monthly', 'lifetime', 'tokensPerMinute', 'calls', 'minutes'] as const;

const budgetProblems = ({ budgets, models }: GatewayConfig): ConfigProblem[] => {
  const problems: ConfigProblem[] = [];
  const check = (
    path: PropertyKey[],
    budget: (BudgetConfig & RunBudgetConfig & { tokensPerMinute?: number }) | undefined,
  ): void => {
    if (budget === undefined) return;
    if (BOUNDS.every((name) => budget[name] === undefined))
      problems.push({
        path: pathText(path),
        message: 'expected daily, weekly, monthly, lifetime or several of them, such as { monthly: "$500" }',
      });
  };
  check(['budgets', 'org'], budgets?.org);
  for (const kind of ['teams', 'users', 'keys', 'tags', 'aliases', 'perTag'] as const)
    for (const [name, budget] of Object.entries(budgets?.[kind] ?? {})) check(['budgets', kind, name], budget);
  for (const [team, runs] of Object.entries(budgets?.runs ?? {}))
    for (const [run, budget] of Object.entries(runs)) check(['budgets', 'runs', team, run], budget);
  check(['budgets', 'perRun'], budgets?.perRun);
  for (const alias of Object.keys(budgets?.aliases ?? {}))
    if (!Object.hasOwn(models, alias))
      problems.push({
        path: pathText(['budgets', 'aliases', alias]),
        message: `there is no model ${shown(alias)}.${didYouMean(alias, Object.keys(models))}`,
      });
  for (const kind of ['perTeam', 'perUser', 'perKey'] as const) check(['budgets', kind], budgets?.[kind]);
  return problems;
};
