import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { cacheAccess } from '../../../lambdas/core/authenticate/cached-access.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { STORE_DEADLINE_MS } from '../../../lambdas/core/store-deadline.ts';
import { boundStores } from '../../../lambdas/wiring/bound-stores.ts';
import { CONFIG, chatAnswer, chatStream, DONE, makeStory, says } from './story-fixture.ts';

type Mood = 'up' | 'down' | 'hangs';
type Part = 'access' | 'ledger' | 'limits' | 'answers' | 'runs' | 'circuits';

/** A story whose stores can fall, each by itself, behind the deadlines of the real wiring. */
const makeFragileStory = async (config: GatewayConfig = CONFIG, scripts = { a: [chatAnswer('hello')] }) => {
  const story = await makeStory(scripts, config);
  const moods = new Map<Part, Mood>();
  const fragile = <T extends object>(part: Part, store: T): T => {
    const methods = Object.entries(store).map(([name, method]) => [
      name,
      (...args: unknown[]) => {
        const mood = moods.get(part) ?? 'up';
        if (mood === 'hangs') return new Promise(() => {});
        return mood === 'down' ? Promise.reject(new StoreUnavailable(`${part} is down`)) : method(...args);
      },
    ]);
    return Object.fromEntries(methods) as T;
  };
  const { ports, clock, log } = story;
  const { ledger, limits, answers, runs } = ports;
  const stores = {
    ledger: fragile('ledger', ledger),
    limits: fragile('limits', limits),
    answers: fragile('answers', answers),
    runs: fragile('runs', runs),
  };
  const bound = boundStores(stores, ports.gateway, { clock, log });
  Object.assign(ports, bound, { access: cacheAccess(fragile('access', ports.access), clock) });
  return { ...story, fall: (mood: Mood, ...fallen: Part[]) => fallen.forEach((part) => void moods.set(part, mood)) };
};

const codeOf = async (reply: Response): Promise<string> =>
  ((await reply.json()) as { error: { tollgate: { code: string } } }).error.tollgate.code;

test('a store that is slow beyond its time leaves no hold behind: it is given back when it comes through', async () => {
  const story = await makeStory({ a: [chatAnswer('hello')] });
  const { ports, clock, log } = story;
  const { hold } = ports.ledger;
  let delayMs = 6_000;
  const ledger = {
    ...ports.ledger,
    hold: (asked: Parameters<typeof hold>[0]) => clock.sleep(delayMs).then(() => hold(asked)),
  };
  Object.assign(ports, boundStores({ ...ports, ledger }, ports.gateway, { clock, log }));
  expect((await story.ask()).status).toBe(503);
  await clock.advance(2_000);
  expect(await story.org()).toMatchObject({ held: 0n, spent: 0n });
  expect(await story.underWay()).toBe(0);
  delayMs = 100;
  expect((await story.ask()).status).toBe(200);
});

describe.each(['down', 'hangs'] as const)('a store that %s', (mood) => {
  test('is told as a 503 that says when to come again, never as a 401, and nobody is called', async () => {
    const story = await makeFragileStory();
    const unseen = await story.makeKey();
    expect((await story.ask()).status).toBe(200);
    story.fall(mood, 'access', 'ledger', 'limits', 'answers', 'runs');
    const askedAt = story.clock.now();
    for (const key of [story.key, unseen]) {
      const reply = await story.ask({}, { key });
      expect(reply.status).toBe(503);
      expect(reply.headers.get('retry-after')).not.toBeNull();
      expect(await codeOf(reply)).toBe('store_unavailable');
    }
    expect(story.clock.now() - askedAt).toBeLessThanOrEqual(2 * STORE_DEADLINE_MS + 1_000);
    expect(story.upstream.calls).toHaveLength(1);
  });

  test('and comes back serves the next request, and has lost no entry', async () => {
    const story = await makeFragileStory();
    await story.ask();
    story.fall(mood, 'access', 'ledger', 'limits');
    await story.ask();
    story.fall('up', 'access', 'ledger', 'limits');
    await story.clock.advance(500);
    expect((await story.ask()).status).toBe(200);
    const entries = await story.entries();
    expect(entries.map(({ state }) => state)).toEqual(['settled', 'settled']);
    expect(await story.org()).toMatchObject({ held: 0n, spent: entries.reduce((sum, { cost }) => sum + cost, 0n) });
  });

  test('while an answer is under way: the answer is whole, and is entered when the store is back', async () => {
    const story = await makeFragileStory(CONFIG, {
      a: [chatStream([says('one'), says(' two', 1_000), ...DONE])],
    } as never);
    const reply = await story.ask({ stream: true });
    story.fall(mood, 'ledger', 'limits');
    const said = await story.read(reply);
    expect(said).toContain('two');
    expect(said.trimEnd().endsWith('[DONE]')).toBe(true);
    expect((await story.entries())[0]?.state).toBe('open');
    story.fall('up', 'ledger', 'limits');
    await story.clock.advance(1_000);
    expect((await story.entries())[0]).toMatchObject({ state: 'settled', receipt: { outcome: 'answered' } });
    expect(await story.org()).toMatchObject({ held: 0n });
  });

  test('for rate limits alone refuses nobody, and the limits hold in the process', async () => {
    const config = { ...CONFIG, limits: { perKey: { requestsPerMinute: 3 } } };
    const story = await makeFragileStory(config);
    story.fall(mood, 'limits');
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await story.ask()).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    expect((await story.entries()).every(({ state }) => state === 'settled')).toBe(true);
  });

  test('for rate limits refuses where the configuration says so', async () => {
    const config: GatewayConfig = { ...CONFIG, whenStoreIsDown: { limits: 'refuse' } };
    const story = await makeFragileStory(config);
    story.fall(mood, 'limits');
    const reply = await story.ask();
    expect([reply.status, await codeOf(reply)]).toEqual([503, 'store_unavailable']);
    expect(await story.org()).toMatchObject({ held: 0n });
  });

  test('for keys alone serves those that it confirmed a moment ago', async () => {
    const story = await makeFragileStory();
    await story.ask();
    await story.clock.advance(10_000);
    story.fall(mood, 'access');
    expect((await story.ask()).status).toBe(200);
    await story.clock.advance(60_000);
    expect((await story.ask()).status).toBe(503);
  });

  test('for kept answers refuses a request with an idempotency key, and holds nothing', async () => {
    const story = await makeFragileStory();
    story.fall(mood, 'answers');
    expect((await story.ask({}, { headers: { 'idempotency-key': 'k' } })).status).toBe(503);
    expect((await story.ask()).status).toBe(200);
    expect(await story.org()).toMatchObject({ held: 0n });
    expect(await story.underWay()).toBe(0);
  });
});
