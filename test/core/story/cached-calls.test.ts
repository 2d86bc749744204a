import { afterEach, describe, expect, test } from '@jest/globals';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import type { GatewayConfig, ModelConfig } from '../../../lambdas/contract/config.ts';
import type { Answer } from '../../../lambdas/core/conversation.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import type { Script } from '../call/scripted-upstream.ts';
import { AGAIN, ASKED, type CachedStoryOptions, cachedConfig, KEPT, makeCachedStory, VECTORS } from './cached-story.ts';
import { CONFIG, chatAnswer, chatBody, chatStream, DONE, says } from './story-fixture.ts';

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const stores of opened.splice(0)) stores.close();
});

const makeScene = async (answers: Script[], options: CachedStoryOptions = {}) => {
  const story = await makeCachedStory(answers, { config: cachedConfig({ auditShare: 0 }), ...options });
  opened.push(story.stores);
  return story;
};

const [assistant] = Object.values(CONFIG.models);
const [dear, other] = assistant?.targets ?? [];
if (dear === undefined || other === undefined) throw new Error('the story has two targets');

/** As `cachedConfig`, with more of the alias. */
const configOf = (more: Partial<ModelConfig>, { models, ...rest }: Partial<GatewayConfig> = {}): GatewayConfig => {
  const config = cachedConfig({ auditShare: 0 }, rest);
  const [alias] = Object.values(config.models);
  return { ...config, models: { ...models, assistant: { ...alias, targets: [dear, other], ...more } } };
};

const embed = async (text: string) => ({
  kind: 'vector' as const,
  vector: Float32Array.from(VECTORS.get(text) ?? [0, 0, 1]),
  inputTokens: 10,
});

describe('a stand-in for a model whose questions’ vectors are paid for', () => {
  /** $1,000 a million tokens: $0.01 a vector, beside which the stand-in costs nothing. */
  const dearEmbedder = (): Target => {
    const resolved = resolveGateway(CONFIG, catalogue, 1);
    const target = resolved.ok ? resolved.gateway.aliases.get('assistant')?.targets[0] : undefined;
    if (target === undefined) throw new Error('no target');
    return { ...target, id: 'v/m', contextTokens: 1_000, price: { ...target.price, input: 1_000_000_000_000n } };
  };

  test('holds its vector too', async () => {
    const models = { cheap: { targets: [{ ...other, price: { inputPerMTok: '0.01', outputPerMTok: '0.01' } }] } };
    const config = configOf(
      { targets: [dear], downgradeTo: 'cheap' },
      { models, budgets: { org: { monthly: '$2', warnAt: 0.0001, downgradeAt: 0.05 } } },
    );
    const scene = await makeScene([chatAnswer('x')], { config, embedder: { target: dearEmbedder(), embed } });
    for (let i = 0; i < 12; i++) expect(await scene.say(`something else ${i}`)).toMatchObject({ status: 200 });
    const entries = await scene.entries();
    const [last] = entries;
    expect(last?.receipt).toMatchObject({ answeredBy: 'b/m-1', cache: { embedding: { cost: '10000000' } } });
    for (const { cost, hold } of entries) expect(cost).toBeLessThanOrEqual(hold);
    expect(await scene.org()).toMatchObject({ held: 0n });
  });
});

describe('who waits for the call of another that asks the same', () => {
  const TIMEOUTS = { heartbeatMs: 1_000, firstTokenMs: 5_000, idleMs: 8_000 };
  const config = configOf({ cache: { exact: '1h' }, timeouts: TIMEOUTS });
  const body = { stream: true, messages: [{ role: 'user', content: 'fresh' }] };

  test('is kept company as well, and not told before it is known whether it is a hit', async () => {
    const scene = await makeScene([chatStream([says('Hi', 3_500), ...DONE])], { config });
    const leading = scene.ask(body);
    const following = await scene.ask(body);
    expect((await leading).headers.get('x-tollgate-cache')).toBe('miss');
    expect(following.headers.get('x-tollgate-cache')).toBeNull();
    const [led, followed] = await scene.clock.settle(Promise.all([(await leading).text(), following.text()]));
    for (const text of [led, followed]) expect(text).toMatch(/^: waiting\n\n/);
    expect(followed).toContain('Hi');
    const results = (await scene.entries()).map(({ receipt }) => receipt?.cache?.result);
    expect(results.filter((result) => result === 'hit-exact')).toHaveLength(1);
  });

  test('and leaves while it is kept company is settled at once, and its place is free', async () => {
    const scene = await makeScene([chatStream([says('Hi', 3_500), ...DONE])], { config });
    const leading = scene.ask(body);
    const following = await scene.ask(body);
    await scene.clock.settle(following.body?.cancel() ?? Promise.resolve());
    await scene.clock.flush();
    const gone = (await scene.entries()).filter(({ receipt }) => receipt?.outcome === 'client-gone');
    expect(gone).toMatchObject([{ state: 'settled', cost: 0n }]);
    expect(await scene.read(await leading)).toContain('Hi');
    expect(await scene.underWay()).toBe(0);
  });

  test('waits no longer once that call has broken, also where its client was kept company', async () => {
    const script: Script[] = [{ status: 500, body: '', afterMs: 2_500 }, chatStream([says('Hi'), ...DONE])];
    const scene = await makeScene(script, { config });
    const { ledger } = scene.ports;
    // The next target is dearer: it asks for a larger hold.
    scene.ports.ledger = { ...ledger, topUp: () => Promise.reject(new TypeError('a bug')) };
    await expect(scene.say('fresh', { stream: true })).rejects.toThrow('a bug');
    scene.ports.ledger = ledger;
    const askedAt = scene.clock.now();
    expect((await scene.say('fresh', { stream: true })).text).toContain('Hi');
    expect(scene.clock.now()).toBe(askedAt);
  });
});

test('a question that means the same is not given the call of a tool, which the very words were answered with since', async () => {
  const called = chatBody('', { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 });
  const tool = { id: 'c1', type: 'function', function: { name: 'reset', arguments: '{"of":"ada"}' } };
  const choice = {
    index: 0,
    message: { role: 'assistant', content: null, tool_calls: [tool] },
    finish_reason: 'tool_calls',
  };
  const scene = await makeScene([
    { status: 200, body: JSON.stringify({ ...called, choices: [choice] }) },
    chatAnswer('Anew.'),
  ]);
  expect(await scene.say(AGAIN)).toMatchObject({ cache: expect.stringMatching(/^hit-semantic/) });
  await scene.clock.advance(1_000);
  expect((await scene.say(ASKED, {}, { 'x-tollgate-cache': 'refresh' })).text).toContain('reset');
  const again = await scene.say(AGAIN);
  expect(again).toMatchObject({ status: 200, cache: 'miss', text: expect.stringContaining('Anew.') });
});

test.each([false, true])(
  'a kept answer that can’t be said is a miss, and charged as one (stream: %s)',
  async (stream) => {
    const scene = await makeScene([stream ? chatStream([says('Anew.'), ...DONE]) : chatAnswer('Anew.')]);
    const { responses } = scene.stores;
    const find = responses.find;
    responses.find = async (...asked) => {
      const found = await find(...asked);
      return found && { ...found, answer: { ...found.answer, parts: [null] } as unknown as Answer };
    };
    const answer = await scene.say(AGAIN, { stream });
    expect(answer).toMatchObject({ status: 200, cache: 'miss', text: expect.stringContaining('Anew.') });
    const [entry] = await scene.entries();
    expect(entry).toMatchObject({ state: 'settled', cost: 600_000n });
    expect(entry?.receipt.cache).toMatchObject({ result: 'miss', failures: ['answer'] });
    expect(entry?.receipt.cache).not.toHaveProperty('saved');
  },
);

test('a refresh takes nobody’s trial of an embedder that was shut: the next question is compared', async () => {
  let isDown = true;
  const scene = await makeScene([chatAnswer('x')], {
    embedder: { embed: (text) => (isDown ? Promise.reject(new Error('down')) : embed(text)) },
  });
  for (let i = 0; i < 6; i++) await scene.say(`question ${i}`);
  const shut = await scene.entries();
  expect(shut[0]?.receipt.cache).toMatchObject({ failures: ['shut'] });
  isDown = false;
  await scene.clock.advance(31_000);
  await scene.say('new', {}, { 'x-tollgate-cache': 'refresh' });
  await scene.say('newer');
  const [entry] = await scene.entries();
  expect(entry?.receipt.cache).toMatchObject({ result: 'miss', semantic: { threshold: 0.9 } });
});

test('an answer that is kept in time leaves no timer behind', async () => {
  const scene = await makeScene([chatAnswer('x')]);
  await scene.clock.advance(60_000);
  expect(scene.clock.timers()).toBe(0);
  expect((await scene.say(ASKED, {}, { 'x-tollgate-cache': 'refresh' })).text).not.toContain(KEPT);
  expect(scene.clock.timers()).toBe(0);
});

test.each([
  ['a hundred tokens', 100, 'hit-exact'],
  ['more than any store takes', 20_000, 'miss'],
])('likelihoods of %s are part of what is remembered of a stream', async (_, count, then) => {
  const tokens = Array.from({ length: count }, () => ({
    token: 'a ',
    logprob: -0.125,
    bytes: [97, 32],
    top_logprobs: [],
  }));
  const data = {
    id: 'c',
    model: 'm-1',
    choices: [{ index: 0, delta: { content: 'Hi' }, logprobs: { content: tokens } }],
  };
  const streamed = chatStream([{ event: { type: '', data: JSON.stringify(data) } }, ...DONE]);
  const scene = await makeScene([streamed, chatStream([says('Anew.'), ...DONE])], {
    config: configOf({ cache: { exact: '1h' } }),
  });
  expect(await scene.say('fresh', { stream: true, logprobs: true })).toMatchObject({ status: 200, cache: 'miss' });
  await scene.clock.flush();
  expect(await scene.say('fresh', { stream: true, logprobs: true })).toMatchObject({ status: 200, cache: then });
});
