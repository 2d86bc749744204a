import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig, ModelConfig } from '../../../lambdas/contract/config.ts';
import type { Script } from '../call/scripted-upstream.ts';
import { chatAnswer, chatBody, chatStream, DONE, makeStory, says } from './story-fixture.ts';

const at = (provider: string, more: Partial<ModelConfig['targets'][number]> = {}): ModelConfig['targets'][number] => ({
  provider,
  model: 'm-1',
  price: { inputPerMTok: '10', outputPerMTok: '100' },
  contextTokens: 100_000,
  maxOutputTokens: 8_000,
  capabilities: ['streaming'],
  ...more,
});
/** Ten times the price. */
const dear = { price: { inputPerMTok: '100', outputPerMTok: '1000' } };

const configOf = (models: GatewayConfig['models'], monthly = '$10'): GatewayConfig => ({
  providers: Object.fromEntries(
    ['a', 'b', 'c'].map((name) => [name, { kind: 'openai-compatible' as const, baseUrl: `https://${name}/v1` }]),
  ),
  models,
  budgets: { org: { monthly } },
});

const FAILS: Script = { status: 500, body: '' };
const errorWith = (code: string): Script => ({ status: 400, body: JSON.stringify({ error: { message: code, code } }) });

/** Three aliases with a target each: `assistant` falls back on `other`. */
const storyOf = (
  scripts: Record<string, Script[]>,
  fallbacks: NonNullable<ModelConfig['fallbacks']>,
  { own = {}, other = {}, monthly = '$10' }: { own?: object; other?: object; monthly?: string } = {},
) =>
  makeStory(
    scripts,
    configOf(
      {
        assistant: { targets: [at('a', own)], fallbacks },
        other: { targets: [at('b', other)] },
        third: { targets: [at('c', { capabilities: ['tools'] })] },
      },
      monthly,
    ),
  );

const hosts = ({ upstream }: Awaited<ReturnType<typeof makeStory>>) => upstream.calls.map(({ host }) => host);

describe('another alias that answers', () => {
  test('is noted in the receipt, and the body names the alias that was asked', async () => {
    const story = await storyOf({ a: [FAILS], b: [chatAnswer('from b')] }, { any: ['other'] });
    const reply = await story.ask();
    expect(reply.status).toBe(200);
    expect(reply.headers.get('x-tollgate-model')).toBe('b/m-1');
    expect(reply.headers.get('x-tollgate-attempts')).toBe('2');
    expect(await reply.json()).toMatchObject({ model: 'assistant' });
    const [entry] = await story.entries();
    expect(entry).toMatchObject({
      alias: 'assistant',
      state: 'settled',
      receipt: {
        plan: { targets: ['a/m-1'] },
        fallbacks: [{ alias: 'other', because: 'any', targets: ['b/m-1'] }],
        answeredBy: 'b/m-1',
      },
    });
    // 10 tokens of input and 5 of output.
    expect(entry?.cost).toBe(600_000n);
  });

  test('is admitted at its own price: what is held covers it before it is asked', async () => {
    const story = await storyOf({ a: [FAILS], b: [chatAnswer('from b')] }, { any: ['other'] }, { other: dear });
    const held: bigint[] = [];
    const { send } = story.upstream;
    story.ports.upstream = {
      send: async (...call) => {
        held.push((await story.org()).held);
        return send(...call);
      },
    };
    expect((await story.ask()).status).toBe(200);
    expect(held[1]).toBeGreaterThanOrEqual(10n * (held[0] ?? 0n));
    expect(await story.org()).toMatchObject({ spent: 6_000_000n, held: 0n });
  });

  test('for which the budget has no room is not asked', async () => {
    const story = await storyOf(
      { a: [FAILS], b: [chatAnswer('never')] },
      { any: ['other'] },
      { other: dear, monthly: '$0.5' },
    );
    const reply = await story.ask();
    expect(reply.status).toBe(429);
    const own = Array(4).fill('a');
    const { error } = JSON.parse(await reply.text());
    expect(error.tollgate).toMatchObject({
      code: 'budget_exceeded',
      attempts: own.map(() => ({ target: 'a/m-1', status: 500 })),
    });
    // All of it is left, but for what the request itself holds; and all that it may cost counts, not what it lacks.
    expect(error.message).toMatch(/has \$0\.5 of \$0\.5 left \(\$0 is held by requests under way\)/);
    expect(error.message).toMatch(/may cost up to \$1\.\d+/);
    expect(reply.headers.get('x-should-retry')).not.toBe('false');
    expect(hosts(story)).toEqual(own);
    expect(await story.org()).toMatchObject({ spent: 0n, held: 0n });
    const [entry] = await story.entries();
    expect(entry?.receipt.plan.passedOver).toEqual([{ target: 'b/m-1', reason: 'no budget for this hop' }]);
  });

  test('for which the budget has no room leaves the own target its other tries', async () => {
    const story = await storyOf(
      { a: [FAILS, chatAnswer('from a')], b: [chatAnswer('never')] },
      { any: ['other'] },
      { other: dear, monthly: '$0.5' },
    );
    expect((await story.ask()).status).toBe(200);
    expect(hosts(story)).toEqual(['a', 'a']);
  });

  test('need not be one that the key may ask for itself', async () => {
    const story = await storyOf({ a: [FAILS], b: [chatAnswer('from b')] }, { any: ['other'] });
    const key = await story.makeKey({ aliases: ['assistant'] });
    expect((await story.ask({}, { key })).status).toBe(200);
    expect((await story.ask({ model: 'other' }, { key })).status).toBe(403);
  });

  test('is passed over where it can’t do what is asked', async () => {
    const story = await storyOf(
      { a: [FAILS], b: [chatAnswer('never')], c: [chatAnswer('from c')] },
      { any: ['other', 'third'] },
      { own: { capabilities: ['tools'] } },
    );
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
    const reply = await story.ask({ tools });
    expect(reply.status).toBe(200);
    expect(hosts(story)).toEqual(['a', 'c']);
  });

  test('answers a stream that had not begun', async () => {
    const story = await storyOf(
      { a: [chatStream([])], b: [chatStream([says('from b'), ...DONE])] },
      { any: ['other'] },
    );
    const reply = await story.ask({ stream: true });
    expect(await story.read(reply)).toContain('from b');
    expect(reply.headers.get('x-tollgate-model')).toBe('b/m-1');
  });

  test('that is cheap does not make the next request’s hold smaller', async () => {
    const story = await storyOf({ a: [FAILS, chatAnswer('from a')], b: [chatAnswer('from b')] }, { any: ['other'] });
    await story.ask();
    await story.ask();
    const [second, first] = await story.entries();
    expect(second?.hold).toBe(first?.hold);
    expect(await story.org()).toMatchObject({ held: 0n });
  });
});

describe('a request that is too long', () => {
  const long = { messages: [{ role: 'user', content: 'word '.repeat(60_000) }] };

  test('for every target goes to the alias for long ones before anybody is asked', async () => {
    const story = await storyOf(
      { a: [chatAnswer('never')], b: [chatAnswer('from b')], c: [chatAnswer('never')] },
      { contextLength: ['other'], any: ['third'] },
      { own: { contextTokens: 10_000 }, other: { contextTokens: 200_000 } },
    );
    const reply = await story.ask(long);
    expect(reply.status).toBe(200);
    expect(hosts(story)).toEqual(['b']);
    const [entry] = await story.entries();
    expect(entry?.receipt).toMatchObject({
      plan: { targets: ['b/m-1'], passedOver: [{ target: 'a/m-1', reason: expect.stringContaining('context:') }] },
      fallbacks: [{ alias: 'other', because: 'contextLength', targets: ['b/m-1'] }],
    });
  });

  test('for the fallbacks too is refused as if there were none', async () => {
    const story = await storyOf(
      { a: [chatAnswer('never')] },
      { contextLength: ['other'] },
      { own: { contextTokens: 10_000 }, other: { contextTokens: 10_000 } },
    );
    const reply = await story.ask(long);
    expect(reply.status).toBe(400);
    expect(await reply.text()).toContain('context_length_exceeded');
    expect(await story.entries()).toEqual([]);
  });

  test('in a provider’s own words goes there as well', async () => {
    const story = await storyOf(
      { a: [errorWith('context_length_exceeded')], b: [chatAnswer('from b')] },
      { contextLength: ['other'] },
    );
    expect((await story.ask()).status).toBe(200);
    expect(hosts(story)).toEqual(['a', 'b']);
  });
});

test('a request that no target of its alias can serve goes to one that can', async () => {
  const story = await storyOf(
    { a: [chatAnswer('never')], b: [chatAnswer('from b')] },
    { any: ['other'] },
    { own: { capabilities: ['vision'] }, other: { capabilities: ['tools'] } },
  );
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
  expect((await story.ask({ tools })).status).toBe(200);
  expect(hosts(story)).toEqual(['b']);
});

test('a prompt that a filter refused goes to the alias for such, and what it has cost is entered', async () => {
  const whole = chatBody('', { prompt_tokens: 10, completion_tokens: 0, total_tokens: 10 });
  const body = { ...whole, choices: whole.choices.map((choice) => ({ ...choice, finish_reason: 'content_filter' })) };
  const story = await storyOf(
    { a: [{ status: 200, body: JSON.stringify(body) }], b: [chatAnswer('from b')] },
    { contentFilter: ['other'] },
  );
  expect((await story.ask()).status).toBe(200);
  const [entry] = await story.entries();
  expect(entry?.receipt.attempts).toMatchObject([
    { target: 'a/m-1', failure: 'content_filter', cost: '100000' },
    { target: 'b/m-1', cost: '600000' },
  ]);
  expect(entry?.receipt.fallbacks).toEqual([{ alias: 'other', because: 'contentFilter', targets: ['b/m-1'] }]);
});

test('a filtered answer that nobody counted is charged as one that may be billed', async () => {
  const { usage: _, ...uncounted } = chatBody('', undefined);
  const body = { ...uncounted, choices: uncounted.choices.map((one) => ({ ...one, finish_reason: 'content_filter' })) };
  const story = await storyOf(
    { a: [{ status: 200, body: JSON.stringify(body) }], b: [chatAnswer('from b')] },
    { contentFilter: ['other'] },
  );
  expect((await story.ask()).status).toBe(200);
  const [entry] = await story.entries();
  expect(BigInt(entry?.receipt.attempts[0]?.cost ?? 0)).toBeGreaterThan(0n);
});

test('an own attempt that may be billed and a dearer fallback are both within the hold', async () => {
  const story = await storyOf(
    { a: [{ hang: true }], b: [chatStream([says('whole'), ...DONE])] },
    { any: ['other'] },
    { other: dear },
  );
  expect(await story.read(await story.ask({ stream: true }))).toContain('whole');
  const [entry] = await story.entries();
  const [hung, answered] = entry?.receipt.attempts ?? [];
  expect(hung).toMatchObject({ failure: 'first_token_timeout' });
  expect(BigInt(hung?.cost ?? 0)).toBeGreaterThan(0n);
  expect(answered).toMatchObject({ cost: '6000000' });
  expect(entry?.cost).toBeLessThanOrEqual(entry?.hold ?? 0n);
  expect(entry?.receipt.overrun).toBeUndefined();
});
