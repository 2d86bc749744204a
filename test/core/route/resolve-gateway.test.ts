import { describe, expect, test } from '@jest/globals';
import { type Catalogue, catalogue, readCatalogue } from '../../../lambdas/catalogue/catalogue.ts';
import type { GatewayConfig, ProviderConfig, TargetConfig } from '../../../lambdas/contract/config.ts';
import type { Gateway } from '../../../lambdas/core/ports.ts';
import {
  type ResolvedGateway,
  type ResolveOptions,
  resolveGateway,
} from '../../../lambdas/core/route/resolve-gateway.ts';
import type { Target } from '../../../lambdas/core/target.ts';

const small: Catalogue = readCatalogue({
  asOf: '2026-11-22',
  sources: [{ name: 'test', version: '1', file: '', sha256: '', licence: '' }],
  models: {
    openai: {
      'gpt-5-2025-08-07': {
        in: '1.25',
        cached: '0.125',
        out: '10',
        can: 'tvdjrs',
        context: 400_000,
        output: 128_000,
        uplift: '1.1',
      },
      'gpt-4o-2024-08-06': { in: '2.5', cached: '1.25', out: '10', can: 'tvs', context: 128_000, output: 16_384 },
      'gpt-5': { in: '1.25', out: '10', can: 'tvdjrs', context: 400_000, output: 128_000 },
    },
    anthropic: {
      'claude-sonnet-4-5-20250929': {
        in: '3',
        cached: '0.3',
        write5m: '3.75',
        write1h: '6',
        out: '15',
        can: 'tvdjrs',
        context: 200_000,
        output: 64_000,
      },
      'claude-sonnet-4-5': { in: '3', out: '15', can: 'ts', context: 200_000, output: 64_000 },
    },
    gemini: {},
    'azure-openai': {},
    bedrock: {
      'amazon.nova-lite-v1:0': { in: '0.06', out: '0.24', can: 'tvds', context: 300_000, output: 10_000 },
      'amazon.nova-lite-v1:0@us-gov-west-1': {
        in: '0.072',
        out: '0.288',
        can: 'tvds',
        context: 300_000,
        output: 10_000,
      },
    },
  },
});

const providers: Record<string, ProviderConfig> = {
  openai: { kind: 'openai', apiKey: 'env:OPENAI_API_KEY' },
  european: { kind: 'openai', apiKey: 'env:OPENAI_API_KEY', baseUrl: 'https://eu.api.openai.com/v1/' },
  anthropic: { kind: 'anthropic', apiKey: 'env:ANTHROPIC_API_KEY' },
  bedrock: { kind: 'bedrock', regions: ['us-east-1', 'us-gov-west-1'] },
  vllm: { kind: 'openai-compatible', baseUrl: 'http://vllm:8000/v1//' },
  demo: { kind: 'simulator', seed: 7 },
};

const config = (targets: TargetConfig[], more: Partial<GatewayConfig> = {}): GatewayConfig => ({
  providers,
  models: { assistant: { targets } },
  ...more,
});

const gatewayOf = (value: GatewayConfig, options?: ResolveOptions): Gateway => {
  const resolved = resolveGateway(value, small, 1, options);
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  return resolved.gateway;
};

const targetsOf = (...targets: TargetConfig[]): Target[] =>
  gatewayOf(config(targets)).aliases.get('assistant')?.targets ?? [];

const targetOf = (target: TargetConfig): Target => {
  const [only] = targetsOf(target);
  if (only === undefined) throw new Error('no target');
  return only;
};

const problemsOf = (resolved: ResolvedGateway): Record<string, string> =>
  resolved.ok ? {} : Object.fromEntries(resolved.problems.map(({ path, message }) => [path, message]));

const gpt5: TargetConfig = { provider: 'openai', model: 'gpt-5-2025-08-07' };
const sonnet: TargetConfig = { provider: 'anthropic', model: 'claude-sonnet-4-5-20250929' };
const free = { price: { inputPerMTok: 0, outputPerMTok: 0 } };

describe('resolveGateway: targets', () => {
  test('price, sizes and abilities come from the catalogue', () => {
    expect(targetOf(sonnet)).toEqual({
      id: 'anthropic/claude-sonnet-4-5-20250929',
      provider: {
        name: 'anthropic',
        kind: 'anthropic',
        baseUrl: 'https://api.anthropic.com',
        apiKey: 'env:ANTHROPIC_API_KEY',
      },
      dialect: 'anthropic-messages',
      model: 'claude-sonnet-4-5-20250929',
      price: {
        input: 3_000_000_000n,
        cachedInput: 300_000_000n,
        cacheWrite5m: 3_750_000_000n,
        cacheWrite1h: 6_000_000_000n,
        output: 15_000_000_000n,
        tiers: [],
        source: 'test 1, 2026-11-22',
      },
      capabilities: new Set(['tools', 'vision', 'documents', 'json-schema', 'reasoning', 'streaming']),
      contextTokens: 200_000,
      maxOutputTokens: 64_000,
      maxImageTokens: 1_800,
      maxDocumentTokens: 200_000,
      reasoningModel: false,
    });
  });

  test('a Bedrock target becomes one a region, in the order given, each at its region’s price', () => {
    const targets = targetsOf({ provider: 'bedrock', model: 'amazon.nova-lite-v1:0' }, sonnet);
    expect(targets.map(({ id, region, price }) => [id, region, price.input])).toEqual([
      ['bedrock/amazon.nova-lite-v1:0@us-east-1', 'us-east-1', 60_000_000n],
      ['bedrock/amazon.nova-lite-v1:0@us-gov-west-1', 'us-gov-west-1', 72_000_000n],
      ['anthropic/claude-sonnet-4-5-20250929', undefined, 3_000_000_000n],
    ]);
  });

  test('base URLs lose their trailing slashes', () => {
    const target = targetOf({ provider: 'vllm', model: 'x', contextTokens: 1_000, ...free });
    expect(target.provider.baseUrl).toBe('http://vllm:8000/v1');
  });

  test('OpenAI’s regional address costs its surcharge', () => {
    expect(targetOf({ ...gpt5, provider: 'european' }).price.input).toBe(1_375_000_000n);
    expect(targetOf(gpt5).price.input).toBe(1_250_000_000n);
  });

  test('a price in the configuration wins over the catalogue; what it leaves out is the input’s rate', () => {
    const price = {
      inputPerMTok: '$2',
      cacheWrite5mPerMTok: 3,
      outputPerMTok: '0.0375',
      aboveInputTokens: { tokens: 1_000, inputPerMTok: 4, outputPerMTok: 5 },
    };
    expect(targetOf({ ...gpt5, price }).price).toEqual({
      input: 2_000_000_000n,
      cachedInput: 2_000_000_000n,
      cacheWrite5m: 3_000_000_000n,
      cacheWrite1h: 3_000_000_000n,
      output: 37_500_000n,
      tiers: [
        {
          aboveInputTokens: 1_000,
          rates: {
            input: 4_000_000_000n,
            cachedInput: 4_000_000_000n,
            cacheWrite5m: 4_000_000_000n,
            cacheWrite1h: 4_000_000_000n,
            output: 5_000_000_000n,
          },
        },
      ],
      source: 'configuration',
    });
  });

  test('abilities and sizes in the configuration replace the catalogue’s', () => {
    const target = targetOf({
      ...gpt5,
      capabilities: ['tools'],
      contextTokens: 1_000,
      maxOutputTokens: 500,
      maxImageTokens: 10,
      maxDocumentTokens: 20,
    });
    expect([...target.capabilities]).toEqual(['tools']);
    expect([target.contextTokens, target.maxOutputTokens]).toEqual([1_000, 500]);
    expect([target.maxImageTokens, target.maxDocumentTokens]).toEqual([10, 20]);
  });

  test('a smaller context bounds everything that goes into it', () => {
    const target = targetOf({ ...gpt5, contextTokens: 1_000 });
    expect([target.maxOutputTokens, target.maxImageTokens, target.maxDocumentTokens]).toEqual([1_000, 1_000, 1_000]);
  });

  test('a model that the catalogue does not know can do text and tools unless more is said', () => {
    const target = targetOf({ provider: 'vllm', model: 'llama', contextTokens: 8_192, ...free });
    expect([...target.capabilities].sort()).toEqual(['streaming', 'tools']);
    expect(target.maxOutputTokens).toBe(8_192);
  });

  test('OpenAI’s reasoning families are marked, also those that the catalogue does not know', () => {
    const unknown = { contextTokens: 1_000, ...free };
    expect(targetOf(gpt5).reasoningModel).toBe(true);
    expect(targetOf({ provider: 'openai', model: 'gpt-4o-2024-08-06' }).reasoningModel).toBe(false);
    expect(targetOf({ provider: 'openai', model: 'o9-2030-01-01', ...unknown }).reasoningModel).toBe(true);
    expect(targetOf({ provider: 'vllm', model: 'gpt-5-2025-08-07', ...unknown }).reasoningModel).toBe(false);
  });

  test('a simulator model can do everything, at $1 and $2 a million', () => {
    const target = targetOf({ provider: 'demo', model: 'slow-10+echo' });
    expect([target.price.input, target.price.cacheWrite1h, target.price.output]).toEqual([
      1_000_000_000n,
      1_000_000_000n,
      2_000_000_000n,
    ]);
    expect([target.contextTokens, target.maxOutputTokens, target.capabilities.size]).toEqual([1_000_000, 100_000, 6]);
    expect(target.provider).toEqual({ name: 'demo', kind: 'simulator', baseUrl: '', seed: 7 });
  });
});

describe('resolveGateway: what is refused', () => {
  test('a model without a price', () => {
    const problems = problemsOf(resolveGateway(config([{ provider: 'openai', model: 'gpt-5-2025-08-08' }]), small, 1));
    expect(Object.keys(problems)).toEqual(['models.assistant.targets[0]']);
    expect(Object.values(problems)[0]).toContain('Did you mean "gpt-5-2025-08-07"?');
    expect(Object.values(problems)[0]).toContain('add price: { inputPerMTok, outputPerMTok }');
  });

  test('a model of unknown size', () => {
    const problems = problemsOf(resolveGateway(config([{ provider: 'vllm', model: 'llama', ...free }]), small, 1));
    expect(problems['models.assistant.targets[0]']).toContain('Add contextTokens');
  });

  test('an unpriced model also where its provider is not available', () => {
    const resolved = resolveGateway(config([{ provider: 'vllm', model: 'llama' }]), small, 1, {
      available: () => false,
    });
    expect(resolved.ok).toBe(false);
  });

  test('a name that the vendor moves, with the dated name to write instead', () => {
    const problems = problemsOf(resolveGateway(config([{ provider: 'openai', model: 'gpt-5' }]), small, 1));
    expect(problems['models.assistant.targets[0].model']).toContain('"gpt-5-2025-08-07"');
    expect(problems['models.assistant.targets[0].model']).toContain("pins: { floating: 'allow' }");
  });

  test('a provider that is not there', () => {
    const problems = problemsOf(resolveGateway(config([{ provider: 'nobody', model: 'x' }]), small, 1));
    expect(problems).toHaveProperty(['models.assistant.targets[0].provider']);
  });

  test('all problems of all aliases at once', () => {
    const value = { ...config([{ provider: 'openai', model: 'gpt-5' }]), providers };
    value.models.other = { targets: [{ provider: 'openai', model: 'nothing-2020-01-01' }] };
    expect(Object.keys(problemsOf(resolveGateway(value, small, 1)))).toEqual([
      'models.assistant.targets[0].model',
      'models.other.targets[0]',
    ]);
  });

  test('moving names pass where the configuration allows them', () => {
    const value = config(
      [
        { provider: 'openai', model: 'gpt-5' },
        { provider: 'anthropic', model: 'claude-sonnet-4-5' },
      ],
      {
        pins: { floating: 'allow' },
      },
    );
    expect(gatewayOf(value).aliases.get('assistant')?.targets).toHaveLength(2);
  });
});

describe('resolveGateway: providers that are not available', () => {
  const only = (...names: string[]): ResolveOptions => ({ available: ({ name }) => names.includes(name) });

  test('their targets are left out, and a notice says whose key is missing', () => {
    const resolved = resolveGateway(config([sonnet, gpt5]), small, 1, only('openai'));
    if (!resolved.ok) throw new Error('refused');
    expect(resolved.gateway.aliases.get('assistant')?.targets.map(({ id }) => id)).toEqual(['openai/gpt-5-2025-08-07']);
    expect(resolved.notices).toEqual([
      'assistant goes without one provider: anthropic (env:ANTHROPIC_API_KEY) is not set up here.',
    ]);
  });

  test('an alias that has no target left is left out, others stay', () => {
    const value = config([sonnet, { provider: 'bedrock', model: 'amazon.nova-lite-v1:0' }]);
    value.models.demo = { targets: [{ provider: 'demo', model: 'echo' }] };
    const resolved = resolveGateway(value, small, 1, only('demo'));
    if (!resolved.ok) throw new Error('refused');
    expect([...resolved.gateway.aliases.keys()]).toEqual(['demo']);
    expect(resolved.notices).toEqual([
      'assistant is left out: anthropic (env:ANTHROPIC_API_KEY), bedrock (AWS credentials) are not set up here.',
    ]);
  });
});

describe('resolveGateway: the rest', () => {
  const echo = [{ provider: 'demo', model: 'echo' }];

  const NO_BUDGETS = {
    timeZone: 'UTC',
    teams: new Map(),
    users: new Map(),
    keys: new Map(),
    tags: new Map(),
    aliases: new Map(),
    runs: new Map(),
    perTag: new Map(),
  };

  const NO_LIMITS = { teams: new Map(), users: new Map(), keys: new Map(), aliases: new Map() };

  test('defaults', () => {
    const gateway = gatewayOf(config(echo));
    expect(gateway.org).toBe('default');
    expect(gateway.policyVersion).toBe(1);
    expect(gateway.aliases.get('assistant')).toMatchObject({
      name: 'assistant',
      defaultOutputTokens: 4_096,
      timeouts: { firstTokenMs: 20_000, idleMs: 30_000, totalMs: 280_000 },
      attempts: 4,
    });
    expect(gateway.budgets).toEqual(NO_BUDGETS);
    expect(gateway.limits).toEqual(NO_LIMITS);
  });

  test('a model that thinks before it writes is waited for longer', () => {
    expect(gatewayOf(config([sonnet, gpt5])).aliases.get('assistant')?.timeouts.firstTokenMs).toBe(60_000);
  });

  test('a short total shortens the timeouts that nobody set', () => {
    const value = config([gpt5]);
    value.models.assistant = { targets: [gpt5], timeouts: { totalMs: 5_000, idleMs: 1_000, answerMs: 2_000 } };
    expect(gatewayOf(value).aliases.get('assistant')?.timeouts).toEqual({
      firstTokenMs: 5_000,
      idleMs: 1_000,
      answerMs: 2_000,
      totalMs: 5_000,
    });
  });

  test('caps are exact nano-dollars and warn at four fifths unless said otherwise', () => {
    const budgets = {
      org: { monthly: '$20,000' },
      teams: { search: { daily: 0.1, monthly: '500', warnAt: 0.5 } },
      users: { ada: { daily: '$0.000000001' } },
      perKey: { daily: 1 },
    };
    expect(gatewayOf(config(echo, { budgets })).budgets).toEqual({
      ...NO_BUDGETS,
      org: { monthly: 20_000_000_000_000n, warnAt: 0.8 },
      teams: new Map([['search', { daily: 100_000_000n, monthly: 500_000_000_000n, warnAt: 0.5 }]]),
      users: new Map([['ada', { daily: 1n, warnAt: 0.8 }]]),
      perKey: { daily: 1_000_000_000n, warnAt: 0.8 },
    });
  });

  test('every scope has its caps, and a run its calls and its time', () => {
    const budgets = {
      timeZone: 'Europe/Berlin',
      keys: { '0123456789ab': { lifetime: 3 } },
      tags: { 'feature=search': { weekly: 2 } },
      aliases: { assistant: { daily: 1, weekly: 2, monthly: 3, lifetime: 4 } },
      runs: { search: { nightly: { minutes: 5 } } },
      perTag: { feature: { daily: '$0.5' } },
      perRun: { lifetime: 5, calls: 200, minutes: 1.5 * 60, warnAt: 0.9 },
    };
    const usd = 1_000_000_000n;
    expect(gatewayOf(config(echo, { budgets })).budgets).toEqual({
      ...NO_BUDGETS,
      timeZone: 'Europe/Berlin',
      keys: new Map([['0123456789ab', { lifetime: 3n * usd, warnAt: 0.8 }]]),
      tags: new Map([['feature=search', { weekly: 2n * usd, warnAt: 0.8 }]]),
      aliases: new Map([
        ['assistant', { daily: usd, weekly: 2n * usd, monthly: 3n * usd, lifetime: 4n * usd, warnAt: 0.8 }],
      ]),
      runs: new Map([['search/nightly', { lastsMs: 300_000, warnAt: 0.8 }]]),
      perTag: new Map([['feature', { daily: usd / 2n, warnAt: 0.8 }]]),
      perRun: { lifetime: 5n * usd, calls: 200, lastsMs: 5_400_000, warnAt: 0.9 },
    });
  });

  test('tokens a minute beside a budget are a limit like any other', () => {
    const gateway = gatewayOf(
      config(echo, {
        budgets: { perUser: { tokensPerMinute: 40_000 }, perKey: { daily: 1, tokensPerMinute: 5 } },
        limits: { perKey: { concurrent: 3 }, org: { requestsPerMinute: 9 } },
      }),
    );
    expect(gateway.limits).toEqual({
      ...NO_LIMITS,
      org: { requestsPerMinute: 9 },
      perUser: { tokensPerMinute: 40_000 },
      perKey: { concurrent: 3, tokensPerMinute: 5 },
    });
    expect(gateway.budgets.perUser).toBeUndefined();
  });

  test('the built-in catalogue prices the models of the contract’s example', () => {
    const resolved = resolveGateway(
      config([sonnet, { provider: 'bedrock', model: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0' }, gpt5]),
      catalogue,
      1,
    );
    expect(problemsOf(resolved)).toEqual({});
  });
});
