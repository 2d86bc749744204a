import { describe, expect, test } from '@jest/globals';
import type { BudgetConfig, GatewayConfig, ModelConfig, TargetConfig } from '../../../lambdas/contract/config.ts';
import { makeLiveCanaries } from '../../../lambdas/core/pins/live-canaries.ts';
import { NO_OVERRIDES, type PinOverrides } from '../../../lambdas/core/pins/pin-store.ts';
import { makeCanaries } from '../../../lambdas/core/route/draw-canaries.ts';
import { fails } from '../call/call-fixture.ts';
import type { Script } from '../call/scripted-upstream.ts';
import { CONFIG, chatAnswer, makeStory, type Story } from './story-fixture.ts';

const size = { contextTokens: 100_000, maxOutputTokens: 8_000 };
/** $0.0001 a token of output; input is free. */
const PRICE = { inputPerMTok: '0', outputPerMTok: '100' };
const DEAR = { inputPerMTok: '0', outputPerMTok: '1000' };
/** So that each conversation is drawn, and it is a trial all the same. */
const NEARLY_ALL = 0.9999;

const tried = (price = DEAR, more: Partial<TargetConfig> = {}): TargetConfig => ({
  provider: 'a',
  model: 'old',
  price: PRICE,
  ...size,
  canary: { model: 'new', share: NEARLY_ALL, price, ...size },
  ...more,
});
const configOf = (
  more: Partial<Omit<GatewayConfig, 'models'>>,
  model: Partial<ModelConfig> = {},
  others: GatewayConfig['models'] = {},
): GatewayConfig => ({
  providers: CONFIG.providers,
  models: { assistant: { targets: [tried()], output: { default: 1_000, floor: 100 }, ...model }, ...others },
  ...more,
});
const usage = { prompt_tokens: 10, completion_tokens: 100, total_tokens: 110 };
const storyOf = async (config: GatewayConfig, scripts: Script[] = [chatAnswer('hi', usage)]): Promise<Story> => {
  const story = await makeStory({ a: scripts, b: scripts }, config);
  story.ports.canaries = makeCanaries(() => undefined);
  return story;
};
const models = (story: Story) => story.upstream.calls.map(({ body }) => (body as { model: string }).model);
const limits = (story: Story) =>
  story.upstream.calls.map(({ body }) => {
    const sent = body as { max_tokens?: number; max_completion_tokens?: number };
    return sent.max_completion_tokens ?? sent.max_tokens;
  });

describe('a dearer canary', () => {
  test('is asked where there is room for it and its target', async () => {
    const story = await storyOf(configOf({ budgets: { org: { monthly: '$1.10' } } }));
    expect((await story.ask()).status).toBe(200);
    expect(models(story)).toEqual(['new']);
    expect((await story.entries())[0]).toMatchObject({ hold: 1_100_000_000n });
  });

  test.each([
    ['a budget', { budgets: { org: { monthly: '$1.09' } } }],
    ['a budget that lowers limits', { budgets: { org: { monthly: '$1.09', backPressure: 'clamp' as const } } }],
  ])('is passed over where %s has room for its target alone, whose answer is whole', async (_, more) => {
    const story = await storyOf(configOf(more));
    expect((await story.ask()).status).toBe(200);
    expect([models(story), limits(story)]).toEqual([['old'], [1_000]]);
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ hold: 100_000_000n });
    expect(entry?.receipt.plan).toMatchObject({
      targets: ['a/old'],
      passedOver: [{ target: 'a/new', reason: expect.stringMatching(/^no room for a trial/) }],
      canaries: [{ target: 'a/new' }],
    });
  });

  test('sends nobody to a cheaper model while its target has room', async () => {
    const others = { small: { targets: [{ provider: 'b', model: 'small', price: PRICE, ...size }] } };
    const budgets = { org: { monthly: '$1', warnAt: 0.001, downgradeAt: 0.9 } };
    const story = await storyOf(configOf({ budgets }, { downgradeTo: 'small' }, others));
    for (let i = 0; i < 4; i++) expect((await story.ask()).status).toBe(200);
    expect(models(story)).toEqual(['old', 'old', 'old', 'old']);
  });

  test('of a stand-in does not keep its target from standing in', async () => {
    const others = { small: { targets: [tried({ inputPerMTok: '0', outputPerMTok: '20000' })] } };
    const budgets = { org: { monthly: '$1', warnAt: 0.001, downgradeAt: 0.9 } };
    const large = { provider: 'b', model: 'large', price: { inputPerMTok: '0', outputPerMTok: '950' }, ...size };
    const story = await storyOf(configOf({ budgets }, { targets: [large], downgradeTo: 'small' }, others));
    for (let i = 0; i < 3; i++) expect((await story.ask()).status).toBe(200);
    expect(models(story)).toEqual(['large', 'old', 'old']);
  });

  test('is refused like its target where that has no room either', async () => {
    const story = await storyOf(configOf({ budgets: { org: { monthly: '$0.09' } } }));
    const reply = await story.ask();
    expect([reply.status, JSON.parse(await reply.text()).error.code]).toEqual([429, 'budget_exceeded']);
    expect(await story.org()).toMatchObject({ held: 0n });
  });
});

test('what a failed trial is billed does not take the room from its target', async () => {
  const cut: Script = { status: 200, body: { broken: 'reset' } as never };
  const same = configOf({ budgets: { org: { monthly: '$0.20' } } }, { targets: [tried(PRICE)], attempts: 1 });
  const story = await storyOf(same, [cut, chatAnswer('hi', usage)]);
  expect((await story.ask()).status).toBe(200);
  expect(models(story)).toEqual(['new', 'old']);
  // Where there is no room for both, the trial does not take place.
  const tight = await storyOf({ ...same, budgets: { org: { monthly: '$0.19' } } }, [chatAnswer('hi', usage)]);
  expect((await tight.ask()).status).toBe(200);
  expect(models(tight)).toEqual(['old']);
});

describe('a canary whose turn comes behind another target', () => {
  const behind = async (org: BudgetConfig, share = NEARLY_ALL) => {
    const first = { provider: 'b', model: 'first', price: PRICE, ...size };
    const story = await makeStory(
      { a: [chatAnswer('hi', usage)], b: [{ status: 503, body: '{}' }] },
      configOf({ budgets: { org } }, { targets: [first, tried()] }),
    );
    story.ports.canaries = makeCanaries(() => share);
    expect((await story.ask()).status).toBe(200);
    return [models(story), limits(story).at(-1)];
  };

  test('is asked where there is room for it and its target, and not where there is room for it alone', async () => {
    expect(await behind({ monthly: '$1.10' })).toEqual([['first', 'new'], 1_000]);
    expect(await behind({ monthly: '$1.05' })).toEqual([['first', 'old'], 1_000]);
  });

  test('is not given a shorter answer: its target gives a whole one', async () => {
    expect(await behind({ monthly: '$0.50', backPressure: 'clamp' })).toEqual([['first', 'old'], 1_000]);
  });

  test('is what its alias asks once all conversations are its own, and answers shorter like any target', async () => {
    expect(await behind({ monthly: '$0.50', backPressure: 'clamp' }, 1)).toEqual([['first', 'new'], 500]);
  });
});

describe('a canary of an alias that is fallen back on', () => {
  const fallenBack = async (org: BudgetConfig, answers: Script[] = [chatAnswer('hi', usage)]) => {
    const first = { provider: 'b', model: 'first', price: PRICE, ...size };
    const others = { other: { targets: [tried()], output: { default: 1_000, floor: 100 } } };
    const story = await makeStory(
      { a: answers, b: [fails(503)] },
      configOf({ budgets: { org } }, { targets: [first], fallbacks: { any: ['other'] } }, others),
    );
    story.ports.canaries = makeCanaries(() => undefined);
    expect((await story.ask()).status).toBe(200);
    return [models(story), limits(story).at(-1)];
  };

  test('is asked where there is room for it and its target', async () => {
    const broken = { status: 200, body: JSON.stringify({ nothing: 1 }) };
    expect(await fallenBack({ monthly: '$1.10' })).toEqual([['first', 'new'], 1_000]);
    expect(await fallenBack({ monthly: '$1.10' }, [broken, chatAnswer('hi', usage)])).toEqual([
      ['first', 'new', 'old'],
      1_000,
    ]);
  });

  test('is passed over where there is room for one of them', async () => {
    expect(await fallenBack({ monthly: '$1.05' })).toEqual([['first', 'old'], 1_000]);
  });

  test('is not given a shorter answer', async () => {
    expect(await fallenBack({ monthly: '$0.50', backPressure: 'clamp' })).toEqual([['first', 'old'], 1_000]);
  });
});

describe('a canary that was given all conversations', () => {
  const promoted = async (org: BudgetConfig) => {
    const story = await storyOf(configOf({ budgets: { org } }));
    story.ports.canaries = makeCanaries(() => 1);
    return { story, reply: await story.ask() };
  };

  test('is the target: the version before does not answer in its place where there is little room', async () => {
    const { story, reply } = await promoted({ monthly: '$0.50', backPressure: 'clamp' });
    expect([reply.status, models(story), limits(story)]).toEqual([200, ['new'], [500]]);
  });

  test('has no room: the refusal says so', async () => {
    const { story, reply } = await promoted({ monthly: '$0.50' });
    expect([reply.status, models(story)]).toEqual([429, []]);
    expect(JSON.parse(await reply.text()).error.code).toBe('budget_exceeded');
  });
});

describe('a canary’s filter that says no in an empty answer', () => {
  const filtered = {
    status: 200,
    body: JSON.stringify({
      id: 'x',
      object: 'chat.completion',
      created: 1,
      model: 'new',
      choices: [{ index: 0, message: { role: 'assistant', content: '' }, finish_reason: 'content_filter' }],
      usage: { prompt_tokens: 10, completion_tokens: 900, total_tokens: 910 },
    }),
  };
  const askedWith = async (share: number, prepare: (story: Story) => Promise<unknown> = async () => {}) => {
    const story = await storyOf(configOf({}), [filtered, chatAnswer('hi', usage)]);
    story.ports.canaries = makeCanaries(() => share);
    await prepare(story);
    const reply = await story.ask();
    const [choice] = JSON.parse(await reply.text()).choices;
    return [reply.status, choice.message.content, choice.finish_reason, models(story)];
  };

  test('leads to its target', async () => {
    expect(await askedWith(NEARLY_ALL)).toEqual([200, 'hi', 'stop', ['new', 'old']]);
  });

  test('is the answer where its target can not be asked', async () => {
    const shut = async ({ ports }: Story) => {
      const { peek } = ports.circuitBoard;
      const wait = { kind: 'wait', because: 'by-hand', until: Number.POSITIVE_INFINITY } as const;
      ports.circuitBoard = { ...ports.circuitBoard, peek: (id) => (id === 'a/old' ? wait : peek(id)) };
    };
    expect(await askedWith(NEARLY_ALL, shut)).toEqual([200, '', 'content_filter', ['new']]);
  });

  test('is the answer once all conversations are the canary’s: it is no trial then', async () => {
    expect(await askedWith(1)).toEqual([200, '', 'content_filter', ['new']]);
  });
});

test('a canary that counts more tokens does not run into a limit that its target keeps', async () => {
  const sees = (maxImageTokens: number) => ({ capabilities: ['vision' as const], maxImageTokens });
  const canary = { model: 'new', share: NEARLY_ALL, price: PRICE, ...size, ...sees(5_000) };
  const targets = [tried(PRICE, { ...sees(1_000), canary })];
  const story = await storyOf(configOf({ limits: { perKey: { tokensPerMinute: 3_000 } } }, { targets }));
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } };
  expect((await story.ask({ messages: [{ role: 'user', content: [image] }] })).status).toBe(200);
  expect(models(story)).toEqual(['old']);
});

describe('a rested process', () => {
  const withPins = async (read: () => Promise<PinOverrides>) => {
    const story = await storyOf(configOf({}));
    let current = async (): Promise<PinOverrides> => NO_OVERRIDES;
    const pins = { readOverrides: () => current() };
    const { canaries, refresh } = makeLiveCanaries({ pins, clock: story.clock, log: story.log });
    story.ports.canaries = canaries;
    await refresh();
    current = read;
    await story.clock.advance(60_000);
    return story;
  };
  const set = (share: number): PinOverrides => ({
    ...NO_OVERRIDES,
    set: [{ alias: 'assistant', target: 'a/old', canary: 'a/new', share, by: 'ada', at: 1, until: null }],
  });

  test('does not ask a canary that was taken back meanwhile, and the receipt says so', async () => {
    const story = await withPins(async () => set(0));
    expect((await story.ask()).status).toBe(200);
    expect(models(story)).toEqual(['old']);
    expect((await story.entries())[0]?.receipt.plan.passedOver).toEqual([
      { target: 'a/new', reason: 'taken back by hand' },
    ]);
  });

  test('asks its target where the store is silent, after a second at most', async () => {
    const story = await withPins(() => new Promise(() => undefined));
    const from = story.clock.now();
    expect((await story.ask()).status).toBe(200);
    expect(models(story)).toEqual(['old']);
    expect(story.clock.now() - from).toBeLessThanOrEqual(1_000);
  });

  test('makes nobody wait who was not drawn', async () => {
    const story = await withPins(() => new Promise(() => undefined));
    const alias = story.ports.gateway.aliases.get('assistant');
    for (const { canaryOf } of alias?.targets ?? []) if (canaryOf !== undefined) canaryOf.share = 0.0001;
    const from = story.clock.now();
    expect((await story.ask()).status).toBe(200);
    expect([models(story), story.clock.now() - from]).toEqual([['old'], 0]);
  });
});

test('a reasoning canary makes nobody else wait longer for a first token', async () => {
  const reasoning = { provider: 'o', model: 'gpt-4.1-2025-04-14' };
  const timeoutsOf = async (target: TargetConfig) => {
    const story = await makeStory(
      {},
      { providers: { o: { kind: 'openai', apiKey: 'env:K' } }, models: { it: { targets: [target] } } },
    );
    return story.ports.gateway.aliases.get('it');
  };
  const without = await timeoutsOf(reasoning);
  const alias = await timeoutsOf({ ...reasoning, canary: { model: 'gpt-5-2025-08-07', share: 0.01 } });
  expect(alias?.timeouts).toEqual(without?.timeouts);
  expect(alias?.timeouts.firstTokenMs).toBe(20_000);
  expect(alias?.targets[1]?.canaryOf?.firstTokenMs).toBe(60_000);
});
