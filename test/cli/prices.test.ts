import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { catalogue } from '../../lambdas/catalogue/catalogue.ts';
import { readExample } from '../../lambdas/cli/commands/prices.ts';
import { CommandFailed, UsageError } from '../../lambdas/cli/output.ts';
import { workOut } from '../../lambdas/cli/price-example.ts';
import { showPrices } from '../../lambdas/cli/prices.ts';
import { formatUsd, parseUsd } from '../../lambdas/contract/money.ts';
import type { Price } from '../../lambdas/contract/price.ts';
import { openPriceList, type PriceList } from '../../lambdas/wiring/open-price-list.ts';
import { makeUsage } from '../core/settle/priced-scenes.ts';

const CONFIG = {
  providers: {
    anthropic: { kind: 'anthropic', apiKey: 'env:A' },
    openai: { kind: 'openai', apiKey: 'env:O' },
    vllm: { kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1' },
  },
  models: {
    assistant: {
      targets: [
        { provider: 'anthropic', model: 'claude-sonnet-5-5' },
        { provider: 'openai', model: 'gpt-5-2025-08-07' },
      ],
      bounds: { webSearches: 4, fields: { mcp_servers: '$0.05' } },
    },
    own: {
      targets: [
        {
          provider: 'vllm',
          model: 'qwen',
          price: { inputPerMTok: '0.1', outputPerMTok: '0.2', perCall: '0.001' },
          contextTokens: 1_000,
        },
        { provider: 'anthropic', model: 'claude-sonnet-5-5' },
      ],
    },
  },
};

const folder = mkdtempSync(join(tmpdir(), 'tollgate-prices-'));
const file = join(folder, 'config.json');
let list: PriceList;
beforeAll(async () => {
  writeFileSync(file, JSON.stringify(CONFIG));
  const opened = await openPriceList(file);
  if (!opened.ok) throw new Error(JSON.stringify(opened.problems));
  list = opened.list;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const defaults = {
  config: '',
  cached: 0,
  write5m: 0,
  write1h: 0,
  audioInput: 0,
  audioOutput: 0,
  searches: 0,
  searchSize: 'medium',
  images: 0,
  tier: 'standard',
  geo: '',
} as const;

describe('tollgate prices', () => {
  test.each<[string | undefined, string[]]>([
    [undefined, ['anthropic/claude-sonnet-5-5', 'openai/gpt-5-2025-08-07', 'vllm/qwen']],
    ['assistant', ['anthropic/claude-sonnet-5-5', 'openai/gpt-5-2025-08-07']],
    ['vllm/qwen', ['vllm/qwen']],
    ['gpt-5-2025-08-07', ['openai/gpt-5-2025-08-07']],
    ['gpt-4o-mini-2024-07-18', ['openai/gpt-4o-mini-2024-07-18', 'azure-openai/gpt-4o-mini-2024-07-18']],
    ['bedrock/amazon.nova-pro-v1:0@us-gov-west-1', ['bedrock/amazon.nova-pro-v1:0@us-gov-west-1']],
  ])('%p means %j', (name, targets) => {
    const { data } = showPrices(list, name, undefined) as { data: { models: { target: string }[] } };
    expect(data.models.map(({ target }) => target)).toEqual(targets);
  });

  test('a name that means nothing is refused with the nearest one', () => {
    expect(() => showPrices(list, 'asistant', undefined)).toThrow(CommandFailed);
    expect(() => showPrices(list, 'asistant', undefined)).toThrow(/"assistant"/);
  });

  test('says what, for whom, why, of which source with date and sha, and what the second source says instead', () => {
    const { text } = showPrices(list, 'claude-sonnet-5-5', undefined);
    expect(text).toContain('anthropic/claude-sonnet-5-5   for assistant, own');
    expect(text).toMatch(/cached input +0\.1 +0\.05/);
    expect(text).toContain('processed in "us": every rate × 1.1');
    expect(text).toContain('web search: $0.01 each');
    expect(text).toContain('at most 4 web searches a request');
    expect(text).toContain(`why: the catalogue (litellm 1.109.1, ${catalogue.asOf})`);
    expect(text).toMatch(/differs: @pydantic\/genai-prices \S+ says cache_read_mtok 0\.2, the catalogue 0\.1/);
    expect(text).toMatch(/litellm 1\.109\.1, \S+\.json \(MIT\), sha256 [0-9a-f]{64}/);
  });

  test('a price of the configuration is said to be one, and compared with nothing', () => {
    const { text } = showPrices(list, 'vllm/qwen', undefined);
    expect(text).toContain("why: the target's own price in the configuration");
    expect(text).toContain('call: $0.001 each');
    expect(text).not.toContain('differs:');
  });

  test('works a request out line by line, to the nano-dollar', () => {
    const example = readExample({ ...defaults, input: 10_000, cached: 8_000, output: 500, searches: 2, geo: 'us' });
    const { text, data } = showPrices(list, 'claude-sonnet-5-5', example);
    // 2,000 × $2.2, 8,000 × $0.11, 500 × $11 a million, 2 × $0.01
    for (const amount of ['$0.0044', '$0.00088', '$0.0055', '$0.02', '$0.03078']) expect(text).toContain(`= ${amount}`);
    expect(data).toMatchObject({
      models: [
        { example: { total_usd: '0.03078', lines: [{ what: 'input', count: 2_000, rate_usd: '2.2' }, {}, {}, {}] } },
      ],
    });
  });

  test('a way of serving without a price says that such a request is refused', () => {
    const example = readExample({ ...defaults, input: 1, tier: 'ultrafast' });
    expect(showPrices(list, 'vllm/qwen', example).text).toContain(
      'no price for tier ultrafast; a request that asks for it is refused',
    );
    const searching = readExample({ ...defaults, input: 1, searches: 1 });
    expect(showPrices(list, 'vllm/qwen', searching).text).toContain('web searches have no price here');
  });

  test('everything of every model can be shown, and JSON keeps it', () => {
    for (const vendor of ['openai', 'anthropic', 'bedrock'] as const)
      for (const name of catalogue.names(vendor)) {
        const { text, data } = showPrices(list, `${vendor}/${name}`, undefined);
        expect(text).toContain(name);
        expect(JSON.parse(JSON.stringify(data))).toEqual(data);
      }
  });
});

describe('a worked example', () => {
  test.each([
    [{ input: 100, cached: 60, write5m: 60 }, /--input 100 is all of the input/],
    [{ output: 1, audioOutput: 2 }, /--audio-output is a part/],
    [{ cached: 5 }, /--input or --output/],
  ])('%j is refused', (options, message) => {
    expect(() => readExample({ ...defaults, ...options })).toThrow(UsageError);
    expect(() => readExample({ ...defaults, ...options })).toThrow(message);
  });

  test('without counts there is none', () => {
    expect(readExample(defaults)).toBeUndefined();
  });

  test('the lines add up to the total, rounded up once', () => {
    const price: Price = {
      input: 1n,
      cachedInput: 3n,
      cacheWrite5m: 5n,
      cacheWrite1h: 7n,
      output: 11n,
      audioOutput: 13n,
      tiers: [
        {
          aboveInputTokens: 10,
          rates: { input: 2n, cachedInput: 3n, cacheWrite5m: 5n, cacheWrite1h: 7n, output: 11n },
        },
      ],
      source: 'test',
    };
    const example = {
      usage: makeUsage({ inputTokens: 5, cachedInputTokens: 4, outputTokens: 3, billed: { audioOutputTokens: 1 } }),
      billing: { service: 'standard', geo: '' },
      searches: 0,
      searchSize: 'low',
      images: 0,
    } as const;
    const worked = workOut(price, example);
    expect(worked?.lines.map(({ what, amountUsd }) => [what, amountUsd])).toEqual([
      ['input', '0.000000000000005'],
      ['cached input', '0.000000000000012'],
      ['output', '0.000000000000022'],
      ['audio output', '0.000000000000013'],
    ]);
    expect(worked?.total).toBe(1n);
    expect(formatUsd(worked?.total ?? 0n)).toBe('0.000000001');
    const long = workOut(price, { ...example, usage: makeUsage({ inputTokens: 11 }) });
    expect(long).toMatchObject({ aboveInputTokens: 10, lines: [{ rateUsd: formatUsd(parseUsd('0.000000002')) }] });
  });
});
