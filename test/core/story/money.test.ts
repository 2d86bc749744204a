import { describe, expect, test } from '@jest/globals';
import type { LimitStore } from '../../../lambdas/core/admit/limit-store.ts';
import type { Ledger } from '../../../lambdas/core/ledger.ts';
import { type Ports, StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { CONFIG, chatAnswer, chatStream, DONE, makeStory, type Story, says } from './story-fixture.ts';

/** 10 input tokens at $10 and 5 output tokens at $100 a million. */
const ANSWER_COST = 600_000n;

/** After any end: nothing is held, the accounts say what the entries say, nobody waits or watches. */
const expectAtRest = async (story: Story): Promise<void> => {
  const entries = await story.entries();
  const sum = entries.reduce((total, { cost }) => total + cost, 0n);
  expect(await story.org()).toMatchObject({ committed: sum, spent: sum, held: 0n });
  expect(entries.filter(({ state }) => state === 'open')).toEqual([]);
  expect(story.settlements).toHaveLength(entries.filter(({ state }) => state === 'settled').length);
  expect(await story.underWay()).toBe(0);
  expect(story.watches()).toBe(0);
};

describe('every way out settles exactly once', () => {
  test('an answer', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const reply = await story.ask();
    expect(reply.status).toBe(200);
    expect(reply.headers.get('x-tollgate-cost-usd')).toBe('0.0006');
    expect(await story.entries()).toMatchObject([
      { state: 'settled', cost: ANSWER_COST, receipt: { outcome: 'answered' } },
    ]);
    await expectAtRest(story);
  });

  test('a stream read to its end', async () => {
    const story = await makeStory({ a: [chatStream([says('hi'), ...DONE])] });
    const reply = await story.ask({ stream: true });
    expect(await story.read(reply)).toContain('[DONE]');
    expect(await story.entries()).toMatchObject([
      { state: 'settled', cost: ANSWER_COST, receipt: { outcome: 'answered' } },
    ]);
    await expectAtRest(story);
  });

  test('a failure of every target', async () => {
    const story = await makeStory({ a: [{ status: 500, body: '' }], b: [{ status: 500, body: '' }] });
    expect((await story.ask()).status).toBe(502);
    expect(await story.entries()).toMatchObject([{ state: 'settled', cost: 0n, receipt: { outcome: 'failed' } }]);
    await expectAtRest(story);
  });

  test('a stream cut after content', async () => {
    const story = await makeStory({ a: [chatStream([says('hi there')], { broken: 'reset' })] });
    const reply = await story.ask({ stream: true });
    expect(await story.read(reply)).toContain('"error"');
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'cut', usageEstimated: true } });
    expect(entry?.cost).toBeGreaterThan(0n);
    expect(entry?.cost).toBeLessThan(entry?.hold ?? 0n);
    await expectAtRest(story);
  });

  test('a client that is gone before anything came', async () => {
    const story = await makeStory({ a: [{ hang: true }] });
    const leave = new AbortController();
    const asked = story.ask({}, { signal: leave.signal });
    // The hang has no timer of its own but the deadline's: the client leaves first.
    story.clock.after(10, () => leave.abort());
    await asked;
    expect(await story.entries()).toMatchObject([{ state: 'settled', receipt: { outcome: 'client-gone' } }]);
    await expectAtRest(story);
  });

  test('a client that left before it was admitted costs nothing, and no vendor is asked', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const leave = new AbortController();
    const { limits } = story.ports;
    story.ports.limits = {
      ...limits,
      take: (...args) => {
        leave.abort();
        return limits.take(...args);
      },
    };
    await story.ask({}, { signal: leave.signal });
    expect(story.upstream.calls).toEqual([]);
    expect(await story.entries()).toMatchObject([{ state: 'settled', cost: 0n, receipt: { outcome: 'client-gone' } }]);
    await expectAtRest(story);
  });

  test('a client that leaves between head and first chunk', async () => {
    const story = await makeStory({ a: [chatStream([says('hi'), says('more', 100)], 'hang')] });
    const reply = await story.ask({ stream: true });
    await reply.body?.cancel();
    await story.clock.flush();
    expect(await story.entries()).toMatchObject([{ state: 'settled', receipt: { outcome: 'client-gone' } }]);
    expect(story.upstream.calls[0]?.isOpen).toBe(false);
    await expectAtRest(story);
  });

  test('a client that leaves while a chunk is awaited', async () => {
    const story = await makeStory({ a: [chatStream([says('hi')], 'hang')] });
    const reader = (await story.ask({ stream: true })).body?.getReader();
    await story.clock.settle(reader?.read() ?? Promise.reject());
    const pending = reader?.read();
    await story.clock.flush();
    await reader?.cancel();
    await pending;
    await story.clock.flush();
    expect(await story.entries()).toMatchObject([{ state: 'settled', receipt: { outcome: 'client-gone' } }]);
    await expectAtRest(story);
  });

  test('a client that stops reading: the vendor is held back, the deadline ends it', async () => {
    const many = Array.from({ length: 500 }, () => says('word '));
    const story = await makeStory({ a: [chatStream(many, 'hang')] });
    const reader = (await story.ask({ stream: true })).body?.getReader();
    await story.clock.settle(reader?.read() ?? Promise.reject());
    expect(story.upstream.calls[0]?.pulled).toBeLessThan(10);
    await story.clock.advance(300_000);
    expect(await story.entries()).toMatchObject([{ state: 'settled', receipt: { outcome: 'deadline' } }]);
    await expectAtRest(story);
  });

  test('a cancellation', async () => {
    const story = await makeStory({ a: [chatStream([says('hi')], 'hang')] });
    const reply = await story.ask({ stream: true });
    const text = reply.text();
    const [entry] = await story.entries();
    await story.ports.cancellations.request(entry?.requestId ?? '');
    expect(await story.clock.settle(text)).toContain('cancelled');
    expect(await story.entries()).toMatchObject([{ state: 'settled', receipt: { outcome: 'cancelled' } }]);
    await expectAtRest(story);
  });

  test('a codec that throws on the way out', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    story.ports.loadSurface = async () => ({
      ...openaiChat,
      relayAnswer: () => {
        throw new TypeError('a bug in a codec');
      },
    });
    expect((await story.ask()).status).toBe(502);
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'failed' } });
    // The vendor had counted: what it will bill is entered for each attempt.
    expect(entry?.cost).toBeGreaterThan(0n);
    await expectAtRest(story);
  });
});

describe('an exception between admission and settlement', () => {
  const broken = async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    story.ports.circuitBoard = {
      ...story.ports.circuitBoard,
      tryEnter: () => Promise.reject(new TypeError('a bug')),
    };
    return story;
  };

  test('leaves the entry open, to be charged whole at the close', async () => {
    const story = await broken();
    const reply = await story.ask();
    expect(reply.status).toBe(500);
    expect(await story.entries()).toMatchObject([{ state: 'open' }]);
    await story.clock.advance(60 * 60_000);
    await story.ports.ledger.closeDueEpochs();
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ state: 'lost', cost: entry?.hold });
    expect(await story.org()).toMatchObject({ committed: entry?.hold, held: 0n });
  });

  test('leaves no watch, no timer and no place in the concurrency limit behind', async () => {
    const story = await broken();
    await story.ask();
    expect(story.watches()).toBe(0);
    expect(story.clock.timers()).toBe(0);
    expect(await story.underWay()).toBe(0);
  });

  test('the client gets the id of the request, and the log has the error under it', async () => {
    const story = await broken();
    const reply = await story.ask();
    const id = reply.headers.get('x-request-id');
    expect((await story.entries())[0]?.requestId).toBe(id);
    expect(story.log.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { request_id: id, error: new TypeError('a bug') } },
    ]);
  });
});

describe('a store that fails', () => {
  type Trip = 'take' | 'hold' | 'open';
  /** `lost`: done, but the answer never came. */
  type How = 'undone' | 'lost';

  const breakOnce = (story: Story, trip: Trip, how: How): void => {
    const port = trip === 'take' ? 'limits' : 'ledger';
    const whole = story.ports[port] as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    const original = whole[trip];
    if (original === undefined) throw new Error(trip);
    const faulty = {
      ...whole,
      [trip]: async (...args: unknown[]) => {
        story.ports[port] = whole as never;
        if (how === 'lost') await original(...args);
        throw new StoreUnavailable('no answer');
      },
    };
    (story.ports as unknown as Record<string, unknown>)[port] = faulty;
  };

  test.each<[Trip, How]>([
    ['take', 'undone'],
    ['take', 'lost'],
    ['hold', 'undone'],
    ['hold', 'lost'],
    ['open', 'undone'],
    ['open', 'lost'],
  ])('at %s (%s): 503, no vendor is asked, and after the close nothing is held or charged', async (trip, how) => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    breakOnce(story, trip, how);
    const reply = await story.ask();
    expect(reply.status).toBe(503);
    expect(reply.headers.get('retry-after')).toBe('2');
    expect(story.upstream.calls).toEqual([]);
    // An unanswered hold may have been made: it is never given back, only closed.
    const { held } = await story.org();
    if (trip === 'hold' && how === 'lost') expect(held).toBeGreaterThan(0n);
    else expect(held).toBe(0n);
    // An unanswered take may have been made as well; all others are surely let go.
    if (trip !== 'take') expect(await story.underWay()).toBe(0);
    await story.clock.advance(60 * 60_000);
    await story.ports.ledger.closeDueEpochs();
    expect(await story.org()).toMatchObject({ committed: 0n, spent: 0n, held: 0n });
    expect((await story.ask()).status).toBe(200);
  });

  test('an entry that may exist and can not be refused either keeps its hold, and is charged at the close', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const { ledger } = story.ports;
    const down = () => Promise.reject(new StoreUnavailable('down'));
    story.ports.ledger = {
      ...ledger,
      open: async (entry) => {
        await ledger.open(entry);
        return down();
      },
      refuse: down,
    };
    expect((await story.ask()).status).toBe(503);
    expect(story.upstream.calls).toEqual([]);
    const [entry] = await story.entries();
    expect(await story.org()).toMatchObject({ committed: entry?.hold });
    expect(await story.underWay()).toBe(0);
  });

  test.each<['limits' | 'ledger']>([['limits'], ['ledger']])(
    'a give-back to %s that is not answered does not hide the refusal',
    async (port) => {
      const story = await makeStory(
        { a: [chatAnswer('hi')] },
        {
          ...CONFIG,
          ...(port === 'limits'
            ? { budgets: { org: { monthly: '$0.000001' } } }
            : { limits: { perKey: { tokensPerMinute: 1 } } }),
        },
      );
      const broken = { ...story.ports[port], giveBack: () => Promise.reject(new StoreUnavailable('down')) };
      (story.ports as unknown as Record<string, Ledger | LimitStore>)[port] = broken as Ledger | LimitStore;
      const reply = await story.ask();
      expect(reply.status).toBe(429);
      expect(story.log.lines).toContainEqual(expect.objectContaining({ level: 'warn' }));
    },
  );

  test('at settle: the answer arrives, the queue enters it later, once', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const { ledger } = story.ports;
    story.ports.ledger = { ...ledger, settle: () => Promise.reject(new StoreUnavailable('down')) };
    const reply = await story.ask();
    expect(reply.status).toBe(200);
    expect(await story.entries()).toMatchObject([{ state: 'open' }]);
    story.ports.ledger = ledger;
    await story.clock.advance(60_000);
    expect(await story.entries()).toMatchObject([{ state: 'settled', cost: ANSWER_COST }]);
    await expectAtRest(story);
  });

  test('at settle, for so long that the epoch is closed: charged whole, then put right', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const { ledger } = story.ports;
    story.ports.ledger = { ...ledger, settle: () => Promise.reject(new StoreUnavailable('down')) };
    await story.ask();
    await story.clock.advance(60 * 60_000);
    await ledger.closeDueEpochs();
    expect((await story.entries())[0]).toMatchObject({ state: 'lost' });
    story.ports.ledger = ledger;
    await story.clock.advance(60_000);
    expect(await story.entries()).toMatchObject([{ state: 'settled', cost: ANSWER_COST }]);
    expect(await story.org()).toMatchObject({ committed: ANSWER_COST, spent: ANSWER_COST, held: 0n });
  });

  test('limits that can not be corrected cost nobody an answer', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    story.ports.limits = { ...story.ports.limits, settle: () => Promise.reject(new StoreUnavailable('down')) };
    expect((await story.ask()).status).toBe(200);
    expect(await story.entries()).toMatchObject([{ state: 'settled' }]);
  });
});

describe('a clock that is not the store’s', () => {
  const skewed = async (skewMs: number) => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const { clock } = story.ports;
    story.ports.clock = { ...clock, now: () => clock.now() + skewMs };
    return story;
  };

  test.each([-40, -1, 1, 40])('off by %i epochs: the store’s time is taken and the request served', async (epochs) => {
    const story = await skewed(epochs * 5 * 60_000);
    expect((await story.ask()).status).toBe(200);
    expect(await story.entries()).toMatchObject([{ state: 'settled' }]);
    await expectAtRest(story);
  });

  test('an entry that comes too late is refused, its hold given back, and a new one made', async () => {
    const story = await skewed(40 * 5 * 60_000);
    const { ledger } = story.ports;
    let opened = 0;
    story.ports.ledger = {
      ...ledger,
      open: (entry) => {
        opened += 1;
        return opened === 1 ? Promise.resolve(false) : ledger.open(entry);
      },
    };
    expect((await story.ask()).status).toBe(200);
    expect(opened).toBe(2);
    await expectAtRest(story);
  });

  test('a store whose time runs wild: 503, and nothing stays held', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    story.ports.ledger = { ...story.ports.ledger, open: async () => false };
    expect((await story.ask()).status).toBe(503);
    expect(story.upstream.calls).toEqual([]);
    expect(await story.org()).toMatchObject({ committed: 0n });
    expect(await story.underWay()).toBe(0);
  });
});

describe('the order of the ledger', () => {
  test('no call without an acknowledged entry: hold, open, call, settle', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const order: string[] = [];
    const note = <T extends object>(port: T, names: (keyof T)[]): T => {
      const noted = { ...port };
      for (const name of names) {
        const original = port[name] as (...args: unknown[]) => Promise<unknown>;
        noted[name] = (async (...args: unknown[]) => {
          order.push(`${String(name)}…`);
          const result = await original(...args);
          order.push(String(name));
          return result;
        }) as T[typeof name];
      }
      return noted;
    };
    const ports = story.ports as Ports;
    ports.ledger = note(ports.ledger, ['hold', 'open', 'settle', 'giveBack', 'refuse', 'topUp']);
    ports.upstream = note(ports.upstream, ['send']);
    await story.ask();
    expect(order).toEqual(['hold…', 'hold', 'open…', 'open', 'send…', 'send', 'settle…', 'settle']);
  });
});

describe('a top-up', () => {
  const cut: Parameters<typeof makeStory>[0]['a'] = [{ status: 200, body: { broken: 'reset' } }];

  test('covers what the first attempt may be billed and the second target in full', async () => {
    const story = await makeStory({ a: cut, b: [chatAnswer('hi')] });
    const reply = await story.ask();
    expect(reply.status).toBe(200);
    const [entry] = await story.entries();
    const [first, second] = entry?.receipt.attempts ?? [];
    expect(BigInt(first?.cost ?? 0)).toBeGreaterThan(0n);
    expect(BigInt(second?.cost ?? 0)).toBe(2n * ANSWER_COST);
    expect(entry?.cost).toBe(BigInt(first?.cost ?? 0) + BigInt(second?.cost ?? 0));
    // The ceiling of b is twice that of a: both fit below the hold.
    expect(entry?.hold).toBe(3n * BigInt(first?.cost ?? 0));
    await expectAtRest(story);
  });

  test('that is refused ends the call with budget_exceeded; the dearer target is not asked, the first attempt is entered', async () => {
    const story = await makeStory(
      { a: cut, b: [chatAnswer('hi')] },
      { ...CONFIG, budgets: { org: { monthly: '$0.15' } } },
    );
    const reply = await story.ask();
    expect(reply.status).toBe(429);
    expect(reply.headers.get('x-tollgate-budget')).toBe('reject; scope=org default');
    expect(JSON.parse(await reply.text()).error.tollgate).toMatchObject({
      code: 'budget_exceeded',
      scope: 'org default',
    });
    expect(story.upstream.calls.map(({ host }) => host)).toEqual(['a']);
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ state: 'settled', cost: entry?.hold });
    await expectAtRest(story);
  });

  test.each(['undone', 'lost'])('that is not answered (%s): 503, the dearer target is not asked', async (how) => {
    const story = await makeStory({ a: cut, b: [chatAnswer('hi')] });
    const { ledger } = story.ports;
    story.ports.ledger = {
      ...ledger,
      topUp: async (...args) => {
        if (how === 'lost') await ledger.topUp(...args);
        throw new StoreUnavailable('no answer');
      },
    };
    expect((await story.ask()).status).toBe(503);
    expect(story.upstream.calls.map(({ host }) => host)).toEqual(['a']);
    await expectAtRest(story);
  });
});
