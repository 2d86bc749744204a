import { describe, expect, test } from '@jest/globals';
import type { BoundsConfig, GatewayConfig, PriceConfig } from '../../../lambdas/contract/config.ts';
import { chatBody, makeStory } from './story-fixture.ts';

/** What is billed beside plain tokens, from the client's field to the ledger's entry. */

const PRICE: PriceConfig = { inputPerMTok: '10', outputPerMTok: '100' };
const size = { contextTokens: 100_000, maxOutputTokens: 8_000 };

const compatible = (price: PriceConfig, bounds?: BoundsConfig): GatewayConfig => ({
  providers: { a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' } },
  models: { assistant: { targets: [{ provider: 'a', model: 'm-1', price, ...size }], ...(bounds && { bounds }) } },
  budgets: { org: { monthly: '$50' } },
});

const anthropic = (price: PriceConfig, bounds?: BoundsConfig): GatewayConfig => ({
  providers: { a: { kind: 'anthropic', baseUrl: 'https://a', apiKey: 'env:KEY' } },
  models: {
    assistant: { targets: [{ provider: 'a', model: 'claude-x-20260101', price, ...size }], ...(bounds && { bounds }) },
  },
  budgets: { org: { monthly: '$50' } },
});

const told = (more: object = {}, usage: object = {}) => ({
  status: 200,
  body: JSON.stringify({
    ...chatBody('hi', { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110, ...usage }),
    ...more,
  }),
});

const message = (usage: object) => ({
  status: 200,
  body: JSON.stringify({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-x-20260101',
    content: [{ type: 'text', text: 'hi' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 100, output_tokens: 10, ...usage },
  }),
});
const SEARCH = { type: 'web_search_20250305', name: 'web_search' };
/** Every provider has its key. */
const tell = async (...given: Parameters<typeof makeStory>) => {
  const story = await makeStory(...given);
  story.ports.secrets = { read: async () => 'sk-provider' };
  return story;
};
const onMessages = { surface: 'anthropic-messages' } as const;
/** 100 tokens in, 10 out at $10 and $100. */
const PLAIN = 2_000_000n;

describe('a service tier', () => {
  test('without a price is refused before anything is called or held, naming field, target and what to configure', async () => {
    const story = await tell({ a: [told()] }, compatible(PRICE));
    const response = await story.ask({ service_tier: 'priority' });
    expect(response.status).toBe(400);
    expect(await story.read(response)).toMatch(/a\/m-1.*service_tier.*serviceTiers: \{ priority/);
    expect(story.upstream.calls).toEqual([]);
    expect(await story.entries()).toEqual([]);
  });

  test('with a price is held at it, and charged by what the answer says it was served in', async () => {
    const price = { ...PRICE, serviceTiers: { priority: 2 } };
    const story = await tell(
      { a: [told({ service_tier: 'priority' }), told({ service_tier: 'default' })] },
      compatible(price),
    );
    for (const service_tier of ['priority', 'priority', undefined])
      expect((await story.ask({ service_tier })).status).toBe(200);
    const entries = (await story.entries()).toReversed();
    expect(entries.map(({ cost }) => cost)).toEqual([2n * PLAIN, PLAIN, PLAIN]);
    expect(entries[0]?.hold).toBeGreaterThan((entries[2]?.hold ?? 0n) * 2n - 2n);
    expect(entries.map(({ receipt }) => [receipt.price?.service, receipt.price?.output])).toEqual([
      ['priority', '200000000000'],
      [undefined, '100000000000'],
      [undefined, '100000000000'],
    ]);
    expect(entries.every(({ receipt }) => receipt.overrun === undefined)).toBe(true);
  });

  test('that was not asked for and is billed all the same overruns the hold: entered, named, logged', async () => {
    const price = { ...PRICE, serviceTiers: { priority: 100 } };
    const story = await tell({ a: [told({ service_tier: 'priority' })] }, compatible(price));
    await story.ask({ max_tokens: 10 });
    const [entry] = await story.entries();
    expect(entry?.cost).toBe(100n * PLAIN);
    expect(entry?.receipt.overrun).toBe(String(100n * PLAIN - (entry?.hold ?? 0n)));
    expect(story.log.lines.filter(({ message: text }) => text.startsWith('overrun'))).toHaveLength(1);
  });

  test('that nobody has a price for is charged the whole hold, and marked as an estimate', async () => {
    const story = await tell({ a: [told({ service_tier: 'priority' })] }, compatible(PRICE));
    await story.ask();
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ cost: entry?.hold, receipt: { usageEstimated: true } });
  });
});

describe('a web search', () => {
  const price = { ...PRICE, webSearchPerCall: '0.01' };

  test('that nothing bounds is refused', async () => {
    const story = await tell({ a: [message({})] }, anthropic(price));
    const response = await story.ask({ tools: [SEARCH] }, onMessages);
    expect(response.status).toBe(400);
    expect(await story.read(response)).toMatch(/nothing bounds its uses: send max_uses.*webSearches/);
  });

  test('is held with its fee as often as it is permitted, and charged as often as it was made', async () => {
    const usage = { input_tokens: 3_000, server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 } };
    const story = await tell({ a: [message(usage)] }, anthropic(price));
    await story.ask({ tools: [{ ...SEARCH, max_uses: 3 }] }, onMessages);
    const [entry] = await story.entries();
    expect(entry?.cost).toBe(31_000_000n + 20_000_000n);
    expect(entry?.receipt).toMatchObject({ price: { fees: '20000000' } });
    // Three rounds more over up to the whole context.
    expect(entry?.hold).toBeGreaterThan(3n * 10_000_000n + 3n * 100_000n * 10_000n);
    expect(entry?.receipt.overrun).toBeUndefined();
  });

  test('takes the alias’s bound where the request names none, and more than it is refused', async () => {
    const story = await tell({ a: [message({})] }, anthropic(price, { webSearches: 2, tokensPerToolUse: 1_000 }));
    expect((await story.ask({ tools: [SEARCH] }, onMessages)).status).toBe(200);
    expect(story.upstream.calls[0]?.body).toMatchObject({ tools: [{ ...SEARCH, max_uses: 2 }] });
    const refused = await story.ask({ tools: [{ ...SEARCH, max_uses: 3 }] }, onMessages);
    expect(refused.status).toBe(400);
    expect(await story.read(refused)).toMatch(/asks for 3 uses, above the bound of 2/);
  });

  test('whose number the vendor does not tell is charged as often as it was permitted', async () => {
    const story = await tell({ a: [told()] }, compatible(price, { webSearches: 4 }));
    await story.ask({ web_search_options: { search_context_size: 'low' } });
    expect((await story.entries())[0]?.cost).toBe(PLAIN + 40_000_000n);
  });
});

describe('other charges', () => {
  test('a field without a price is charged its bound in full', async () => {
    const bounds = { fields: { mcp_servers: '$0.05' } };
    const story = await tell({ a: [message({})] }, anthropic(PRICE, bounds));
    const mcp_servers = [{ type: 'url', url: 'https://example.com', name: 'x' }];
    expect((await story.ask({ mcp_servers }, onMessages)).status).toBe(200);
    const [entry] = await story.entries();
    expect(entry?.cost).toBe(PLAIN + 50_000_000n);
    expect(entry?.hold).toBeGreaterThanOrEqual(entry?.cost ?? 0n);
    expect((await story.ask({ container: 'c' }, onMessages)).status).toBe(400);
  });

  test('processing in a place is charged where the vendor says it was', async () => {
    const price = { ...PRICE, inferenceGeo: { us: 1.1 } };
    const story = await tell(
      { a: [message({ inference_geo: 'us' }), message({ inference_geo: 'global' }), message({})] },
      anthropic(price),
    );
    for (let i = 0; i < 3; i++) await story.ask({}, onMessages);
    const entries = (await story.entries()).toReversed();
    expect(entries.map(({ cost }) => cost)).toEqual([2_200_000n, PLAIN, PLAIN]);
    expect(entries[0]?.receipt.price).toMatchObject({ geo: 'us' });
  });

  test('spoken answers are charged at the rate of audio, text at its own', async () => {
    const price = { ...PRICE, audioOutputPerMTok: '1000' };
    const usage = { completion_tokens_details: { audio_tokens: 8 } };
    const story = await tell({ a: [told({}, usage)] }, compatible(price));
    const audio = { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'mp3' } };
    expect((await story.ask(audio)).status).toBe(200);
    // 100 × $10 + 2 × $100 + 8 × $1000 a million
    expect((await story.entries())[0]?.cost).toBe(1_000_000n + 200_000n + 8_000_000n);
  });

  test('a fee by the call is charged with each answer', async () => {
    const story = await tell({ a: [told()] }, compatible({ ...PRICE, perCall: '0.005' }));
    await story.ask();
    const [entry] = await story.entries();
    expect(entry?.cost).toBe(PLAIN + 5_000_000n);
    expect(entry?.hold).toBeGreaterThanOrEqual(entry?.cost ?? 0n);
  });

  test('OpenAI is asked for its standard tier where the request names none, so that a project’s setting can’t cost more', async () => {
    const config: GatewayConfig = {
      providers: { a: { kind: 'openai', baseUrl: 'https://a/v1', apiKey: 'env:KEY' } },
      models: { assistant: { targets: [{ provider: 'a', model: 'gpt-5-2025-08-07' }] } },
    };
    const story = await tell({ a: [told()] }, config);
    for (const body of [{}, { service_tier: null }, { service_tier: 'flex' }, { service_tier: 'auto' }])
      await story.ask(body);
    expect(story.upstream.calls.map(({ body }) => (body as { service_tier?: string }).service_tier)).toEqual([
      'default',
      'default',
      'flex',
      'auto',
    ]);
  });

  test('a target of another dialect answers without the field, and says so', async () => {
    const story = await tell({ a: [message({})] }, anthropic(PRICE));
    const response = await story.ask({ service_tier: 'flex' });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-tollgate-dropped')).toContain('service_tier');
    expect((await story.ask({ web_search_options: {} })).status).toBe(400);
  });
});
