import { describe, expect, test } from '@jest/globals';
import { checkConfig } from '../../lambdas/contract/check-config.ts';
import { defineGateway } from '../../lambdas/contract/config.ts';

const demo = { kind: 'simulator' };
const echo = { provider: 'demo', model: 'echo' };

/** A small right configuration with something in it changed. */
const config = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  providers: { demo },
  models: { demo: { targets: [echo] } },
  ...more,
});

const withProvider = (provider: unknown) => config({ providers: { demo, it: provider } });
const withTarget = (target: Record<string, unknown>) =>
  config({ models: { demo: { targets: [{ ...echo, ...target }] } } });
const withModel = (model: Record<string, unknown>) => config({ models: { demo: { targets: [echo], ...model } } });

const problemsOf = (value: unknown): Record<string, string> => {
  const checked = checkConfig(value);
  return checked.ok ? {} : Object.fromEntries(checked.problems.map(({ path, message }) => [path, message]));
};

describe('checkConfig', () => {
  test('a configuration that uses every field is right', () => {
    const whole = defineGateway({
      org: 'acme-1.x',
      providers: {
        openai: {
          kind: 'openai',
          apiKey: 'secret:tollgate/openai',
          baseUrl: 'https://eu.api.openai.com/v1',
          organization: 'org-1',
        },
        anthropic: { kind: 'anthropic', apiKey: 'env:ANTHROPIC_API_KEY', baseUrl: 'http://127.0.0.1:9000' },
        bedrock: { kind: 'bedrock', regions: ['us-east-1', 'us-gov-west-1'], apiKey: 'env:BEDROCK_KEY' },
        vllm: { kind: 'openai-compatible', baseUrl: 'http://vllm.internal:8000/v1' },
        demo: { kind: 'simulator', seed: 7 },
      },
      models: {
        'team/assistant:v1.2_x-y': {
          targets: [
            { provider: 'anthropic', model: 'claude-sonnet-5' },
            {
              provider: 'vllm',
              model: 'meta-llama/Llama-3.3-70B',
              price: {
                inputPerMTok: 0,
                cachedInputPerMTok: '0.01',
                cacheWrite5mPerMTok: '$0.02',
                cacheWrite1hPerMTok: 0.03,
                outputPerMTok: 1e-7,
                aboveInputTokens: { tokens: 100_000, inputPerMTok: 1, outputPerMTok: 2 },
              },
              capabilities: ['tools', 'vision', 'documents', 'json-schema', 'reasoning', 'streaming'],
              contextTokens: 131_072,
              maxOutputTokens: 16_384,
              maxImageTokens: 1_000,
              maxDocumentTokens: 0,
            },
          ],
          policy: 'ordered',
          output: { default: 8_192 },
          timeouts: { firstTokenMs: 20_000, idleMs: 30_000, totalMs: 280_000 },
          attempts: 4,
        },
      },
      budgets: {
        org: { monthly: '$20,000' },
        teams: { search: { monthly: '$500', daily: 50, warnAt: 1 } },
        users: { 'ada@example.com': { daily: '$0' } },
        timeZone: 'Europe/Berlin',
        keys: { '0123456789aB': { weekly: '$5' } },
        tags: { 'feature=search': { lifetime: '$5' } },
        aliases: { 'team/assistant:v1.2_x-y': { weekly: '$5' } },
        runs: { search: { 'deploy-42': { lifetime: '$5', calls: 10, minutes: 5 } } },
        perTag: { feature: { weekly: '$5' } },
        perRun: { calls: 200 },
        perTeam: { monthly: 1_000_000_000 },
        perUser: { daily: '$2', tokensPerMinute: 40_000 },
        perKey: { tokensPerMinute: 1 },
      },
      limits: {
        org: { requestsPerMinute: 1 },
        perTeam: { concurrent: 1 },
        perUser: { requestsPerMinute: 5 },
        perKey: { requestsPerMinute: 600, concurrent: 64 },
      },
      pins: { floating: 'allow' },
    });
    expect(checkConfig(whole)).toEqual({ ok: true, config: whole });
    expect(checkConfig(JSON.parse(JSON.stringify(whole))).ok).toBe(true);
  });

  test('defineGateway underlines a provider that does not exist, and checkConfig refuses it', () => {
    const wrong = defineGateway({
      providers: { demo: { kind: 'simulator' } },
      // @ts-expect-error there is no such provider
      models: { demo: { targets: [{ provider: 'dmo', model: 'echo' }] } },
    });
    expect(problemsOf(wrong)).toHaveProperty(['models.demo.targets[0].provider']);
  });

  test('defineGateway underlines a key that stands in the file, and checkConfig refuses it', () => {
    const wrong = defineGateway({
      // @ts-expect-error only references are keys
      providers: { openai: { kind: 'openai', apiKey: 'sk-1' } },
      models: { demo: { targets: [{ provider: 'openai', model: 'gpt-5' }] } },
    });
    expect(problemsOf(wrong)).toHaveProperty(['providers.openai.apiKey']);
  });

  test('providers and models are all that is needed', () => {
    expect(checkConfig(config()).ok).toBe(true);
  });

  test.each([[undefined], [null], [5], ['text'], [[]], [() => config()]])('%p is no configuration', (value) => {
    expect(problemsOf(value)).toHaveProperty(['']);
  });

  test('an empty object is told what it lacks', () => {
    expect(problemsOf({})).toEqual({
      providers: 'expected an object, got nothing',
      models: 'expected an object, got nothing',
    });
  });

  test('every problem is reported, not the first', () => {
    expect(
      Object.keys(
        problemsOf({ providers: { it: { kind: 'x' } }, models: { demo: { targets: [], attempts: 0 } }, org: '' }),
      ),
    ).toEqual(['org', 'providers.it.kind', 'models.demo.targets', 'models.demo.attempts']);
  });

  describe('unknown fields', () => {
    test('a misspelt one is named by its path, with the nearest name and all that are allowed', () => {
      expect(problemsOf(withModel({ timeout: {} }))).toEqual({
        'models.demo.timeout':
          'unknown field. Did you mean "timeouts"? Allowed here: targets, policy, affinity, allowRegions, routes, output, timeouts, bounds, cache, attempts, downgradeTo, fallbacks.',
      });
    });

    test('swapped letters find the name that was meant', () => {
      expect(problemsOf(config({ bugdets: {} }))).toEqual({
        bugdets: expect.stringContaining('Did you mean "budgets"?'),
      });
    });

    test('one that resembles nothing gets no guess', () => {
      expect(problemsOf(config({ colour: 1 })).colour).not.toContain('Did you mean');
    });

    test('several in one object are a problem each', () => {
      expect(Object.keys(problemsOf(withTarget({ a: 1, b: 2 })))).toEqual([
        'models.demo.targets[0].a',
        'models.demo.targets[0].b',
      ]);
    });

    test.each([
      [
        'at the top',
        '{"__proto__":{"x":1},"providers":{"demo":{"kind":"simulator"}},"models":{"demo":{"targets":[{"provider":"demo","model":"echo"}]}}}',
      ],
      [
        'as a provider',
        '{"providers":{"__proto__":{"kind":"simulator"},"demo":{"kind":"simulator"}},"models":{"demo":{"targets":[{"provider":"demo","model":"echo"}]}}}',
      ],
      [
        'as a team',
        '{"providers":{"demo":{"kind":"simulator"}},"models":{"demo":{"targets":[{"provider":"demo","model":"echo"}]}},"budgets":{"teams":{"__proto__":{"daily":1}}}}',
      ],
    ])('__proto__ %s does not pass in silence', (_, json) => {
      expect(Object.keys(problemsOf(JSON.parse(json)))).toEqual([expect.stringContaining('__proto__')]);
    });
  });

  describe('providers', () => {
    test.each(['openai', 'anthropic'])('%s needs a key', (kind) => {
      expect(problemsOf(withProvider({ kind }))).toEqual({
        'providers.it.apiKey': expect.stringContaining('got nothing'),
      });
    });

    const KEY = 'sk-proj-abcDEF0123456789';
    test.each([
      ['as it is', KEY],
      ['behind env:', `env:${KEY}`],
      ['behind a space', `secret: ${KEY}`],
      ['as an object', { key: KEY }],
    ])('a key written %s is refused and not repeated', (_, apiKey) => {
      const problems = problemsOf(withProvider({ kind: 'openai', apiKey }));
      expect(problems).toHaveProperty(['providers.it.apiKey']);
      expect(JSON.stringify(problems)).not.toContain('abcDEF');
    });

    test('a key in a field where none belongs is not repeated either', () => {
      const value = { kind: KEY, seed: KEY, [KEY]: 1 };
      const text = JSON.stringify(
        problemsOf(config({ org: KEY.replaceAll('-', ' '), providers: { demo, it: value } })),
      );
      expect(text).toContain('a string of 24 characters');
      expect(text.replaceAll(/"providers[^"]*"/g, '')).not.toContain('abcDEF');
    });

    test.each([
      'ftp://example.com/v1',
      'example.com/v1',
      'https://user:hunter2@example.com/v1',
      'https://example.com/v1?key=hunter2',
      'https://example.com/v1#x',
      '',
      7,
    ])('%p is no base URL', (baseUrl) => {
      const problems = problemsOf(withProvider({ kind: 'openai-compatible', baseUrl }));
      expect(Object.keys(problems)).toEqual(['providers.it.baseUrl']);
      expect(JSON.stringify(problems)).not.toContain('hunter2');
    });

    test('openai-compatible has no public endpoint to fall back to', () => {
      expect(problemsOf(withProvider({ kind: 'openai-compatible' }))).toHaveProperty(['providers.it.baseUrl']);
    });

    test.each([
      ['none', undefined],
      ['an empty list', []],
      ['one twice', ['us-east-1', 'us-east-1']],
      ['something else', ['US East']],
    ])('regions: %s is refused', (_, regions) => {
      expect(Object.keys(problemsOf(withProvider({ kind: 'bedrock', regions })))[0]).toMatch(/^providers\.it\.regions/);
    });

    test.each(['2024-10-21', '2025-01-01-preview', undefined])('Azure’s API version may be %s', (apiVersion) => {
      const azure = { kind: 'azure-openai', baseUrl: 'https://me.openai.azure.com', apiKey: 'env:AZURE_KEY' };
      expect(problemsOf(withProvider({ ...azure, ...(apiVersion !== undefined && { apiVersion }) }))).toEqual({});
    });

    test('Azure needs its resource, and a version that is one', () => {
      const azure = { kind: 'azure-openai', apiKey: 'env:AZURE_KEY', apiVersion: 'latest' };
      const problems = problemsOf(withProvider(azure));
      expect(Object.keys(problems)).toEqual(['providers.it.baseUrl', 'providers.it.apiVersion']);
    });

    test('a deployment’s model is for Azure alone', () => {
      const targets = [{ provider: 'demo', model: 'echo', deploymentOf: 'gpt-4.1-2025-04-14' }];
      expect(problemsOf(config({ models: { demo: { targets } } }))).toMatchObject({
        'models.demo.targets[0].deploymentOf': expect.stringContaining('"azure-openai"'),
      });
    });

    test('a misspelt kind finds its name', () => {
      expect(problemsOf(withProvider({ kind: 'opnai' }))['providers.it.kind']).toContain('Did you mean "openai"?');
    });

    test('a field of another kind is unknown', () => {
      expect(problemsOf(withProvider({ kind: 'simulator', apiVersion: '2024-10-21' }))).toHaveProperty([
        'providers.it.apiVersion',
      ]);
    });

    test.each(['', 'a b', 'a/b', 'a@b', '-a', 'a'.repeat(65)])('%p is no name of a provider', (name) => {
      expect(checkConfig(config({ providers: { demo, [name]: demo } })).ok).toBe(false);
    });
  });

  describe('models', () => {
    test('at least one alias', () => {
      expect(problemsOf(config({ models: {} }))).toEqual({ models: 'expected at least one alias, got none' });
    });

    test.each(['', 'a b', '-a', 'a?', 'ä', '.', 'a'.repeat(129)])('%p is no alias', (name) => {
      expect(checkConfig(config({ models: { [name]: { targets: [echo] } } })).ok).toBe(false);
    });

    test('a path quotes names that could be taken for more of a path', () => {
      expect(Object.keys(problemsOf(config({ models: { 'gpt-4.1': { targets: [] } } })))).toEqual([
        'models["gpt-4.1"].targets',
      ]);
    });

    test('a provider that does not exist is answered with those that do', () => {
      expect(problemsOf(withTarget({ provider: 'demmo' }))).toEqual({
        'models.demo.targets[0].provider': 'expected one of the providers (demo), got "demmo". Did you mean "demo"?',
      });
    });

    test.each(['constructor', 'toString', '__proto__'])('%s is not a provider because objects have it', (provider) => {
      expect(problemsOf(withTarget({ provider }))).toHaveProperty(['models.demo.targets[0].provider']);
    });

    test('the same target twice in one alias is refused', () => {
      expect(problemsOf(config({ models: { demo: { targets: [echo, echo] } } }))).toHaveProperty([
        'models.demo.targets[1]',
      ]);
    });

    test('the same target at two prices is refused, since it is one circuit and one line of a bill', () => {
      const priced = (outputPerMTok: number) => ({ targets: [{ ...echo, price: { inputPerMTok: 1, outputPerMTok } }] });
      expect(problemsOf(config({ models: { a: priced(2), b: priced(3) } }))).toEqual({
        'models.b.targets[0]': expect.stringContaining('models.a.targets[0]'),
      });
      expect(checkConfig(config({ models: { a: priced(2), b: priced(2) } })).ok).toBe(true);
    });

    test.each(['slow', 'echo+echo', 'fail-200', 'echo +hang', 'nothing'])('%p is no simulator model', (model) => {
      expect(problemsOf(withTarget({ model }))).toHaveProperty(['models.demo.targets[0].model']);
    });

    test.each([
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1e10,
      '1e5',
      '-1',
      '',
      '$',
      '20k',
      '1.2.3',
      '٣',
      null,
      [],
      '9'.repeat(400),
    ])('a price of %p is refused', (inputPerMTok) => {
      expect(Object.keys(problemsOf(withTarget({ price: { inputPerMTok, outputPerMTok: 1 } })))).toEqual([
        'models.demo.targets[0].price.inputPerMTok',
      ]);
    });

    test('a price needs both input and output', () => {
      expect(Object.keys(problemsOf(withTarget({ price: {} })))).toEqual([
        'models.demo.targets[0].price.inputPerMTok',
        'models.demo.targets[0].price.outputPerMTok',
      ]);
    });

    test('an output above the context is refused', () => {
      expect(problemsOf(withTarget({ contextTokens: 10, maxOutputTokens: 11 }))).toHaveProperty([
        'models.demo.targets[0].maxOutputTokens',
      ]);
    });

    test('a timeout that can never run out is refused', () => {
      expect(
        Object.keys(problemsOf(withModel({ timeouts: { firstTokenMs: 2, idleMs: 3, answerMs: 4, totalMs: 1 } }))),
      ).toEqual(['models.demo.timeouts.firstTokenMs', 'models.demo.timeouts.idleMs', 'models.demo.timeouts.answerMs']);
    });

    test('a call may last no longer than the ledger waits for one', () => {
      expect(problemsOf(withModel({ timeouts: { totalMs: 900_001 } }))).toHaveProperty([
        'models.demo.timeouts.totalMs',
      ]);
      expect(checkConfig(withModel({ timeouts: { totalMs: 900_000 } })).ok).toBe(true);
    });
  });

  describe('budgets and limits', () => {
    test('a budget without any cap is refused', () => {
      expect(problemsOf(config({ budgets: { org: { warnAt: 0.5 } } }))).toEqual({
        'budgets.org': expect.stringContaining('daily, weekly, monthly, lifetime or several'),
      });
    });

    test.each([0, -0.1, 1.01, '80%'])('warnAt %p is refused', (warnAt) => {
      expect(problemsOf(config({ budgets: { org: { daily: 1, warnAt } } }))).toHaveProperty(['budgets.org.warnAt']);
    });

    test('tokens a minute in two places are refused', () => {
      const value = config({
        budgets: { perUser: { daily: 1, tokensPerMinute: 5 } },
        limits: { perUser: { tokensPerMinute: 6 } },
      });
      expect(Object.keys(problemsOf(value))).toEqual(['budgets.perUser.tokensPerMinute']);
    });

    test.each([0, -1, 1.5, '600', 1e15])('a limit of %p is refused', (requestsPerMinute) => {
      expect(problemsOf(config({ limits: { perKey: { requestsPerMinute } } }))).toHaveProperty([
        'limits.perKey.requestsPerMinute',
      ]);
    });

    test.each([
      ['timeZone', 'Europe/Berln', 'Did you mean "Europe/Berlin"?'],
      ['timeZone', '+02:00', 'IANA time zone'],
      ['timeZone', 'CEST!', 'IANA time zone'],
      ['keys.worker', { worker: { daily: 1 } }, '12 letters and digits'],
      ['tags["feature"]', { feature: { daily: 1 } }, 'feature=search'],
      ['perTag["feature=search"]', { 'feature=search': { daily: 1 } }, 'without a value'],
      ['aliases.dem', { dem: { daily: 1 } }, 'Did you mean "demo"?'],
      ['runs.search["a/b"]', { search: { 'a/b': { calls: 1 } } }, "a run's id"],
      ['runs.search.job', { search: { job: { warnAt: 0.5 } } }, 'lifetime'],
      ['runs.search.job.call', { search: { job: { call: 1 } } }, 'Did you mean "calls"?'],
      ['perRun.calls', { calls: 0 }, 'whole number of requests'],
      ['perRun.minutes', { minutes: 0.5 }, 'whole number of minutes'],
      ['perRun', { warnAt: 0.5 }, 'lifetime'],
    ])('budgets.%s is refused, with what is allowed', (path, value, words) => {
      const name = /^\w+/.exec(path)?.[0] ?? '';
      const problems = problemsOf(config({ budgets: { [name]: value } }));
      const [found, ...others] = Object.entries(problems);
      expect(others).toEqual([]);
      expect(found?.[0].replaceAll(/[[\]".]/g, '')).toBe(`budgets.${path}`.replaceAll(/[[\]".]/g, ''));
      expect(found?.[1]).toContain(words);
    });

    test('a name with a control character is refused', () => {
      expect(checkConfig(config({ budgets: { teams: { 'a\nb': { daily: 1 } } } })).ok).toBe(false);
    });
  });
});
