import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { BudgetsConfig, GatewayConfig, LimitsConfig, ModelConfig } from '../../../lambdas/contract/config.ts';
import { CONFIG, chatAnswer, chatStream, DONE, makeStory, type Story, says } from './story-fixture.ts';

const [CHEAP, DEAR] = CONFIG.models['assistant']?.targets ?? [];
if (CHEAP === undefined || DEAR === undefined) throw new Error('the fixture has two targets');

/** Output at $100 a million, $0.0001 a token; the input of one request is $0 unless said otherwise. */
const free = { ...CHEAP, price: { inputPerMTok: '0', outputPerMTok: '100' } };
const dear = { ...DEAR, price: { inputPerMTok: '0', outputPerMTok: '200' } };

const config = (
  budgets: BudgetsConfig,
  {
    limits,
    model,
    targets = [free],
  }: { limits?: LimitsConfig; model?: Partial<ModelConfig>; targets?: (typeof free)[] } = {},
): GatewayConfig => ({
  providers: CONFIG.providers,
  models: { assistant: { targets, output: { default: 2_000, floor: 100 }, ...model } },
  budgets,
  ...(limits && { limits }),
});

const usage = (output: number) => ({ prompt_tokens: 10, completion_tokens: output, total_tokens: 10 + output });
const answers = (output: number, times = 20) => Array.from({ length: times }, () => chatAnswer('hi', usage(output)));
const sentLimit = (story: Story, call = -1) => {
  const body = story.upstream.calls.at(call)?.body as { max_tokens?: number; max_completion_tokens?: number };
  return body.max_completion_tokens ?? body.max_tokens;
};
const errorOf = async (reply: Response) => JSON.parse(await reply.text()).error;

describe('a money budget with back-pressure', () => {
  const clamping = config({ perUser: { daily: '$0.10', backPressure: 'clamp' } });

  test('lowers the output limit to what is left, to the token, and says so', async () => {
    const story = await makeStory({ a: answers(300) }, clamping);
    expect((await story.ask({ max_tokens: 900 })).headers.get('x-tollgate-output-limit')).toBeNull();
    // $0.03 are spent: 700 tokens are left of the 900 asked for.
    const reply = await story.ask({ max_tokens: 900 });
    expect(reply.status).toBe(200);
    expect(sentLimit(story)).toBe(700);
    expect(reply.headers.get('x-tollgate-output-limit')).toBe('700; set-by=budget; lowered-from=900');
    expect((await story.entries())[0]).toMatchObject({
      hold: 70_000_000n,
      receipt: { outputLimit: { tokens: 700, setBy: 'clamp', loweredFrom: 900 } },
    });
  });

  test('in a stream too', async () => {
    const story = await makeStory({ a: [...answers(300, 1), chatStream([says('hi'), ...DONE])] }, clamping);
    await story.ask({ max_tokens: 900 });
    const reply = await story.ask({ max_tokens: 900, stream: true });
    expect(reply.headers.get('x-tollgate-output-limit')).toBe('700; set-by=budget; lowered-from=900');
    expect(sentLimit(story)).toBe(700);
    await story.read(reply);
    expect((await story.entries())[0]?.receipt.outputLimit?.setBy).toBe('clamp');
  });

  test('lowers the default of a request that names none', async () => {
    const story = await makeStory({ a: answers(300) }, clamping);
    expect((await story.ask({ max_tokens: undefined })).headers.get('x-tollgate-output-limit')).toBe(
      '1000; set-by=budget; lowered-from=2000',
    );
    expect(sentLimit(story)).toBe(1_000);
  });

  test('never below the floor: then it refuses with the second at which the same request has room', async () => {
    const story = await makeStory({ a: answers(950) }, clamping);
    await story.ask({ max_tokens: 1_000 });
    // 50 tokens are left.
    const reply = await story.ask({ max_tokens: 900 });
    expect(reply.status).toBe(429);
    const { message, tollgate } = await errorOf(reply);
    expect(tollgate.retry_at).toBe('2026-11-23T00:00:00.000Z');
    expect(message).toContain('cost up to $0.01 even with an output limit of 100.');
    expect(story.upstream.calls).toHaveLength(1);
    await story.clock.advance(Number(reply.headers.get('retry-after')) * 1_000);
    expect((await story.ask({ max_tokens: 900 })).status).toBe(200);
  });

  test('a limit below the floor is a floor of its own', async () => {
    const story = await makeStory({ a: answers(950) }, clamping);
    await story.ask({ max_tokens: 1_000 });
    expect((await story.ask({ max_tokens: 50 })).status).toBe(200);
    expect(sentLimit(story)).toBe(50);
  });

  test('thinking stays on top of the floor', async () => {
    const thinking = { type: 'enabled', budget_tokens: 1_024 };
    const anthropic: GatewayConfig = {
      ...config({ perUser: { daily: '$0.15', backPressure: 'clamp' } }),
      providers: { a: { kind: 'anthropic', baseUrl: 'https://a', apiKey: 'env:A' } },
      pins: { floating: 'allow' },
      models: {
        assistant: {
          targets: [{ ...free, capabilities: ['tools', 'streaming', 'reasoning'] }],
          output: { default: 2_000, floor: 100 },
        },
      },
    };
    const answer = {
      status: 200,
      body: JSON.stringify({
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'm-1',
        content: [{ type: 'text', text: 'hi' }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 10, output_tokens: 300 },
      }),
    };
    const story = await makeStory({ a: [answer, answer] }, anthropic);
    story.ports.secrets = { read: async () => 'k' };
    const ask = () => story.ask({ max_tokens: 1_400, thinking }, { surface: 'anthropic-messages' });
    expect((await ask()).status).toBe(200);
    // 1,200 tokens are left: 1,024 for thinking and 176 for the answer.
    expect((await ask()).headers.get('x-tollgate-output-limit')).toBe('1200; set-by=budget; lowered-from=1400');
    expect(story.upstream.calls[1]?.body).toMatchObject({ max_tokens: 1_200, thinking });
    // 900 are left: they would all be thoughts.
    expect((await ask()).status).toBe(429);
  });

  test('without it a limit that the caller named is never changed', async () => {
    const story = await makeStory({ a: answers(300) }, config({ perUser: { daily: '$0.10' } }));
    await story.ask({ max_tokens: 900 });
    expect(sentLimit(story)).toBe(900);
    expect((await story.ask({ max_tokens: 900 })).status).toBe(429);
    expect((await story.ask({ max_tokens: 700 })).status).toBe(200);
    expect(sentLimit(story)).toBe(700);
  });

  test('several scopes: the least of what they have left', async () => {
    const story = await makeStory(
      { a: answers(300) },
      config({
        perTeam: { daily: '$0.09', backPressure: 'clamp' },
        perUser: { daily: '$0.12', backPressure: 'clamp' },
        perKey: { monthly: '$0.08', backPressure: 'clamp' },
      }),
    );
    expect((await story.ask({ max_tokens: 1_500 })).headers.get('x-tollgate-output-limit')).toBe(
      '800; set-by=budget; lowered-from=1500',
    );
  });

  test('a scope that does not lower refuses what does not fit, and admits what another has lowered enough', async () => {
    const refusing = await makeStory(
      { a: answers(300) },
      config({ org: { daily: '$0.05' }, perUser: { daily: '$0.08', backPressure: 'clamp' } }),
    );
    const reply = await refusing.ask({ max_tokens: 1_000 });
    expect((await errorOf(reply)).tollgate.scope).toBe('org default');
    const fitting = await makeStory(
      { a: answers(300) },
      config({ org: { daily: '$0.09' }, perUser: { daily: '$0.08', backPressure: 'clamp' } }),
    );
    expect((await fitting.ask({ max_tokens: 1_000 })).status).toBe(200);
    expect(sentLimit(fitting)).toBe(800);
  });

  test('a dearer target gets what is left at its price, from the hold or by a top-up', async () => {
    const failing = { status: 500, body: '' };
    const scripts = { a: [failing], b: answers(100) };
    const story = await makeStory(
      scripts,
      config({ perUser: { daily: '$0.10', backPressure: 'clamp' } }, { targets: [free, dear] }),
    );
    // 900 tokens of a: $0.09 held. b costs twice that: $0.10 are 500 of its tokens.
    const reply = await story.ask({ max_tokens: 900 });
    expect(reply.headers.get('x-tollgate-model')).toBe('b/m-1');
    expect(sentLimit(story)).toBe(500);
    expect(reply.headers.get('x-tollgate-output-limit')).toBe('500; set-by=budget; lowered-from=900');
    expect((await story.entries())[0]).toMatchObject({ hold: 100_000_000n, cost: 20_000_000n });
  });

  test('an attempt that may be billed counts with the limit that it was sent with', async () => {
    const cut = chatStream([], { broken: 'reset' });
    const story = await makeStory(
      { a: [cut], b: [chatStream([says('hi'), ...DONE])] },
      config({ perUser: { daily: '$0.10', backPressure: 'clamp' } }, { targets: [free, dear] }),
    );
    const reply = await story.ask({ max_tokens: 400, stream: true });
    await story.read(reply);
    // $0.04 may be billed by a; $0.06 are left, which are 300 tokens of b.
    expect(sentLimit(story)).toBe(300);
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ hold: 100_000_000n });
    expect(entry?.receipt.attempts[0]?.cost).toBe('40000000');
  });

  test('a retry that is lowered does not make the attempt before it cheaper', async () => {
    const cut = chatStream([], { broken: 'reset' });
    const story = await makeStory({ a: [cut, chatStream([says('hi'), ...DONE])] }, clamping);
    await story.read(await story.ask({ max_tokens: 700, stream: true }));
    expect(story.upstream.calls.map((_, i) => sentLimit(story, i))).toEqual([700, 300]);
    const [entry] = await story.entries();
    expect(entry?.receipt.attempts.map(({ cost }) => cost)).toEqual(['70000000', '500000']);
    expect(entry?.cost).toBeLessThanOrEqual(entry?.hold ?? 0n);
  });

  test('a request that was lowered at the door goes to a dearer target with what it holds, without asking', async () => {
    const story = await makeStory(
      { a: [{ status: 500, body: '' }], b: answers(100) },
      config({ perUser: { daily: '$0.10', backPressure: 'clamp' } }, { targets: [free, dear] }),
    );
    let topUps = 0;
    const { ledger } = story.ports;
    story.ports.ledger = { ...ledger, topUp: (...args) => ledger.topUp(...args).finally(() => (topUps += 1)) };
    await story.ask({ max_tokens: 1_800 });
    expect(story.upstream.calls.map((_, i) => sentLimit(story, i))).toEqual([1_000, 500]);
    expect(topUps).toBe(0);
  });

  test('a request larger than the whole cap is admitted in the next period, lowered', async () => {
    const story = await makeStory({ a: answers(950) }, clamping);
    await story.ask({ max_tokens: 1_000 });
    const reply = await story.ask({ max_tokens: 2_000 });
    expect((await errorOf(reply)).tollgate.retry_at).toBe('2026-11-23T00:00:00.000Z');
    await story.clock.advance(Number(reply.headers.get('retry-after')) * 1_000);
    expect((await story.ask({ max_tokens: 2_000 })).headers.get('x-tollgate-output-limit')).toMatch(/^1000;/);
  });
});

describe('room that requests under way only hold', () => {
  const hanging = { ...chatAnswer('hi', usage(10)), afterMs: 4_000 };

  test('is told with a short wait, and the end of the period as the sure instant', async () => {
    const story = await makeStory({ a: [hanging] }, config({ perUser: { daily: '$0.10' } }));
    const [first, refused] = await Promise.all([story.ask({ max_tokens: 900 }), story.ask({ max_tokens: 900 })]);
    expect([first.status, refused.status]).toEqual([200, 429]);
    expect(refused.headers.get('x-should-retry')).toBeNull();
    expect(refused.headers.get('retry-after')).toBe('5');
    expect((await errorOf(refused)).tollgate.retry_at).toBe('2026-11-23T00:00:00.000Z');
    await story.clock.advance(5_000);
    expect((await story.ask({ max_tokens: 900 })).status).toBe(200);
  });

  test('in a budget that never ends names no sure instant', async () => {
    const story = await makeStory({ a: [hanging] }, config({ perUser: { lifetime: '$0.10' } }));
    const [, refused] = await Promise.all([story.ask({ max_tokens: 900 }), story.ask({ max_tokens: 900 })]);
    expect([refused.headers.get('retry-after'), refused.headers.get('x-should-retry')]).toEqual(['5', null]);
    expect((await errorOf(refused)).tollgate).not.toHaveProperty('retry_at');
  });

  test('is no hope where another budget has spent its own', async () => {
    const story = await makeStory(
      { a: [chatAnswer('hi', usage(300)), hanging] },
      config({ perUser: { daily: '$0.10' }, org: { daily: '$0.12' } }),
    );
    await story.ask({ max_tokens: 900 });
    // $0.03 are spent; $0.05 of the organisation's are held by another user. 800 tokens never fit ada's $0.07.
    const [, refused] = await Promise.all([
      story.ask({ max_tokens: 500, user: 'bob' }),
      story.ask({ max_tokens: 800 }),
    ]);
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(10_000);
  });
});

test('where a budget and a limit refuse, the wait does for both', async () => {
  const story = await makeStory(
    { a: answers(950) },
    config({ perUser: { daily: '$0.10' } }, { limits: { perKey: { requestsPerMinute: 1 } } }),
  );
  // Ten seconds before the day ends.
  await story.clock.advance(12 * 3_600_000 - 10_000);
  await story.ask({ max_tokens: 1_000 });
  const reply = await story.ask({ max_tokens: 1_000 });
  expect((await errorOf(reply)).code).toBe('budget_exceeded');
  expect(reply.headers.get('retry-after')).toBe('60');
  // The limits as they stand, without what the refused request took.
  expect(reply.headers.get('x-ratelimit-remaining-requests')).toBe('0');
  await story.clock.advance(60_000);
  expect((await story.ask({ max_tokens: 1_000 })).status).toBe(200);
});

describe('tokens a minute with back-pressure', () => {
  const clamping = config({ perUser: { tokensPerMinute: 2_000, backPressure: 'clamp' } });
  /** What the input of these requests is estimated at. */
  const inputOf = async (story: Story) => (await story.entries())[0]?.receipt.estimate.inputTokensHigh ?? 0;

  test('hold the whole output limit, and lower it to what is left', async () => {
    const story = await makeStory({ a: [{ ...chatAnswer('hi', usage(500)), afterMs: 1 }, ...answers(500)] }, clamping);
    await story.ask({ max_tokens: 1_000 });
    const input = await inputOf(story);
    const reply = await story.ask({ max_tokens: 1_900 });
    expect(reply.status).toBe(200);
    // 510 were used, and 1 ms has brought nothing whole back.
    expect(sentLimit(story)).toBe(2_000 - 510 - input);
    expect(reply.headers.get('x-tollgate-output-limit')).toMatch(/; set-by=budget; lowered-from=1900$/);
  });

  test('bring the alias’s default to requests that name no limit', async () => {
    const wide = config({ perUser: { tokensPerMinute: 20_000, backPressure: 'clamp' } });
    const story = await makeStory({ a: answers(500) }, wide);
    expect((await story.ask({ max_tokens: undefined })).headers.get('x-tollgate-output-limit')).toBe('2000');
    expect(sentLimit(story)).toBe(2_000);
  });

  test('past the floor refuse, and admit the same request at the told second', async () => {
    const story = await makeStory({ a: answers(1_900) }, clamping);
    await story.ask({ max_tokens: 1_900 });
    const reply = await story.ask({ max_tokens: 1_900 });
    expect(reply.status).toBe(429);
    const { message, tollgate } = await errorOf(reply);
    expect(tollgate.scope).toBe('user ada');
    expect(message).toMatch(/left; this request counts \d+\. Try again/);
    const waitMs = Date.parse((await errorOf(await story.ask({ max_tokens: 1_900 }))).tollgate.retry_at);
    await story.clock.advance(waitMs - story.clock.now() - 2);
    expect((await story.ask({ max_tokens: 1_900 })).status).toBe(429);
    await story.clock.advance(2);
    expect((await story.ask({ max_tokens: 1_900 })).status).toBe(200);
    expect(sentLimit(story)).toBe(100);
  });
});

test('a client that waits as long as it is told is admitted when it is alone', async () => {
  const pressure = fc.constantFrom<'refuse' | 'clamp'>('refuse', 'clamp');
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        daily: fc.integer({ min: 3, max: 40 }),
        backPressure: pressure,
        perKey: fc.record({
          requestsPerMinute: fc.integer({ min: 1, max: 5 }),
          tokensPerMinute: fc.integer({ min: 200, max: 6_000 }),
        }),
        tokensPerMinute: fc.integer({ min: 200, max: 6_000 }),
        asks: fc.array(fc.record({ limit: fc.option(fc.integer({ min: 1, max: 3_000 })), waitMs: fc.nat(20_000) }), {
          minLength: 1,
          maxLength: 6,
        }),
        used: fc.integer({ min: 1, max: 3_000 }),
      }),
      async ({ daily, backPressure, perKey, tokensPerMinute, asks, used }) => {
        const story = await makeStory(
          { a: answers(used, 20) },
          config(
            { perUser: { daily: `$0.${String(daily).padStart(2, '0')}`, tokensPerMinute, backPressure } },
            { limits: { perKey } },
          ),
        );
        for (const { limit, waitMs } of asks) {
          await story.clock.advance(waitMs);
          const body = { max_tokens: limit ?? undefined };
          const reply = await story.ask(body);
          if (reply.status === 200) continue;
          expect(reply.status).toBe(429);
          const retryAfter = reply.headers.get('retry-after');
          if (retryAfter === null) {
            expect(reply.headers.get('x-should-retry')).toBe('false');
            continue;
          }
          expect(Number.isSafeInteger(Number(retryAfter))).toBe(true);
          await story.clock.advance(Number(retryAfter) * 1_000);
          expect((await story.ask(body)).status).toBe(200);
        }
      },
    ),
    {
      numRuns: 60,
      examples: [
        // The scope that lowers would admit the least; the key, which does not lower, needs more.
        [
          {
            daily: 4,
            backPressure: 'clamp',
            perKey: { requestsPerMinute: 1, tokensPerMinute: 200 },
            tokensPerMinute: 201,
            asks: [
              { limit: null, waitMs: 0 },
              { limit: 101, waitMs: 12_300 },
              { limit: null, waitMs: 0 },
            ],
            used: 271,
          },
        ],
      ],
    },
  );
}, 30_000);
