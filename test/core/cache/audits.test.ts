import { afterEach, describe, expect, test } from '@jest/globals';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { type Embedded, EmbedderUnavailable } from '../../../lambdas/core/cache/embedder.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import type { Script } from '../call/scripted-upstream.ts';
import {
  AGAIN,
  ASKED,
  type CachedStoryOptions,
  cachedConfig,
  KEPT,
  makeCachedStory,
  OTHER,
  SAME,
  VECTORS,
} from '../story/cached-story.ts';
import { CONFIG, chatAnswer } from '../story/story-fixture.ts';

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const stores of opened.splice(0)) stores.close();
});

const makeScene = async (answers: Script[], options?: CachedStoryOptions) => {
  const story = await makeCachedStory(answers, options);
  opened.push(story.stores);
  return story;
};

/** The output limits that were sent. */
const limitsOf = ({ upstream }: Awaited<ReturnType<typeof makeScene>>): unknown[] =>
  upstream.calls.map(({ body }) => (body as { max_tokens?: number }).max_tokens);

describe('an audit', () => {
  test('asks the model what a hit has answered, as a request of its own, and notes that both say the same', async () => {
    const scene = await makeScene([chatAnswer(SAME)]);
    expect(await scene.hit()).toMatchObject({
      status: 200,
      cache: expect.stringMatching(/^hit-semantic; score=0\.99$/),
    });
    const entries = await scene.entries();
    expect(entries.map(({ state }) => state)).toEqual(['settled', 'settled', 'settled']);
    const hit = entries.find(({ receipt }) => receipt?.cache?.result === 'hit-semantic');
    const [audit] = await scene.audits();
    expect(audit).toMatchObject({
      team: 'search',
      user: 'ada',
      alias: 'assistant',
      receipt: {
        stream: false,
        outcome: 'answered',
        answeredBy: 'a/m-1',
        cacheAudit: { of: hit?.requestId, verdict: 'same', share: 0, low: 0 },
      },
    });
    expect(audit?.requestId).not.toBe(hit?.requestId);
    expect(hit?.cost).toBe(0n);
    // 10 tokens in, 5 out, at $10 and $100 a million.
    expect(audit?.cost).toBe(600_000n);
    expect(await scene.state()).toEqual({ tightened: 0, isOff: false, audited: 1, wrong: 0 });
    expect(scene.embedded).toEqual([AGAIN, KEPT, KEPT, SAME]);
  });

  test('does not embed what is said in the very same words', async () => {
    const scene = await makeScene([chatAnswer(`**${KEPT}**`)]);
    await scene.hit();
    expect(scene.embedded).toEqual([AGAIN, KEPT]);
    expect(await scene.state()).toMatchObject({ audited: 1, wrong: 0 });
  });

  test('of a streamed hit is asked plainly: no field of the stream goes with it', async () => {
    const scene = await makeScene([chatAnswer(SAME)]);
    const answer = await scene.hit({ stream: true, stream_options: { include_usage: true } });
    expect(answer.cache).toMatch(/^hit-semantic/);
    expect(answer.text).toContain('[DONE]');
    const body = scene.upstream.calls.at(-1)?.body;
    expect(body).toMatchObject({ messages: [{ role: 'user', content: AGAIN }] });
    expect(body).not.toHaveProperty('stream');
    expect(body).not.toHaveProperty('stream_options');
    expect(await scene.audits()).toMatchObject([{ receipt: { stream: false, cacheAudit: { verdict: 'same' } } }]);
  });

  test('keeps its answer out of the cache: what is there stays, and a wrong one is not spread', async () => {
    const scene = await makeScene([chatAnswer(OTHER)]);
    const before = await scene.stores.responses.stats(scene.clock.now());
    await scene.hit();
    expect(await scene.state()).toMatchObject({ wrong: 1 });
    expect(await scene.stores.responses.stats(scene.clock.now())).toEqual(before);
    expect((await scene.hit()).text).toContain(KEPT);
  });

  test('takes neither the run of the request that hit nor its idempotency key', async () => {
    const scene = await makeScene([chatAnswer(SAME)]);
    await scene.hit({}, { 'x-tollgate-run': 'job-1', 'idempotency-key': 'k-1' });
    const [audit] = await scene.audits();
    expect(audit?.run).toBeUndefined();
    expect(await scene.ports.runs.read('search', ['job-1'])).toMatchObject([{ calls: 1 }]);
    expect(audit?.receipt).toMatchObject({ cacheAudit: { verdict: 'same' } });
  });

  test.each<[string, Script[], object]>([
    ['fails', [{ status: 500, body: '' }], { outcome: 'failed' }],
    ['is cut off', [{ broken: 'reset' }], { outcome: 'failed' }],
    ['is refused', [{ status: 400, body: '{"error":{"message":"no"}}' }], { outcome: 'refused-by-provider' }],
    ['says what no vector stands for', [chatAnswer('quux')], { outcome: 'answered' }],
    ['says nothing', [chatAnswer('')], { outcome: 'answered' }],
  ])('that %s leaves a settled entry, and counts for nothing', async (_, answers, receipt) => {
    const scene = await makeScene(answers);
    expect(await scene.hit()).toMatchObject({ status: 200 });
    const [audit, ...more] = await scene.audits();
    expect(more).toEqual([]);
    expect(audit).toMatchObject({ state: 'settled', receipt: { ...receipt, cacheAudit: { verdict: 'unknown' } } });
    expect(audit?.receipt?.cacheAudit).not.toHaveProperty('share');
    expect(await scene.state()).toMatchObject({ audited: 0 });
    expect(await scene.org()).toMatchObject({ held: 0n });
    expect(await scene.underWay()).toBe(0);
    // Nobody else is asked in its place: another model's answer would prove nothing.
    expect(scene.upstream.calls.map(({ host }) => host)).not.toContain('b');
  });

  test('whose model calls a tool, or is cut at its limit, counts for nothing', async () => {
    const cut = chatAnswer(OTHER);
    if (!('body' in cut) || typeof cut.body !== 'string') throw new Error('the answer has no text');
    const scene = await makeScene([{ status: 200, body: cut.body.replace('"stop"', '"length"') }]);
    await scene.hit();
    expect(await scene.audits()).toMatchObject([
      { receipt: { flaw: 'truncated', cacheAudit: { verdict: 'unknown' } } },
    ]);
    expect(await scene.state()).toMatchObject({ audited: 0 });
  });

  test('may be no longer than about what was kept, and holds no more; what is cut there proves nothing', async () => {
    const cut = chatAnswer(OTHER);
    if (!('body' in cut) || typeof cut.body !== 'string') throw new Error('the answer has no text');
    const scene = await makeScene([{ status: 200, body: cut.body.replace('"stop"', '"length"') }]);
    await scene.hit();
    expect(limitsOf(scene)).toEqual([1_000, 2 * 5 + 256]);
    expect(await scene.audits()).toMatchObject([
      { receipt: { outputLimit: { tokens: 266 }, cacheAudit: { verdict: 'unknown' } } },
    ]);
    // $100 a million: 266 tokens of output and a few of input.
    expect((await scene.audits())[0]?.hold).toBeLessThan(28_000_000n);
    expect(await scene.state()).toMatchObject({ audited: 0 });
  });

  test('is never given more than its request was', async () => {
    const scene = await makeScene([chatAnswer(KEPT), chatAnswer(SAME)]);
    // Another limit is another request: kept for itself first.
    await scene.say(ASKED, { max_tokens: 40 });
    await scene.clock.flush();
    expect(await scene.hit({ max_tokens: 40 })).toMatchObject({ cache: expect.stringMatching(/^hit-semantic/) });
    expect(limitsOf(scene)).toEqual([1_000, 40, 40]);
  });

  test('keeps the room for thinking that its request was given, on top', async () => {
    const config = cachedConfig({ auditShare: 1 });
    for (const target of config.models['assistant']?.targets ?? [])
      Object.assign(target, { capabilities: ['streaming', 'reasoning'] });
    const scene = await makeScene([chatAnswer(KEPT), chatAnswer(SAME)], { config });
    const think = async (content: string) => {
      const body = { max_tokens: 5_000, thinking: { type: 'enabled', budget_tokens: 2_000 } };
      const messages = [{ role: 'user', content }];
      await scene.read(await scene.ask({ ...body, messages }, { surface: 'anthropic-messages' }));
      await scene.clock.settle(scene.cache.settled());
    };
    await think(ASKED);
    await think(AGAIN);
    expect(limitsOf(scene)).toEqual([1_000, 5_000, 2_266]);
  });

  test('does not begin where nothing may that nobody waits for', async () => {
    const scene = await makeScene([chatAnswer(SAME)]);
    scene.ports.mayLinger = () => false;
    expect(await scene.hit()).toMatchObject({ status: 200, cache: expect.stringMatching(/^hit-semantic/) });
    expect(await scene.audits()).toEqual([]);
    expect(scene.upstream.calls).toHaveLength(1);
    scene.ports.mayLinger = () => true;
    await scene.hit();
    expect(await scene.audits()).toHaveLength(1);
  });

  test('whose embedder is gone by then is settled with what the call has cost', async () => {
    let vectors = 0;
    const scene = await makeScene([chatAnswer(SAME)], {
      embedder: {
        embed: async (text) => {
          // The two questions, and the kept answer once.
          if (++vectors > 3) throw new EmbedderUnavailable('gone');
          return { kind: 'vector', vector: Float32Array.from(VECTORS.get(text) ?? []), inputTokens: 0 };
        },
      },
    });
    await scene.hit();
    expect(await scene.audits()).toMatchObject([
      { state: 'settled', cost: 600_000n, receipt: { outcome: 'answered', cacheAudit: { verdict: 'unknown' } } },
    ]);
  });

  test('whose state can not be noted is settled with its verdict', async () => {
    const scene = await makeScene([chatAnswer(OTHER)]);
    scene.stores.wrongHits.write = () => new Promise(() => {});
    await scene.hit();
    const [audit] = await scene.audits();
    expect(audit).toMatchObject({ state: 'settled', receipt: { cacheAudit: { verdict: 'wrong' } } });
    expect(audit?.receipt?.cacheAudit).not.toHaveProperty('share');
    expect(scene.log.lines.map(({ message }) => message)).toContain(
      'an audit of the semantic cache may not be counted',
    );
  });

  test('that is cut short, as before a freeze, is settled', async () => {
    const scene = await makeScene([{ hang: true }]);
    await scene.say(AGAIN);
    await scene.clock.flush();
    expect(scene.upstream.calls).toHaveLength(2);
    const stop = new AbortController();
    const settled = scene.cache.settled(stop.signal);
    await scene.clock.flush();
    stop.abort();
    await scene.clock.settle(settled);
    expect(await scene.audits()).toMatchObject([
      { state: 'settled', receipt: { outcome: 'cancelled', cacheAudit: { verdict: 'unknown' } } },
    ]);
    expect(scene.upstream.calls.at(-1)).toMatchObject({ isOpen: false });
    expect(await scene.org()).toMatchObject({ held: 0n });
    expect(scene.watches()).toBe(0);
  });

  test('that nobody ends is ended by the time that its alias gives an answer', async () => {
    const scene = await makeScene([{ hang: true }]);
    await scene.hit();
    expect(await scene.audits()).toMatchObject([{ state: 'settled', receipt: { cacheAudit: { verdict: 'unknown' } } }]);
  });

  test('whose process dies says in its open entry what it was: no request, and no error of a request', async () => {
    const scene = await makeScene([{ hang: true }]);
    await scene.say(AGAIN);
    await scene.clock.flush();
    const [audit] = await scene.audits();
    expect(audit).toMatchObject({ state: 'open', receipt: { cacheAudit: { verdict: 'unknown' } } });
  });
});

describe('an audit with an embedder that is paid for', () => {
  /** $1 a million tokens, and each text counts as ten. */
  const priced = (config: GatewayConfig): Target => {
    const resolved = resolveGateway(config, catalogue, 1, { available: () => true });
    const target = resolved.ok ? resolved.gateway.aliases.get('assistant')?.targets[0] : undefined;
    if (target === undefined) throw new Error('no target');
    return { ...target, id: 'v/m', contextTokens: 1_000, price: { ...target.price, input: 1_000_000_000n } };
  };
  const target = priced(CONFIG);
  const embed = async (text: string): Promise<Embedded> => ({
    kind: 'vector',
    vector: Float32Array.from(VECTORS.get(text) ?? []),
    inputTokens: 10,
  });

  test('holds what comparing may cost, and pays for both vectors in its own entry', async () => {
    const scene = await makeScene([chatAnswer(SAME)], { embedder: { target, embed } });
    await scene.hit();
    const [audit] = await scene.audits();
    expect(audit).toMatchObject({
      cost: 600_000n + 20_000n,
      inputTokens: 10,
      receipt: {
        cacheAudit: { verdict: 'same' },
        cache: { result: 'off', embedding: { target: 'v/m', inputTokens: 20, cost: '20000' } },
      },
    });
    expect(audit?.receipt.overrun).toBeUndefined();
    const [hit] = (await scene.entries()).filter(({ receipt }) => receipt.cache?.result === 'hit-semantic');
    expect(hit?.cost).toBe(10_000n);
    // Twice the kept answer's 5 tokens and 256; and a text as long as the embedder reads.
    expect(audit?.hold).toBeGreaterThan(26_600_000n + 1_000_000n);
    expect(audit?.hold).toBeLessThan(30_000_000n);
    const records = await scene.metrics();
    expect(records.find(({ dimensions }) => dimensions['Provider'] === 'v')?.values).toEqual({
      CostUsd: [0.00004],
      InputTokens: [40],
    });
  });

  test('pays for what may have been billed where the embedder breaks', async () => {
    const breaking = async (text: string): Promise<Embedded> => {
      if (text === SAME) throw new EmbedderUnavailable('broken', { inputTokens: 30 });
      return embed(text);
    };
    const scene = await makeScene([chatAnswer(SAME)], { embedder: { target, embed: breaking } });
    await scene.hit();
    expect(await scene.audits()).toMatchObject([
      {
        cost: 600_000n + 40_000n,
        receipt: { cacheAudit: { verdict: 'unknown' }, cache: { embedding: { inputTokens: 40 } } },
      },
    ]);
  });

  test('asks for no vector of words that are the same, and audits no answer that is longer than it reads', async () => {
    const asked: string[] = [];
    const noting = (text: string) => {
      asked.push(text);
      return embed(text);
    };
    const scene = await makeScene([chatAnswer(KEPT)], { embedder: { target, embed: noting } });
    await scene.hit();
    expect(asked).not.toContain(KEPT);
    expect(await scene.audits()).toMatchObject([{ cost: 600_000n, receipt: { cacheAudit: { verdict: 'same' } } }]);

    const short = await makeScene([chatAnswer(SAME)], { embedder: { target: { ...target, contextTokens: 5 }, embed } });
    await short.hit();
    expect(await short.audits()).toEqual([]);
  });
});

describe('which hits are audited', () => {
  test('a share of them, as it was drawn', async () => {
    const scene = await makeScene([chatAnswer(SAME)], { config: cachedConfig({ auditShare: 0.25 }) });
    for (const fraction of [0.25, 0.9, 0.2499, 0]) {
      scene.ports.random = { ...systemRandom, fraction: () => fraction };
      await scene.hit();
      await scene.clock.advance(60_000);
    }
    expect(await scene.audits()).toHaveLength(2);
  });

  test('one at a time, and six a minute, whatever is asked', async () => {
    const slow = { ...chatAnswer(SAME), afterMs: 5_000 } as Script;
    const scene = await makeScene([slow], { config: cachedConfig({ auditShare: 1 }, { limits: {} }) });
    await Promise.all(Array.from({ length: 64 }, () => scene.say(AGAIN)));
    await scene.clock.settle(scene.cache.settled());
    // The first call is the one whose answer was kept.
    const audited = () => scene.upstream.calls.slice(1).map(({ at }) => at);
    expect(audited()).toHaveLength(1);
    for (let i = 0; i < 60; i++) {
      await scene.say(AGAIN);
      await scene.clock.advance(3_000);
    }
    const times = audited();
    expect(times.length).toBeGreaterThan(12);
    for (const at of times) expect(times.filter((other) => other >= at && other < at + 60_000).length).toBeLessThan(7);
    // Each takes five seconds.
    for (const [i, at] of times.slice(1).entries()) expect(at - (times[i] ?? 0)).toBeGreaterThanOrEqual(5_000);
  });

  test('none of a client that wants a kept answer and nothing else', async () => {
    const scene = await makeScene([chatAnswer(SAME)]);
    expect(await scene.hit({}, { 'x-tollgate-cache': 'only' })).toMatchObject({ status: 200 });
    expect(await scene.audits()).toEqual([]);
    expect(scene.upstream.calls).toHaveLength(1);
  });

  test('none of an answer for which no vector can stand: an audit could only find it right', async () => {
    const scene = await makeScene([chatAnswer(SAME)], {
      embedder: {
        embed: async (text) =>
          text === KEPT
            ? { kind: 'unreadable', why: 'too-long' }
            : { kind: 'vector', vector: Float32Array.from(VECTORS.get(text) ?? []), inputTokens: 0 },
      },
    });
    expect(await scene.hit()).toMatchObject({ status: 200, cache: expect.stringMatching(/^hit-semantic/) });
    expect(scene.upstream.calls).toHaveLength(1);
    expect(await scene.audits()).toEqual([]);
  });

  test('none while its target is in trouble', async () => {
    const scene = await makeScene([chatAnswer(SAME)]);
    scene.ports.circuitBoard = {
      ...scene.ports.circuitBoard,
      peek: () => ({ kind: 'wait', until: scene.clock.now() + 1_000, because: 'circuit' }),
    };
    await scene.hit();
    expect(await scene.audits()).toEqual([]);
    expect(scene.upstream.calls).toHaveLength(1);
  });

  test('where its target is shut a moment later, nobody else is asked in its place: that would prove nothing', async () => {
    const scene = await makeScene([chatAnswer(SAME)]);
    const { circuitBoard } = scene.ports;
    scene.ports.circuitBoard = {
      ...circuitBoard,
      tryEnter: async (target, entering) =>
        target === 'a/m-1'
          ? { kind: 'wait', until: scene.clock.now() + 600_000, because: 'by-hand' }
          : circuitBoard.tryEnter(target, entering),
    };
    await scene.hit();
    expect(scene.upstream.calls.map(({ host }) => host)).toEqual(['a']);
    expect(await scene.audits()).toMatchObject([
      { state: 'settled', cost: 0n, receipt: { attempts: [], cacheAudit: { verdict: 'unknown' } } },
    ]);
  });

  test('none out of a budget that is nearly spent, though its hits are free', async () => {
    // The first request has cost $0.0006, and the cap warns from there on. A hold is $0.1: there is room for one.
    const config = cachedConfig({ auditShare: 1 }, { budgets: { org: { monthly: '$0.12', warnAt: 0.005 } } });
    const scene = await makeScene([chatAnswer(SAME)], { config });
    for (let i = 0; i < 64; i++) {
      expect(await scene.hit()).toMatchObject({ status: 200, cache: expect.stringMatching(/^hit-semantic/) });
      await scene.clock.advance(15_000);
    }
    expect(await scene.audits()).toEqual([]);
    expect(await scene.org()).toMatchObject({ spent: 600_000n, held: 0n });
  });

  test('many hits at once never hold more than there is: an audit that finds no room leaves no trace', async () => {
    const config = cachedConfig({ auditShare: 1 }, { budgets: { org: { monthly: '$0.3', warnAt: 0.9 } } });
    const scene = await makeScene([chatAnswer(SAME)], { config });
    const answers = await Promise.all(Array.from({ length: 64 }, () => scene.say(AGAIN)));
    await scene.clock.settle(scene.cache.settled());
    // Each asks for 1,000 tokens of output, $0.1: two holds fit, so most are refused before they get to the cache.
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    const { committed, held } = await scene.org();
    expect(held).toBe(0n);
    expect(committed).toBeLessThanOrEqual(300_000_000n);
    for (const { state } of await scene.entries()) expect(state).toBe('settled');
    expect(await scene.underWay()).toBe(0);
  });

  const leftOut = (scene: Awaited<ReturnType<typeof makeScene>>) =>
    scene.log.lines.flatMap(({ message, fields }) =>
      message === 'an audit of the semantic cache was left out' ? [fields?.['why']] : [],
    );

  test.each([
    ['requests', { requestsPerMinute: 4 }],
    ['tokens', { tokensPerMinute: 1_500 }],
    ['places of requests under way', { concurrent: 1 }],
  ])('none out of the last half of a rate limit: %s', async (_, perKey) => {
    const scene = await makeScene([chatAnswer(SAME)], {
      config: cachedConfig({ auditShare: 1 }, { limits: { perKey } }),
    });
    for (let i = 0; i < 2; i++) expect(await scene.hit()).toMatchObject({ status: 200 });
    expect(leftOut(scene)).toContain('scarce');
    // Neither of them was refused for an audit's sake.
    expect((await scene.audits()).length).toBeLessThan(2);
    expect(scene.log.lines.map(({ message }) => message)).not.toContain('refused');
  });

  test('none where somebody else has taken the room meanwhile: it leaves no trace', async () => {
    const scene = await makeScene([chatAnswer(SAME)]);
    const { limits } = scene.ports;
    let takes = 0;
    scene.ports.limits = {
      ...limits,
      take: async (asked, epoch, now) => {
        takes += 1;
        // The hit's own is the first.
        if (takes === 1) return limits.take(asked, epoch, now);
        const [one] = asked;
        if (one === undefined) throw new Error('no limit');
        const by = { scope: one.scope, what: 'requests', limit: 1, remaining: 0, resetMs: 1_000 } as const;
        return { kind: 'refused', by, retryAfterMs: 1_000, never: false, figures: [by] };
      },
    };
    expect(await scene.hit()).toMatchObject({ status: 200 });
    expect(takes).toBe(2);
    expect(leftOut(scene)).toEqual(['rate_limit_exceeded']);
    expect(await scene.audits()).toEqual([]);
    expect(await scene.org()).toMatchObject({ held: 0n });
  });

  test('none while the store is away, and the hit is none the worse', async () => {
    const scene = await makeScene([chatAnswer(SAME)]);
    const { ledger } = scene.ports;
    let holds = 0;
    scene.ports.ledger = {
      ...ledger,
      hold: (request) => {
        holds += 1;
        return holds === 1 ? ledger.hold(request) : Promise.reject(new StoreUnavailable('away'));
      },
    };
    expect(await scene.hit()).toMatchObject({ status: 200, cache: expect.stringMatching(/^hit-semantic/) });
    expect(scene.log.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'an audit of the semantic cache met no store' }),
    );
    scene.ports.ledger = ledger;
    await scene.hit();
    expect(await scene.audits()).toHaveLength(1);
  });

  test('one that comes to see, once admitted, that the budget has come near its end, gives everything back', async () => {
    const config = cachedConfig({ auditShare: 1 }, { budgets: { org: { monthly: '$0.5', warnAt: 0.3 } } });
    const scene = await makeScene([chatAnswer(SAME)], { config });
    // Two others are under way by then, with $0.1 each.
    let holds = 0;
    const { ledger } = scene.ports;
    const key = 'org#default#2026-11';
    scene.ports.ledger = {
      ...ledger,
      hold: async (request) => {
        holds += 1;
        if (holds === 2) await ledger.hold({ ...request, amount: 200_000_000n });
        return ledger.hold(request);
      },
    };
    await scene.hit();
    expect(scene.upstream.calls).toHaveLength(1);
    expect(await scene.audits()).toMatchObject([
      { state: 'settled', cost: 0n, receipt: { outcome: 'failed', attempts: [], cacheAudit: { verdict: 'unknown' } } },
    ]);
    const [figures] = await ledger.figures([key]);
    // Theirs alone.
    expect(figures?.held).toBe(200_000_000n);
  });
});

describe('a cache that is wrong in a known share', () => {
  /** Hits, each audited, with a clock that leaves room for the next audit. */
  const hits = async (scene: Awaited<ReturnType<typeof makeScene>>, count: number): Promise<(string | null)[]> => {
    const results: (string | null)[] = [];
    for (let i = 0; i < count; i++) {
      results.push((await scene.hit()).cache);
      await scene.clock.advance(11_000);
    }
    return results;
  };

  test('every other hit wrong: its threshold is raised, then above the score; the metrics say so', async () => {
    const scene = await makeScene([OTHER, SAME, OTHER, SAME, OTHER, SAME, OTHER].map((text) => chatAnswer(text)));
    const results = await hits(scene, 5);
    expect(results.every((cache) => cache?.startsWith('hit-semantic'))).toBe(true);
    expect(await scene.state()).toEqual({ tightened: 1, isOff: false, audited: 0, wrong: 0 });
    const [of, whole] = [{ Alias: 'assistant' }, {}].map((dimensions) => JSON.stringify(dimensions));
    const metrics = await scene.metrics();
    const under = (key: string | undefined) =>
      metrics.find(({ dimensions }) => JSON.stringify(dimensions) === key)?.values;
    expect(under(whole)).toMatchObject({
      CacheHits: [5],
      CacheWrongHits: [3],
      CacheTightened: [1],
      Requests: [6],
      Errors: [0],
      // Each hit would have cost what the first request did.
      SavedUsd: [0.003],
    });
    expect(under(of)?.CacheWrongShare).toHaveLength(5);
    expect(under(of)?.CacheWrongShare).toEqual(expect.arrayContaining([1, 0.5, 2 / 3, 0.6]));
    for (const [i, share] of (under(of)?.CacheWrongShare ?? []).entries()) {
      expect(under(of)?.CacheWrongShareLow?.[i]).toBeLessThan(share);
      expect(under(of)?.CacheWrongShareHigh?.[i]).toBeGreaterThanOrEqual(share);
    }
  });

  test('all wrong: tightened, tightened, off; from then on a miss, and nothing is audited; until somebody trusts it', async () => {
    // The questions are 0.99 alike: no threshold that tightening reaches keeps them apart.
    const scene = await makeScene([chatAnswer(OTHER)], { config: cachedConfig({ auditShare: 1, threshold: 0.9 }) });
    const results = await hits(scene, 9);
    expect(results.every((cache) => cache?.startsWith('hit-semantic'))).toBe(true);
    expect(await scene.state()).toMatchObject({ tightened: 2, isOff: true });
    expect((await scene.audits()).flatMap(({ receipt }) => receipt?.cacheAudit?.change ?? [])).toEqual(
      expect.arrayContaining(['tightened', 'tightened', 'turned-off']),
    );
    const after = await scene.say(AGAIN);
    expect(after.cache).toBe('miss');
    expect(after.text).toContain(OTHER);
    const [entry] = (await scene.entries()).filter(({ receipt }) => receipt?.cache?.whyNotSemantic === 'turned-off');
    expect(entry).toBeDefined();
    await scene.clock.advance(60_000);
    expect(await scene.audits()).toHaveLength(9);
    expect(scene.log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toContain(
      'the semantic cache gave too many wrong answers, and has turned itself off',
    );
  });

  test('all right: nothing changes in a hundred', async () => {
    const scene = await makeScene([chatAnswer(SAME)]);
    await hits(scene, 100);
    expect(await scene.state()).toEqual({ tightened: 0, isOff: false, audited: 100, wrong: 0 });
  }, 60_000);
});
