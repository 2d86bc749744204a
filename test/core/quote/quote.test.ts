import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { makeRunBook } from '../../../lambdas/core/admit/run-book.ts';
import { attemptFailure } from '../../../lambdas/core/call/attempt-failure.ts';
import { CIRCUIT } from '../../../lambdas/core/call/call-policy.ts';
import { overrideCircuit } from '../../../lambdas/core/call/override-circuit.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { quoteRequest } from '../../../lambdas/core/quote/quote-request.ts';
import { CONFIG, chatAnswer, makeStory, type Story } from '../story/story-fixture.ts';

interface Quote {
  admitted: boolean;
  route: string[];
  expected_cost_usd: number;
  max_cost_usd: number;
  output_limit: { tokens: number; set_by: string };
  budget: { state: string } | null;
  refusal: { code: string; scope: string | null; retry_at: string | null } | null;
  offers: { model: string; target: string; expected_cost_usd: number; max_cost_usd: number }[];
}

const targetAt = (model: string, input: string, output: string, more: object = {}) => ({
  provider: 'a' as const,
  model,
  price: { inputPerMTok: input, outputPerMTok: output },
  contextTokens: 100_000,
  maxOutputTokens: 8_000,
  ...more,
});

/** Three aliases for the same thing: dear, cheaper, cheapest; and one that sees no tools. */
const configOf = (more: Partial<GatewayConfig> = {}): GatewayConfig => ({
  ...CONFIG,
  models: {
    assistant: { targets: [targetAt('dear', '10', '100')] },
    middle: { targets: [targetAt('middle', '5', '50')] },
    small: { targets: [targetAt('small', '1', '10')] },
    tiny: { targets: [targetAt('tiny', '0.1', '1', { capabilities: ['streaming'] })] },
  },
  ...more,
});

/** 1,000 output tokens at $100 a million, and a few of input. */
const HOLD = 0.1;

const quote = async (story: Story, body: object = {}, headers: Record<string, string> = {}) => {
  const request = new Request('http://gateway/v1/quote', {
    method: 'POST',
    headers: { authorization: `Bearer ${story.key}`, ...headers },
    body: JSON.stringify({
      model: 'assistant',
      max_tokens: 1_000,
      messages: [{ role: 'user', content: 'hello' }],
      ...body,
    }),
  });
  const surface = headers['anthropic-version'] === undefined ? 'openai-chat' : 'anthropic-messages';
  return story.clock.settle(
    story.ports.loadSurface(surface).then((spoken) => quoteRequest(request, spoken, story.ports)),
  );
};
const quoted = async (...args: Parameters<typeof quote>): Promise<Quote> => (await quote(...args)).json() as never;

const offersOf = async (reply: Response) =>
  ((await reply.json()) as { error: { tollgate: { offers: Quote['offers'] } } }).error.tollgate.offers;

describe('POST /v1/quote', () => {
  test('says the route and what it costs, and is right: the request is then admitted at that hold', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] }, configOf());
    const said = await quoted(story);
    expect(said).toMatchObject({
      admitted: true,
      route: ['a/dear'],
      refusal: null,
      budget: { state: 'ok' },
      output_limit: { tokens: 1_000, set_by: 'client' },
    });
    expect(said.max_cost_usd).toBeGreaterThan(HOLD);
    expect(said.expected_cost_usd).toBeGreaterThan(0);
    expect(said.expected_cost_usd).toBeLessThanOrEqual(said.max_cost_usd);
    expect((await story.ask()).status).toBe(200);
    const [entry] = await story.entries();
    expect(Number(entry?.hold) / 1e9).toBeCloseTo(said.max_cost_usd, 9);
  });

  test('takes nothing: no hold, no entry, no request counted, nobody called', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] }, configOf());
    const takes = [{ scope: `key#${story.keyRecord.id}`, limit: { requestsPerMinute: 600 }, tokens: 0 }];
    for (let i = 0; i < 5; i++) await quote(story);
    expect(await story.entries()).toEqual([]);
    expect(await story.org()).toMatchObject({ committed: 0n });
    expect(await story.ports.limits.read(takes, story.clock.now())).toMatchObject([{ remaining: 600 }]);
    expect(story.upstream.calls).toEqual([]);
  });

  test('offers cheaper aliases, the cheapest first', async () => {
    const story = await makeStory({}, configOf());
    const { offers, max_cost_usd } = await quoted(story);
    expect(offers.map(({ model }) => model)).toEqual(['tiny', 'small', 'middle']);
    expect(offers.map(({ target }) => target)).toEqual(['a/tiny', 'a/small', 'a/middle']);
    for (const offer of offers) expect(offer.max_cost_usd).toBeLessThan(max_cost_usd);
    expect(offers[2]?.max_cost_usd).toBeCloseTo(max_cost_usd / 2, 6);
  });

  test('offers nothing that is expected to cost more, though it holds less', async () => {
    const { models } = configOf();
    const brief = { targets: [targetAt('dear', '10', '100')], output: { default: 50 } };
    const story = await makeStory({}, configOf({ models: { ...models, assistant: brief } }));
    // 50 tokens at $100 a million; the others' answers usually are as long as the limit.
    expect((await quoted(story)).offers.map(({ model }) => model)).toEqual(['tiny']);
  });

  test('offers nothing that has no target to ask', async () => {
    const story = await makeStory({}, configOf());
    const { circuitBoard } = story.ports;
    const open = { kind: 'wait', until: story.clock.now() + 1_000, because: 'circuit' } as const;
    story.ports.circuitBoard = {
      ...circuitBoard,
      peek: (id) => (id === 'a/small' ? open : circuitBoard.peek(id)),
    };
    expect((await quoted(story)).offers.map(({ model }) => model)).toEqual(['tiny', 'middle']);
  });

  test('offers nothing that can’t do what is asked, and nothing that the key may not use', async () => {
    const story = await makeStory({}, configOf());
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }];
    expect((await quoted(story, { tools })).offers.map(({ model }) => model)).toEqual(['small', 'middle']);
    const key = await story.makeKey({ aliases: ['assistant', 'small'] });
    const other = await quote(story, {}, { authorization: `Bearer ${key}` });
    expect(((await other.json()) as Quote).offers.map(({ model }) => model)).toEqual(['small']);
  });

  test('says which budget refuses and until when, and what it has room for', async () => {
    const story = await makeStory({}, configOf({ budgets: { org: { monthly: '$0.06' } } }));
    const said = await quoted(story);
    expect(said).toMatchObject({
      admitted: false,
      budget: null,
      refusal: { code: 'budget_exceeded', scope: 'org default' },
    });
    expect(said.offers.map(({ model }) => model)).toEqual(['tiny', 'small', 'middle']);
    const tight = await makeStory({}, configOf({ budgets: { org: { monthly: '$0.012' } } }));
    expect((await quoted(tight)).offers.map(({ model }) => model)).toEqual(['tiny', 'small']);
  });

  test('says which rate limit refuses, and the same second as the refusal itself', async () => {
    const limits = { perKey: { requestsPerMinute: 1 } };
    const story = await makeStory({ a: [chatAnswer('hi')] }, configOf({ limits }));
    await story.ask();
    const said = await quoted(story);
    const refused = await story.ask();
    expect(refused.status).toBe(429);
    const { error } = (await refused.json()) as {
      error: { tollgate: { code: string; scope: string; retry_at: string } };
    };
    expect(said.refusal).toMatchObject({
      code: error.tollgate.code,
      scope: error.tollgate.scope,
      retry_at: error.tollgate.retry_at,
    });
    expect(said.offers).toEqual([]);
  });

  test('passes over a target whose own quota is full, as the call does, and says why', async () => {
    const targets = [
      targetAt('dear', '10', '100', { limits: { requestsPerMinute: 1 } }),
      targetAt('other', '10', '100', { limits: { requestsPerMinute: 1 } }),
    ] as const;
    const story = await makeStory(
      { a: [chatAnswer('hi'), chatAnswer('hi')] },
      configOf({ models: { assistant: { targets: [...targets] } } }),
    );
    expect(await quoted(story)).toMatchObject({ admitted: true, route: ['a/dear', 'a/other'], passed_over: [] });
    await story.ask();
    expect(await quoted(story)).toMatchObject({
      admitted: true,
      route: ['a/other'],
      passed_over: [{ target: 'a/dear', reason: 'quota of target: 1 requests per minute' }],
    });
    expect((await story.ask()).headers.get('x-tollgate-model')).toBe('a/other');
    const said = await quoted(story);
    const refused = await story.ask();
    const { error } = (await refused.json()) as {
      error: { tollgate: { code: string; scope: string; retry_at: string } };
    };
    expect(said).toMatchObject({ admitted: false, budget: null, route: ['a/dear', 'a/other'] });
    expect(said.refusal).toMatchObject({
      code: error.tollgate.code,
      scope: error.tollgate.scope,
      retry_at: error.tollgate.retry_at,
    });
  });

  describe('where a target’s circuit is open', () => {
    const targets = [targetAt('cheap', '1', '10'), targetAt('dear', '50', '500')] as const;
    const setUp = async (more: object = {}) => {
      const scripts = { a: Array.from({ length: 5 }, () => chatAnswer('hi')) };
      const story = await makeStory(
        scripts,
        configOf({ models: { ...configOf().models, assistant: { targets: [...targets], ...more } } }),
      );
      const open = async (target: string) => {
        await story.clock.settle(story.ports.circuitBoard.tryEnter(target));
        for (let i = 0; i < 5; i++)
          story.ports.circuitBoard.report(target, attemptFailure('server_error', { message: '500', status: 500 }));
        await story.clock.flush();
      };
      return { story, open };
    };

    test('says the route and the price of the one that would be asked, as the call does', async () => {
      const { story, open } = await setUp();
      const before = await quoted(story);
      expect(before.route).toEqual(['a/cheap', 'a/dear']);
      await open('a/cheap');
      const said = await quoted(story);
      expect(said).toMatchObject({
        admitted: true,
        route: ['a/dear'],
        passed_over: [{ target: 'a/cheap', reason: 'circuit open' }],
      });
      expect(said.expected_cost_usd).toBeCloseTo(before.expected_cost_usd * 50, 6);
      expect(said.max_cost_usd).toBeCloseTo(before.max_cost_usd * 50, 6);
      expect((await story.ask()).headers.get('x-tollgate-model')).toBe('a/dear');
      const [entry] = await story.entries();
      expect(Number(entry?.hold) / 1e9).toBeCloseTo(said.max_cost_usd, 9);
    });

    test('of all targets: says the least bad, which the call then tries', async () => {
      const { story, open } = await setUp();
      await open('a/dear');
      await open('a/cheap');
      const said = await quoted(story);
      expect(said).toMatchObject({ admitted: true, route: [expect.any(String)] });
      expect((await story.ask()).headers.get('x-tollgate-model')).toBe(said.route[0]);
    });

    test('of all targets, and there is an alias to fall back on: says its targets', async () => {
      const { story, open } = await setUp({ fallbacks: { any: ['small'] } });
      await open('a/dear');
      await open('a/cheap');
      expect(await quoted(story)).toMatchObject({ admitted: true, route: ['a/small'] });
      expect((await story.ask()).headers.get('x-tollgate-model')).toBe('a/small');
    });

    test('or shut by hand, elsewhere and while this process rested: knows of it', async () => {
      const { story } = await setUp();
      for (const { model } of targets) await story.clock.settle(story.ports.circuitBoard.tryEnter(`a/${model}`));
      const { clock, circuits } = story.ports;
      for (const { model } of targets)
        await overrideCircuit(`a/${model}`, { state: 'open', forMs: 60_000, reason: 'off' }, { circuits, clock });
      await story.clock.advance(CIRCUIT.outdatedMs);
      expect(await quoted(story)).toMatchObject({ admitted: false, refusal: { code: 'no_target_available' } });
      expect((await story.ask()).status).toBe(503);
    });
  });

  test('takes a messages body from an Anthropic client', async () => {
    const story = await makeStory({}, configOf());
    const said = await quoted(story, {}, { 'anthropic-version': '2023-06-01', 'x-api-key': story.key });
    expect(said).toMatchObject({ admitted: true, route: ['a/dear'] });
  });

  test('knows what started a run, also in a process that has not seen it', async () => {
    const story = await makeStory(
      { a: [chatAnswer('hi')] },
      configOf({ budgets: { runs: { search: { job: { lifetime: '$0.12' } } } } }),
    );
    const part = { 'x-tollgate-run': 'part', 'x-tollgate-parent-run': 'job' };
    expect((await story.ask({}, { headers: part })).status).toBe(200);
    story.ports.runs = makeRunBook(story.ports.runs);
    const said = await quoted(story, { max_tokens: 1_200 }, { 'x-tollgate-run': 'part' });
    expect(said).toMatchObject({ admitted: false, refusal: { code: 'budget_exceeded', scope: 'run job' } });
  });

  test('what can be no request is refused as on its own route', async () => {
    const story = await makeStory({}, configOf());
    expect((await quote(story, { messages: 'hello' })).status).toBe(400);
    expect((await quote(story, { model: 'nothing' })).status).toBe(404);
    expect((await quote(story, {}, { authorization: 'Bearer nobody' })).status).toBe(401);
  });
});

describe('offers on refusals', () => {
  test('a budget that is spent: what would be admitted now is, and for what was offered', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] }, configOf({ budgets: { org: { monthly: '$0.06' } } }));
    const refused = await story.ask();
    expect(refused.status).toBe(429);
    const offers = await offersOf(refused);
    expect(offers.map(({ model }) => model)).toEqual(['tiny', 'small', 'middle']);
    expect((await story.ask({ model: 'middle' })).status).toBe(200);
    const [entry] = await story.entries();
    expect(Number(entry?.hold) / 1e9).toBeCloseTo(offers[2]?.max_cost_usd ?? 0, 9);
  });

  test('a limit of one alias: another one is offered', async () => {
    const limits = { aliases: { assistant: { requestsPerMinute: 1 } } };
    const story = await makeStory({ a: [chatAnswer('hi')] }, configOf({ limits }));
    await story.ask();
    const refused = await story.ask();
    expect(refused.status).toBe(429);
    expect((await offersOf(refused)).map(({ model }) => model)).toEqual(['tiny', 'small', 'middle']);
  });

  test('where nothing cheaper has room the list is empty', async () => {
    const story = await makeStory({}, configOf({ budgets: { org: { monthly: '$0' } } }));
    expect(await offersOf(await story.ask())).toEqual([]);
  });

  test('a store that goes away between the refusal and the offers: the refusal stands', async () => {
    const story = await makeStory({}, configOf({ budgets: { org: { monthly: '$0.06' } } }));
    const { ledger } = story.ports;
    story.ports.ledger = { ...ledger, figures: () => Promise.reject(new StoreUnavailable('down')) };
    const refused = await story.ask();
    expect(refused.status).toBe(429);
    expect(await offersOf(refused)).toBeUndefined();
  });
});
