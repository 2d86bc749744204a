import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { BudgetsConfig, GatewayConfig } from '../../lambdas/contract/config.ts';
import { holdUpstream } from '../support/hold-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

let running: TestGateway | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

const NANO = 1_000_000_000n;
/** Output at $100 a million tokens, $0.0001 each; input free. */
const NANO_A_TOKEN = 100_000n;
const priced = { price: { inputPerMTok: '0', outputPerMTok: '100' } };

const config = (
  budgets: BudgetsConfig,
  { behaviour = 'tokens-1000+slow-20', output = { default: 1_000, floor: 50 } } = {},
): GatewayConfig => ({
  providers: { demo: { kind: 'simulator' } },
  models: {
    dime: { targets: [{ provider: 'demo', model: behaviour, ...priced }], output },
    fast: { targets: [{ provider: 'demo', model: 'tokens-100', ...priced }], output },
  },
  budgets,
});

const ask = (gateway: TestGateway, more: object = {}) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'dime', max_tokens: 900, messages: [{ role: 'user', content: 'go' }], ...more }),
  });

const ledgerSum = async ({ gateway }: TestGateway) =>
  (await gateway.ports.ledger.tail({ limit: 1_000 })).reduce((sum, { cost }) => sum + cost, 0n);
const metered = ({ gateway }: TestGateway) =>
  gateway.meter.entries().reduce((sum, { outputTokens }) => sum + BigInt(outputTokens) * NANO_A_TOKEN, 0n);
const limitOf = (reply: { headers: Headers }) =>
  Number.parseInt(reply.headers.get('x-tollgate-output-limit') ?? '', 10);

describe('64 callers at once of a budget that lowers', () => {
  test.each([false, true])('never pass its cap, and spend it to below the floor (stream: %s)', async (stream) => {
    running = await startGateway(config({ perUser: { daily: '$1.00', backPressure: 'clamp' } }));
    const gateway = running;
    const replies = await Promise.all(Array.from({ length: 64 }, () => ask(gateway, { stream })));
    await Promise.all(replies.map((reply) => reply.text()));
    const answered = replies.filter(({ status }) => status === 200);
    for (const reply of replies) if (reply.status !== 200) expect(reply.status).toBe(429);
    // 11 at 900 tokens, $0.09, and one at the 100 that are left.
    expect(answered).toHaveLength(12);
    expect(answered.filter((reply) => limitOf(reply) > 0).map(limitOf)).toEqual([100]);
    await gateway.gateway.whenIdle();
    expect(await ledgerSum(gateway)).toBe(NANO);
    expect(metered(gateway)).toBe(NANO);
  });

  test('never pass its tokens a minute either', async () => {
    running = await startGateway(config({ perUser: { tokensPerMinute: 6_000, backPressure: 'clamp' } }));
    const gateway = running;
    const startedAt = Date.now();
    const replies = await Promise.all(Array.from({ length: 64 }, () => ask(gateway)));
    await Promise.all(replies.map((reply) => reply.text()));
    await gateway.gateway.whenIdle();
    const entries = gateway.gateway.meter.entries();
    const used = entries.reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0);
    const drained = ((Date.now() - startedAt) * 6_000) / 60_000;
    expect(used).toBeLessThanOrEqual(6_000 + drained);
    expect(used).toBeGreaterThan(5_000);
    expect(replies.filter((reply) => limitOf(reply) > 0).length).toBeGreaterThan(0);
  });
});

test('a $1 budget and calls without an output limit: as many as their holds allow, and then the rest of the dollar', async () => {
  running = await startGateway(
    config({ org: { monthly: '$1.00' } }, { behaviour: 'tokens-100', output: { default: 1_000, floor: 50 } }),
  );
  const gateway = running;
  const bare = { max_tokens: undefined };
  const release = holdUpstream(gateway);
  let refused = 0;
  const asked = Array.from({ length: 30 }, async () => {
    const reply = await ask(gateway, bare);
    if (reply.status !== 200) refused += 1;
    return reply;
  });
  while (refused < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  release();
  const replies = await Promise.all(asked);
  await Promise.all(replies.map((reply) => reply.text()));
  // $0.10 are held for each, the alias's default of 1,000 tokens.
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(10);
  for (const reply of replies) if (reply.status === 200) expect(limitOf(reply)).toBe(1_000);
  await gateway.gateway.whenIdle();
  expect(await ledgerSum(gateway)).toBe(NANO / 10n);
  // $0.01 are spent by each: one after another goes until less than a hold is left, and smaller ones have the rest.
  let answered = 10;
  while ((await ask(gateway, { ...bare, model: 'fast' })).status === 200) answered += 1;
  expect(answered).toBe(91);
  for (let i = 0; i < 9; i++) expect((await ask(gateway, { model: 'fast', max_tokens: 100 })).status).toBe(200);
  expect((await ask(gateway, { model: 'fast', max_tokens: 1 })).status).toBe(429);
  expect(await ledgerSum(gateway)).toBe(NANO);
  expect(metered(gateway)).toBe(NANO);
});

describe('real SDKs', () => {
  const half = () =>
    startGateway(config({ perUser: { daily: '$0.10', backPressure: 'clamp' } }, { behaviour: 'tokens-700' }));

  test('OpenAI: the lowered limit reaches the provider, the finish reason says so, streamed and plain', async () => {
    running = await half();
    const client = new OpenAI({ baseURL: `${running.url}/v1`, apiKey: running.key, maxRetries: 0 });
    const body = { model: 'dime', max_tokens: 800, messages: [{ role: 'user' as const, content: 'go' }] };
    expect((await client.chat.completions.create(body)).choices[0]?.finish_reason).toBe('stop');
    const { data, response } = await client.chat.completions.create({ ...body, max_tokens: 200 }).withResponse();
    expect(response.headers.get('x-tollgate-output-limit')).toBeNull();
    expect(data.usage?.completion_tokens).toBe(200);
    // $0.01 is left: 100 tokens.
    const streamed = await client.chat.completions.create({ ...body, stream: true }).withResponse();
    expect(streamed.response.headers.get('x-tollgate-output-limit')).toBe('100; set-by=budget; lowered-from=800');
    let finish: string | null | undefined;
    for await (const chunk of streamed.data) finish = chunk.choices[0]?.finish_reason ?? finish;
    expect(finish).toBe('length');
    await running.gateway.whenIdle();
    expect(running.gateway.meter.entries().map(({ outputTokens }) => outputTokens)).toEqual([700, 200, 100]);
    const refused = await client.chat.completions.create(body).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OpenAI.RateLimitError);
    expect(metered(running)).toBe(NANO / 10n);
  });

  test('Anthropic: the lowered limit reaches the provider, the stop reason says so, streamed and plain', async () => {
    running = await half();
    const client = new Anthropic({ baseURL: running.url, apiKey: running.key, maxRetries: 0 });
    const body = { model: 'dime', max_tokens: 800, messages: [{ role: 'user' as const, content: 'go' }] };
    expect((await client.messages.create(body)).stop_reason).toBe('end_turn');
    const { data, response } = await client.messages.create({ ...body, max_tokens: 250 }).withResponse();
    expect(data.usage.output_tokens).toBe(250);
    expect(response.headers.get('x-tollgate-output-limit')).toBeNull();
    // $0.005 is left: 50 tokens, the floor.
    const { data: stream, response: head } = await client.messages.create({ ...body, stream: true }).withResponse();
    expect(head.headers.get('x-tollgate-output-limit')).toBe('50; set-by=budget; lowered-from=800');
    let stop: string | null | undefined;
    for await (const event of stream) if (event.type === 'message_delta') stop = event.delta.stop_reason;
    expect(stop).toBe('max_tokens');
    await running.gateway.whenIdle();
    expect(running.gateway.meter.entries().map(({ outputTokens }) => outputTokens)).toEqual([700, 250, 50]);
    await expect(client.messages.create(body)).rejects.toBeInstanceOf(Anthropic.RateLimitError);
  });
});

describe('a provider’s quota under 64 callers at once', () => {
  const quota = (first: object, second: object = {}): GatewayConfig => ({
    providers: { demo: { kind: 'simulator' } },
    models: {
      dime: {
        targets: [
          { provider: 'demo', model: 'tokens-10+slow-20', ...priced, ...first },
          { provider: 'demo', model: 'tokens-11', ...priced, ...second },
        ],
      },
    },
  });

  /** By the provider's own meter: how many the first target answered, and the second. */
  const callsOf = ({ gateway }: TestGateway): [number, number] => {
    const models = gateway.meter.entries().map(({ model }) => model);
    const second = models.filter((model) => model === 'tokens-11').length;
    return [models.length - second, second];
  };

  test('the first target gets what its quota allows, the next one all others', async () => {
    running = await startGateway(quota({ limits: { requestsPerMinute: 10 } }));
    const gateway = running;
    const startedAt = Date.now();
    const replies = await Promise.all(Array.from({ length: 64 }, () => ask(gateway)));
    expect(replies.every(({ status }) => status === 200)).toBe(true);
    await Promise.all(replies.map((reply) => reply.text()));
    await gateway.gateway.whenIdle();
    const [first, second] = callsOf(gateway);
    expect(first).toBeGreaterThanOrEqual(10);
    expect(first).toBeLessThanOrEqual(10 + (Date.now() - startedAt) / 6_000);
    expect(second).toBe(64 - first);
  });

  test('where both are full, the rest are told when to come back', async () => {
    running = await startGateway(quota({ limits: { requestsPerMinute: 10 } }, { limits: { requestsPerMinute: 20 } }));
    const gateway = running;
    const startedAt = Date.now();
    const replies = await Promise.all(Array.from({ length: 64 }, () => ask(gateway)));
    await Promise.all(replies.map((reply) => reply.text()));
    await gateway.gateway.whenIdle();
    const [first, second] = callsOf(gateway);
    expect(first + second).toBeGreaterThanOrEqual(30);
    expect(first + second).toBeLessThanOrEqual(30 + (Date.now() - startedAt) / 2_000);
    const refused = replies.filter(({ status }) => status === 429);
    expect(refused.length).toBe(64 - first - second);
    for (const reply of refused) expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
