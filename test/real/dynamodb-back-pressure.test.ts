import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import type { Upstream } from '../../lambdas/core/call/upstream.ts';
import { handleRequest } from '../../lambdas/core/handle-request.ts';
import type { Ports } from '../../lambdas/core/ports.ts';
import { openaiChat } from '../../lambdas/dialects/openai-chat/codec.ts';
import { CONFIG, makeStory } from '../core/story/story-fixture.ts';
import { makeWorldClock } from '../port-suites/store-world.ts';
import { type DynamoWorld, withDynamoDb } from './support/dynamo-world.ts';

const makeWorld = withDynamoDb({ beforeAll, afterAll });

const [A, B] = CONFIG.models['assistant']?.targets ?? [];
if (A === undefined || B === undefined) throw new Error('the fixture has two targets');
/** Output at $100 a million tokens: $0.0001 each; input free. */
const price = { inputPerMTok: '0', outputPerMTok: '100' };
const NANO = 1_000_000_000n;

interface Sent {
  host: string;
  tokens: number;
  /** Round trips to the store before it. */
  trips: number;
}

/** A vendor that uses every token that it is given. */
const greedy = (sent: Sent[], world: DynamoWorld): Upstream => ({
  send: async (call) => {
    if (call.transport !== 'http') throw new Error('only HTTP here');
    const body = JSON.parse(String(call.body)) as { max_tokens: number };
    const trips = Math.max(0, ...world.proxy.operations.map(({ trip }) => trip));
    sent.push({ host: new URL(call.url).hostname, tokens: body.max_tokens, trips });
    const usage = { prompt_tokens: 10, completion_tokens: body.max_tokens, total_tokens: 10 + body.max_tokens };
    const message = { role: 'assistant', content: 'hi' };
    const answer = { id: 'x', object: 'chat.completion', created: 1, model: 'm-1', usage };
    const text = JSON.stringify({ ...answer, choices: [{ index: 0, message, finish_reason: 'length' }] });
    return {
      status: 200,
      headers: {},
      text: async () => text,
      events: () => {
        throw new Error('no stream here');
      },
    };
  },
});

const inWorld = async (
  config: GatewayConfig,
  run: (context: {
    world: DynamoWorld;
    sent: Sent[];
    ports: Ports;
    ask: (tokens: number) => Promise<Response>;
  }) => Promise<void>,
): Promise<void> => {
  const world = await makeWorld(makeWorldClock());
  try {
    const story = await makeStory({}, config);
    const sent: Sent[] = [];
    const processes = [1, 2].map(() => {
      // Whether a crowd is answered in time is not the question here.
      const { ledger, limits } = world.openRaw({ answerTimeoutMs: 60_000 });
      return { ...story.ports, ledger, limits, upstream: greedy(sent, world) };
    });
    const [ports] = processes;
    if (ports === undefined) throw new Error('no process');
    let asked = 0;
    const ask = (tokens: number) => {
      const request = new Request('http://gateway/', {
        method: 'POST',
        headers: { authorization: `Bearer ${story.key}` },
        body: JSON.stringify({
          model: 'assistant',
          max_tokens: tokens,
          messages: [{ role: 'user', content: 'hello' }],
        }),
      });
      asked += 1;
      return handleRequest(request, openaiChat, processes[asked % 2] ?? ports);
    };
    await run({ world, sent, ports, ask });
  } finally {
    await world.end();
  }
};

describe('64 callers at once in two processes', () => {
  test('of a budget that lowers never pass its cap, and what is left at the end is below the floor', async () => {
    const config: GatewayConfig = {
      ...CONFIG,
      models: { assistant: { targets: [{ ...A, price }], output: { default: 1_000, floor: 50 } } },
      budgets: { perUser: { daily: '$1.00', backPressure: 'clamp' } },
      limits: {},
    };
    await inWorld(config, async ({ sent, ports, ask }) => {
      const replies = await Promise.all(Array.from({ length: 64 }, () => ask(900)));
      for (const { status } of replies) expect([200, 429]).toContain(status);
      // Callers who refuse each other by holds that both give back are told to come again; the rest is for those.
      for (let i = 0; i < 20; i++) await ask(900);
      expect(sent.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(10_000);
      expect(sent.reduce((sum, { tokens }) => sum + tokens, 0)).toBeGreaterThan(10_000 - 50);
      // What is held is what was used, to the nano-dollar, whether the projector has seen it or not.
      const [figures] = await ports.ledger.figures(['user#ada#2026-11-22']);
      expect(figures?.cap).toBe(NANO);
      expect(figures?.committed).toBe(BigInt(sent.reduce((sum, { tokens }) => sum + tokens, 0)) * 100_000n);
    });
  });

  test('of a target with a quota: it gets exactly that many, the next one all others', async () => {
    const config: GatewayConfig = {
      ...CONFIG,
      models: { assistant: { targets: [{ ...A, limits: { requestsPerMinute: 10 } }, B] } },
      budgets: { org: { monthly: '$1000' } },
      limits: {},
    };
    await inWorld(config, async ({ sent, ask }) => {
      const replies = await Promise.all(Array.from({ length: 64 }, () => ask(10)));
      expect(replies.map(({ status }) => status)).toEqual(Array(64).fill(200));
      expect(sent.filter(({ host }) => host === 'a')).toHaveLength(10);
      expect(sent.filter(({ host }) => host === 'b')).toHaveLength(54);
    });
  });
});

test('a target’s quota costs no trip: two before the provider is called, also where the first one is full', async () => {
  const limits = { requestsPerMinute: 1 };
  const config: GatewayConfig = {
    ...CONFIG,
    models: {
      assistant: {
        targets: [
          { ...A, limits },
          { ...B, price: A.price ?? price, limits: { requestsPerMinute: 100 } },
        ],
      },
    },
  };
  await inWorld(config, async ({ world, sent, ask }) => {
    world.proxy.delayMs = 40;
    for (let i = 0; i < 6; i++) {
      await world.proxy.whenIdle();
      world.proxy.forget();
      expect((await ask(10)).status).toBe(200);
    }
    expect(sent.map(({ host }) => host)).toEqual(['a', 'b', 'b', 'b', 'b', 'b']);
    // The first ones may meet a bucket in another state than their process has guessed, which costs a write more.
    expect(sent.slice(-2).map(({ trips }) => trips)).toEqual([2, 2]);
  });
});
