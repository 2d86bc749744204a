import { afterEach, describe, expect, test } from '@jest/globals';
import type { ModelConfig, ProviderConfig } from '../../lambdas/contract/config.ts';
import { CIRCUIT } from '../../lambdas/core/call/call-policy.ts';
import type { LedgerEntry } from '../../lambdas/core/ledger.ts';
import { answerWith, type Behaviour, type FaultUpstream, failWith, startUpstream } from '../support/fault-upstream.ts';
import { replayOrder } from '../support/replay-order.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Over {
  behaviours: Behaviour[];
  model?: Partial<ModelConfig>;
  targets?: object[];
  providers?: (origins: string[]) => Record<string, ProviderConfig>;
}

/** A gateway whose model `a` has the given upstreams as its targets `up0/m`, `up1/m`, … */
const gatewayOver = async ({ behaviours, model = {}, targets = [], providers }: Over) => {
  const upstreams: FaultUpstream[] = [];
  for (const behave of behaviours) {
    const upstream = await startUpstream(behave);
    upstreams.push(upstream);
    cleanups.push(upstream.stop);
  }
  const own = Object.fromEntries(
    upstreams.map(({ baseUrl }, i) => [`up${i}`, { kind: 'openai-compatible' as const, baseUrl }]),
  );
  const named = providers?.(upstreams.map(({ baseUrl }) => baseUrl.replace('/v1', ''))) ?? own;
  const gateway = await startGateway({
    providers: named,
    models: {
      a: {
        targets: Object.keys(named).map((provider, i) => ({
          provider,
          model: 'm',
          price: { inputPerMTok: '1', outputPerMTok: '10' },
          contextTokens: 100_000,
          maxOutputTokens: 10_000,
          capabilities: ['streaming', 'tools'],
          ...targets[i],
        })),
        ...model,
      },
    },
  });
  cleanups.push(gateway.stop);
  const asked = () => upstreams.map(({ requests }) => requests.length);
  return { gateway, upstreams, asked };
};

interface Ask {
  text?: string;
  headers?: Record<string, string>;
  stream?: boolean;
  turns?: string[];
}
const ask = async ({ url, key }: TestGateway, { text = 'hi', headers = {}, stream = false, turns }: Ask = {}) => {
  const messages = (turns ?? [text]).map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'a', max_tokens: 100, stream, messages }),
  });
  await reply.text();
  return { status: reply.status, by: reply.headers.get('x-tollgate-model'), id: reply.headers.get('x-request-id') };
};

/** Every decision of the ledger, made again from its receipt. */
const replayed = async ({ gateway }: TestGateway): Promise<LedgerEntry[]> => {
  await gateway.whenIdle();
  const entries = await gateway.ports.ledger.tail({ limit: 1_000 });
  for (const { receipt } of entries) expect(replayOrder(receipt.plan)).toEqual(receipt.plan.targets);
  return entries;
};

const answerAfter =
  (ms: number): Behaviour =>
  async (request, response) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    await answerWith('slow')(request, response);
  };

describe('weighted', () => {
  test('conversations are shared out by weight, and each stays where it is', async () => {
    const { gateway, asked } = await gatewayOver({
      behaviours: [answerWith('0'), answerWith('1')],
      model: { policy: 'weighted' },
      targets: [{ weight: 1 }, { weight: 3 }],
    });
    for (let i = 0; i < 60; i++) {
      const first = await ask(gateway, { text: `question ${i}` });
      const second = await ask(gateway, { turns: [`question ${i}`, 'so', 'and?'] });
      expect(second.by).toBe(first.by);
    }
    const [light = 0, heavy = 0] = asked();
    expect(light + heavy).toBe(120);
    expect(light).toBeGreaterThan(0);
    expect(heavy).toBeGreaterThan(light);
    expect(await replayed(gateway)).toHaveLength(120);
  });

  test('one session stays with one target, however it begins its requests', async () => {
    const { gateway } = await gatewayOver({
      behaviours: [answerWith('0'), answerWith('1'), answerWith('2')],
      model: { policy: 'weighted' },
    });
    const by = new Set<string | null>();
    for (let i = 0; i < 12; i++)
      by.add((await ask(gateway, { text: `question ${i}`, headers: { 'x-tollgate-session': 's-1' } })).by);
    expect(by.size).toBe(1);
  });

  test('a target that fails loses its conversations to the others, and no client notices', async () => {
    const { gateway } = await gatewayOver({
      behaviours: [failWith(500), answerWith('1'), answerWith('2')],
      model: { policy: 'weighted' },
    });
    const by = new Map<string, number>();
    for (let i = 0; i < 40; i++) {
      const reply = await ask(gateway, { text: `question ${i}` });
      expect(reply.status).toBe(200);
      by.set(reply.by ?? '', (by.get(reply.by ?? '') ?? 0) + 1);
    }
    expect([...by.keys()].toSorted()).toEqual(['up1/m', 'up2/m']);
  });
});

describe('regions of one provider', () => {
  test('the one that fails is stood in for by its neighbour, before another provider is asked', async () => {
    const { gateway, upstreams } = await gatewayOver({
      behaviours: [
        (request, response) => (request.path.startsWith('/eu') ? failWith(503) : answerWith('us'))(request, response),
        answerWith('other'),
      ],
      model: { policy: 'weighted' },
      targets: [{ weight: 3 }, { weight: 1 }],
      providers: ([origin = '', other = '']) => ({
        r: { kind: 'openai-compatible', baseUrl: `${origin}/{region}/v1`, regions: ['eu', 'us'] },
        o: { kind: 'openai-compatible', baseUrl: `${other}/v1` },
      }),
    });
    for (let i = 0; i < 40; i++) expect((await ask(gateway, { text: `question ${i}` })).status).toBe(200);
    for (const { receipt } of await replayed(gateway)) {
      const [first] = receipt.attempts;
      if (first?.target === 'r/m@eu') expect(receipt.answeredBy).toBe('r/m@us');
    }
    const paths = new Set(upstreams[0]?.requests.map(({ path }) => path));
    expect(paths).toEqual(new Set(['/eu/v1/chat/completions', '/us/v1/chat/completions']));
  });

  test('a region that is not allowed is never asked', async () => {
    const { gateway, upstreams } = await gatewayOver({
      behaviours: [answerWith('r')],
      model: { allowRegions: ['eu'] },
      providers: ([origin = '']) => ({
        r: { kind: 'openai-compatible', baseUrl: `${origin}/{region}/v1`, regions: ['us-east-1', 'eu-west-1'] },
      }),
    });
    expect((await ask(gateway)).by).toBe('r/m@eu-west-1');
    expect(upstreams[0]?.requests.map(({ path }) => path)).toEqual(['/eu-west-1/v1/chat/completions']);
  });
});

describe('cheapest', () => {
  test('each request goes where it is expected to cost least', async () => {
    const dearOutput = { price: { inputPerMTok: '1', outputPerMTok: '30' } };
    const dearInput = { price: { inputPerMTok: '5', outputPerMTok: '1' } };
    const { gateway } = await gatewayOver({
      behaviours: [answerWith('0'), answerWith('1')],
      model: { policy: 'cheapest' },
      targets: [dearOutput, dearInput],
    });
    const { by, id } = await ask(gateway, { text: 'hi' });
    expect(by).toBe('up1/m');
    const seen = await fetch(`${gateway.url}/v1/receipts/${id}`, { headers: { 'x-api-key': gateway.key } });
    expect(await seen.json()).toMatchObject({
      plan: {
        targets: ['up1/m', 'up0/m'],
        route: {
          from: [1, 0],
          facts: { policy: 'cheapest', costs_usd: [expect.stringMatching(/^0\.0030\d\d$/), expect.any(String)] },
        },
      },
    });
    expect((await ask(gateway, { text: 'word '.repeat(4_000) })).by).toBe('up0/m');
    const [long, short] = await replayed(gateway);
    expect(short?.receipt.plan.route?.facts).toMatchObject({
      policy: 'cheapest',
      costs: [expect.any(String), expect.any(String)],
    });
    expect(long?.receipt.plan.targets).toEqual(['up0/m', 'up1/m']);
  });

  test('a conversation stays where its prompt is cached, until that no longer pays', async () => {
    const cached = { price: { inputPerMTok: '3', cachedInputPerMTok: '0.3', outputPerMTok: '1' } };
    const plain = { price: { inputPerMTok: '2', outputPerMTok: '1' } };
    let isUp = false;
    const { gateway } = await gatewayOver({
      behaviours: [
        (request, response) =>
          response.writeHead(200, { 'content-type': 'application/json' }).end(
            JSON.stringify({
              id: 'c',
              object: 'chat.completion',
              created: 1,
              model: 'm',
              choices: [{ index: 0, message: { role: 'assistant', content: 'so' }, finish_reason: 'stop' }],
              usage: { prompt_tokens: Math.floor(JSON.stringify(request.body).length / 5), completion_tokens: 5 },
            }),
          ) && undefined,
        (request, response) => (isUp ? answerWith('1') : failWith(503))(request, response),
      ],
      model: { policy: 'cheapest' },
      targets: [cached, plain],
    });
    const start = 'word '.repeat(3_000);
    // The cheaper one is down: the conversation begins at the other, and its prompt is in that one's cache.
    expect((await ask(gateway, { text: start })).by).toBe('up0/m');
    isUp = true;
    expect((await ask(gateway, { turns: [start, 'so', 'and?'] })).by).toBe('up0/m');
    expect((await ask(gateway, { text: `another ${start}` })).by).toBe('up1/m');
  });
});

describe('fastest', () => {
  test('requests find the faster target by themselves', async () => {
    const { gateway } = await gatewayOver({
      behaviours: [answerAfter(100), answerWith('1')],
      model: { policy: 'fastest', affinity: false },
    });
    const { ports } = gateway.gateway;
    const { random } = ports;
    const by = async (fraction: number, times: number): Promise<(string | null)[]> => {
      ports.random = { ...random, fraction: () => fraction };
      const all: (string | null)[] = [];
      for (let i = 0; i < times; i++) all.push((await ask(gateway, { stream: true })).by);
      return all;
    };
    // Nobody has been measured: the usual request goes as they are listed, one in ten measures the other.
    expect(await by(0.5, 3)).toEqual(['up0/m', 'up0/m', 'up0/m']);
    expect(await by(0.05, 3)).toEqual(['up1/m', 'up1/m', 'up1/m']);
    expect(await by(0.5, 3)).toEqual(['up1/m', 'up1/m', 'up1/m']);
    expect(await by(0.05, 3)).toEqual(['up1/m', 'up1/m', 'up1/m']);
    const entries = await replayed(gateway);
    expect(entries[0]?.receipt.plan.route?.facts).toMatchObject({
      policy: 'fastest',
      ms: [expect.any(Number), expect.any(Number)],
    });
  });
});

describe('rules', () => {
  test('tags, surface and length choose the route', async () => {
    const { gateway } = await gatewayOver({
      behaviours: [answerWith('0'), answerWith('1'), answerWith('2')],
      model: {
        routes: [
          { when: { tags: { data: 'secret' } }, targets: ['up2/m'] },
          { when: { inputTokensAbove: 2_000 }, targets: ['up1/m', 'up0/m'] },
        ],
      },
    });
    expect((await ask(gateway)).by).toBe('up0/m');
    expect((await ask(gateway, { text: 'word '.repeat(4_000) })).by).toBe('up1/m');
    expect(
      (await ask(gateway, { text: 'word '.repeat(4_000), headers: { 'x-tollgate-tags': 'data=secret' } })).by,
    ).toBe('up2/m');
    const rules = (await replayed(gateway)).map(({ receipt }) => receipt.plan.route);
    expect(rules).toEqual([{ rule: 0 }, { rule: 1 }, undefined]);
  });

  test('a rule’s targets are all there are, even when they are down', async () => {
    const { gateway, asked } = await gatewayOver({
      behaviours: [answerWith('0'), failWith(400)],
      model: { routes: [{ when: { tags: { data: 'secret' } }, targets: ['up1/m'] }] },
    });
    expect((await ask(gateway, { headers: { 'x-tollgate-tags': 'data=secret' } })).status).toBe(400);
    expect(asked()).toEqual([0, 1]);
  });
});

describe('slow start', () => {
  test('a recovered target gets its conversations back in steps, and none leaves again', async () => {
    const { gateway } = await gatewayOver({ behaviours: [answerWith('0'), answerWith('1')] });
    const { circuits, circuitBoard, clock } = gateway.gateway.ports;
    const atTarget = async (version: number, closedForMs: number): Promise<Set<number>> => {
      const changedAt = clock.now() - closedForMs;
      const record = {
        target: 'up0/m',
        version,
        circuit: { state: 'closed' as const },
        override: null,
        reason: 'test',
        changedAt,
      };
      expect(await circuits.write(record)).toBe(true);
      await circuitBoard.refresh();
      const back = new Set<number>();
      for (let i = 0; i < 60; i++)
        if ((await ask(gateway, { headers: { 'x-tollgate-session': `session ${i}` } })).by === 'up0/m') back.add(i);
      return back;
    };
    const steps: Set<number>[] = [];
    // From the beginning of each step, as its requests take their time.
    for (const [i] of CIRCUIT.slowStart.entries())
      steps.push(await atTarget(i + 1, CIRCUIT.slowStart[i - 1]?.untilMs ?? 0));
    steps.push(await atTarget(steps.length + 1, 60_000));
    expect(steps.at(-1)?.size).toBe(60);
    for (const [i, { share }] of CIRCUIT.slowStart.entries()) {
      const [now = new Set(), next = new Set()] = [steps[i], steps[i + 1]];
      expect(Math.abs(now.size / 60 - share)).toBeLessThan(0.15);
      expect(now.size).toBeLessThan(next.size);
      expect([...now].filter((session) => !next.has(session))).toEqual([]);
    }
    await replayed(gateway);
  });
});

describe('target statistics', () => {
  test('every process on a store learns what any has seen, without a write of its own', async () => {
    const { gateway } = await gatewayOver({ behaviours: [failWith(500), answerWith('1')] });
    for (let i = 0; i < 3; i++) await ask(gateway);
    await gateway.gateway.whenIdle();
    const { ports } = gateway.gateway;
    await ports.statistics.refresh();
    const { slots } = ports.statistics.of('up0/m') ?? { slots: new Map() };
    const counts = [...slots.values()].reduce(
      (sum, one) => sum.map((n: number, i: number) => n + (one[i] ?? 0)),
      [0, 0, 0, 0, 0],
    );
    expect(counts).toEqual([0, 0, 0, 3, 0]);
  });
});
