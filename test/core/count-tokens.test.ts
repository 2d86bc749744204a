import { expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { countTokens } from '../../lambdas/core/count-tokens/count-tokens.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { makeCanaries } from '../../lambdas/core/route/draw-canaries.ts';
import { anthropicMessages } from '../../lambdas/dialects/anthropic-messages/codec.ts';
import type { Script } from './call/scripted-upstream.ts';
import { makeStory, type Story } from './story/story-fixture.ts';

const CONFIG: GatewayConfig = {
  providers: {
    a: { kind: 'anthropic', apiKey: 'env:KEY', baseUrl: 'https://a' },
    b: { kind: 'anthropic', apiKey: 'env:KEY', baseUrl: 'https://b' },
  },
  models: {
    assistant: {
      targets: [
        { provider: 'a', model: 'claude-haiku-4-5-20251001' },
        { provider: 'b', model: 'claude-haiku-4-5-20251001' },
      ],
    },
  },
  limits: { perKey: { concurrent: 8 } },
};

const open = async (scripts: Record<string, Script[]>, config = CONFIG) => {
  const story = await makeStory(scripts, config);
  story.ports.secrets = { read: async () => 'key' };
  return story;
};

const count = (story: Story, signal?: AbortSignal): Promise<Response> => {
  const request = new Request('http://gateway/v1/messages/count_tokens', {
    method: 'POST',
    headers: { authorization: `Bearer ${story.key}` },
    body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: 'hello' }] }),
    ...(signal && { signal }),
  });
  return story.clock.settle(countTokens(request, anthropicMessages, story.ports));
};

const counted: Script = { status: 200, body: '{"input_tokens":8}' };
const by = (response: Response) => [
  response.headers.get('x-tollgate-token-count'),
  response.headers.get('x-tollgate-model'),
];

test('where the first vendor does not count, the next one is asked, and neither circuit hears of it', async () => {
  const story = await open({ a: [{ status: 529, body: '' }], b: [counted] });
  for (let turn = 0; turn < 10; turn++)
    expect(by(await count(story))).toEqual(['provider', 'b/claude-haiku-4-5-20251001']);
  await story.ports.circuitBoard.settled();
  expect(await story.ports.circuits.list()).toEqual([]);
  expect(await story.underWay()).toBe(0);
});

test('a target whose circuit is open is not asked', async () => {
  const story = await open({ a: [counted], b: [counted] });
  const [record] = await story.ports.circuits.read(['a/claude-haiku-4-5-20251001']);
  if (record === undefined) throw new Error('no record');
  const until = story.clock.now() + 60_000;
  await story.ports.circuits.write({
    ...record,
    version: record.version + 1,
    circuit: { state: 'open', until, openings: 1 },
  });
  // A process knows of the targets that it has asked for.
  await story.ports.circuitBoard.tryEnter(record.target);
  expect(by(await count(story))).toEqual(['provider', 'b/claude-haiku-4-5-20251001']);
  expect(story.upstream.calls.map(({ host }) => host)).toEqual(['b']);
});

test('a vendor that hangs is waited for ten seconds, and then it is the estimate', async () => {
  const story = await open({ a: [{ hang: true }], b: [counted] });
  const before = story.clock.now();
  expect(by(await count(story))).toEqual(['estimate', null]);
  expect(story.clock.now() - before).toBe(10_000);
  expect(story.upstream.calls.every(({ isOpen }) => !isOpen)).toBe(true);
  expect(await story.underWay()).toBe(0);
});

test('a client that hangs up leaves no call and no place behind', async () => {
  const story = await open({ a: [{ hang: true }] });
  const stop = new AbortController();
  const asked = count(story, stop.signal);
  stop.abort();
  await asked;
  expect(story.upstream.calls.every(({ isOpen }) => !isOpen)).toBe(true);
  expect(await story.underWay()).toBe(0);
});

test('a store that is away is a 503, and nobody is asked', async () => {
  const story = await open({ a: [counted] });
  story.ports.limits = {
    ...story.ports.limits,
    take: async () => {
      throw new StoreUnavailable('away');
    },
  };
  const response = await count(story);
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ type: 'error', error: { tollgate: { code: 'store_unavailable' } } });
  expect(story.upstream.calls).toEqual([]);
});

test('a canary counts once it has all of the conversations, and one on trial or taken back does not', async () => {
  const canary = { model: 'claude-sonnet-4-5-20250929', share: 0.9999 };
  const targets = [{ provider: 'a', model: 'claude-haiku-4-5-20251001', canary }];
  const story = await open({ a: [counted] }, { ...CONFIG, models: { assistant: { targets } } });
  const shared = async (share: number | 'unread') => {
    story.ports.canaries = makeCanaries(() => share);
    return (by(await count(story))[1] ?? '').slice(0, 'a/claude-'.length + 4);
  };
  expect([await shared(0.9999), await shared(0), await shared('unread'), await shared(1)]).toEqual([
    'a/claude-haik',
    'a/claude-haik',
    'a/claude-haik',
    'a/claude-sonn',
  ]);
});
