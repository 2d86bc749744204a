import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import {
  answerWith,
  type Behaviour,
  type FaultUpstream,
  failWith,
  openaiAnswer,
  openaiChunk,
  startUpstream,
} from '../support/fault-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const price = { inputPerMTok: '1', outputPerMTok: '10' };

/** A gateway whose alias `a` has the given upstreams as targets, in order. */
const gatewayOver = async (behaviours: Behaviour[], model: Partial<GatewayConfig['models'][string]> = {}) => {
  const upstreams: FaultUpstream[] = [];
  for (const behave of behaviours) {
    const upstream = await startUpstream(behave);
    upstreams.push(upstream);
    cleanups.push(upstream.stop);
  }
  const names = upstreams.map((_, i) => `up${i}`);
  const gateway = await startGateway({
    providers: Object.fromEntries(
      upstreams.map(({ baseUrl }, i) => [`up${i}`, { kind: 'openai-compatible' as const, baseUrl }]),
    ),
    models: {
      a: {
        targets: names.map((provider) => ({
          provider,
          model: 'm',
          price,
          contextTokens: 100_000,
          maxOutputTokens: 10_000,
          capabilities: ['streaming', 'tools'],
        })),
        ...model,
      },
    },
    budgets: { org: { monthly: '$100' } },
  });
  cleanups.push(gateway.stop);
  return { gateway, upstreams };
};

const ask = ({ url, key }: TestGateway, more: object = {}, init: RequestInit = {}) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'a', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }], ...more }),
    ...init,
  });

const receiptOf = async ({ url, key }: TestGateway, reply: Response) =>
  (await (
    await fetch(`${url}/v1/receipts/${reply.headers.get('x-request-id')}`, { headers: { 'x-api-key': key } })
  ).json()) as Record<string, never> & {
    attempts: { target: string; failure?: string; cost_usd: string }[];
    outcome: string;
    state: string;
  };

describe.each([false, true])('falling back (stream: %s)', (stream) => {
  test('a primary that answers 500: the backup answers, one upstream call to each', async () => {
    const { gateway, upstreams } = await gatewayOver([failWith(500), answerWith('from the backup')]);
    const reply = await ask(gateway, { stream });
    expect(reply.status).toBe(200);
    expect(await reply.text()).toContain('from the backup');
    expect(reply.headers.get('x-tollgate-model')).toBe('up1/m');
    expect(reply.headers.get('x-tollgate-attempts')).toBe('2');
    expect(upstreams.map(({ requests }) => requests.length)).toEqual([1, 1]);
    expect((await receiptOf(gateway, reply)).attempts.map(({ failure }) => failure)).toEqual([
      'server_error',
      undefined,
    ]);
  });

  test('a primary that answers 429 with retry-after 60: the backup answers at once, and the primary is left alone', async () => {
    const { gateway, upstreams } = await gatewayOver([
      failWith(429, { 'retry-after': '60' }),
      answerWith('from the backup'),
    ]);
    const before = performance.now();
    for (let i = 0; i < 3; i++) expect((await ask(gateway, { stream })).status).toBe(200);
    expect(performance.now() - before).toBeLessThan(30_000);
    expect(upstreams.map(({ requests }) => requests.length)).toEqual([1, 3]);
  });

  test('every target failing with 500: 502 all_targets_failed, each attempt listed, nothing charged', async () => {
    const { gateway, upstreams } = await gatewayOver([failWith(500), failWith(503)], { attempts: 2 });
    const reply = await ask(gateway, { stream });
    const { error } = (await reply.json()) as {
      error: { tollgate: { attempts: { target: string; status: number }[] } };
    };
    expect(reply.status).toBe(502);
    expect(error.tollgate.attempts.map(({ target, status }) => [target, status])).toEqual([
      ['up0/m', 500],
      ['up1/m', 503],
    ]);
    expect(upstreams.map(({ requests }) => requests.length)).toEqual([1, 1]);
    expect(await receiptOf(gateway, reply)).toMatchObject({ state: 'settled', outcome: 'failed', cost_usd: '0' });
  });

  test('a provider that finds the request invalid: 400 with its words, the backup is not asked', async () => {
    const { gateway, upstreams } = await gatewayOver([failWith(400), answerWith('never')]);
    const reply = await ask(gateway, { stream });
    expect(reply.status).toBe(400);
    expect(await reply.text()).toContain('upstream says 400');
    expect(upstreams.map(({ requests }) => requests.length)).toEqual([1, 0]);
  });

  test('every target busy: 429 with the retry-after, not 502', async () => {
    const { gateway } = await gatewayOver([failWith(429, { 'retry-after': '60' })]);
    const reply = await ask(gateway, { stream });
    expect(reply.status).toBe(429);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(50);
  });

  test('a primary nobody listens at: the backup answers and nothing is charged for the first', async () => {
    const { gateway, upstreams } = await gatewayOver([answerWith('gone'), answerWith('from the backup')]);
    await upstreams[0]?.stop();
    cleanups.splice(0, 1);
    const reply = await ask(gateway, { stream });
    expect(await reply.text()).toContain('from the backup');
    const receipt = await receiptOf(gateway, reply);
    expect(receipt.attempts.map(({ failure, cost_usd }) => [failure, cost_usd])).toEqual([
      ['connection_failed', '0'],
      [undefined, '0.00006'],
    ]);
  });

  test('a primary that never says a word is passed over in time for the backup to answer', async () => {
    const { gateway } = await gatewayOver([() => {}, answerWith('from the backup')], {
      timeouts: { firstTokenMs: 1_000, totalMs: 8_000 },
    });
    const reply = await ask(gateway, { stream });
    expect(reply.status).toBe(200);
    expect(await reply.text()).toContain('from the backup');
  });
});

describe('streams that break', () => {
  test('before content: the backup answers and the client never knows', async () => {
    const { gateway } = await gatewayOver([
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(openaiChunk({ role: 'assistant', content: '' }));
        response.destroy();
      },
      answerWith('whole'),
    ]);
    const text = await (await ask(gateway, { stream: true })).text();
    expect(text).toContain('whole');
    expect(text).not.toContain('error');
    expect(text).toContain('[DONE]');
  });

  test('after content: the error event, never [DONE], and the receipt says cut', async () => {
    const { gateway, upstreams } = await gatewayOver([
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(openaiChunk({ content: 'half an ans' }));
        setTimeout(() => response.destroy(), 20);
      },
      answerWith('never'),
    ]);
    const reply = await ask(gateway, { stream: true });
    const text = await reply.text();
    expect(text).toContain('half an ans');
    expect(text).toContain('"error"');
    expect(text).not.toContain('[DONE]');
    expect(upstreams[1]?.requests).toHaveLength(0);
    const receipt = await receiptOf(gateway, reply);
    expect(receipt).toMatchObject({ outcome: 'cut', usage_estimated: true });
    expect(Number(receipt.attempts[0]?.cost_usd)).toBeGreaterThan(0);
  });
});

describe('the circuit', () => {
  test('opens after five failures in a row: the broken target is asked no more, the backup serves all', async () => {
    const { gateway, upstreams } = await gatewayOver([failWith(500), answerWith('ok')]);
    for (let i = 0; i < 12; i++) expect((await ask(gateway)).status).toBe(200);
    expect(upstreams.map(({ requests }) => requests.length)).toEqual([5, 12]);
    const open = (await gateway.gateway.ports.circuits.list()).find(({ target }) => target === 'up0/m');
    expect(open?.circuit.state).toBe('open');
  });

  test('open on every target: each is asked once, and where all fail the client gets 503 with retry-after', async () => {
    const { gateway, upstreams } = await gatewayOver([failWith(500), failWith(500)], { attempts: 2 });
    for (let i = 0; i < 5; i++) await ask(gateway);
    const reply = await ask(gateway);
    expect(reply.status).toBe(503);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(upstreams.map(({ requests }) => requests.length)).toEqual([6, 6]);
    const tried = { failure: 'server_error', least_bad: true };
    const passedOver = ['up0/m', 'up1/m'].map((target) => ({ target, reason: 'circuit open' }));
    expect(await receiptOf(gateway, reply)).toMatchObject({
      attempts: [tried, tried],
      plan: { passed_over: passedOver },
    });
  });

  test('open on the only target, which has recovered: nobody is refused', async () => {
    let isWell = false;
    const { gateway, upstreams } = await gatewayOver([
      (request, response) => (isWell ? answerWith('well again') : failWith(500))(request, response),
    ]);
    for (let i = 0; i < 2; i++) await ask(gateway);
    isWell = true;
    const before = upstreams[0]?.requests.length ?? 0;
    const replies = await Promise.all(Array.from({ length: 20 }, () => ask(gateway)));
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(upstreams[0]?.requests).toHaveLength(before + 20);
    const [circuit] = await gateway.gateway.ports.circuits.list();
    await gateway.gateway.ports.circuitBoard.settled();
    expect(circuit?.target).toBe('up0/m');
    expect(gateway.gateway.ports.circuitBoard.peek('up0/m')).toEqual({ kind: 'go' });
  });

  test('is shared: what one process found broken another does not ask', async () => {
    const broken = await startUpstream(failWith(500));
    const well = await startUpstream(answerWith('ok'));
    const dataDir = mkdtempSync(join(tmpdir(), 'tollgate-shared-'));
    const target = { model: 'm', price, contextTokens: 100_000, maxOutputTokens: 10_000 };
    const config: GatewayConfig = {
      providers: {
        up0: { kind: 'openai-compatible', baseUrl: broken.baseUrl },
        up1: { kind: 'openai-compatible', baseUrl: well.baseUrl },
      },
      models: {
        a: {
          targets: [
            { provider: 'up0', ...target },
            { provider: 'up1', ...target },
          ],
        },
      },
    };
    const first = await startGateway(config, { dataDir });
    const second = await startGateway(config, { dataDir });
    cleanups.push(broken.stop, well.stop, async () => rmSync(dataDir, { recursive: true }), first.stop, second.stop);
    for (let i = 0; i < 6; i++) expect((await ask(first)).status).toBe(200);
    expect(broken.requests).toHaveLength(5);
    await first.gateway.ports.circuitBoard.settled();
    await second.gateway.ports.circuitBoard.refresh();
    for (let i = 0; i < 5; i++) expect((await ask({ ...second, key: first.key })).status).toBe(200);
    expect(broken.requests).toHaveLength(5);
    expect(second.gateway.ports.circuitBoard.peek('up0/m')).toMatchObject({ kind: 'wait', because: 'circuit' });
  });
});

describe('when the client hangs up', () => {
  const endless: Behaviour = async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write(openaiChunk({ content: 'word ' })), 20);
    response.on('close', () => clearInterval(timer));
  };

  test('in the middle of a stream: the upstream is stopped within a second and the request settled', async () => {
    const { gateway, upstreams } = await gatewayOver([endless]);
    const leave = new AbortController();
    const reply = await ask(gateway, { stream: true }, { signal: leave.signal });
    const reader = reply.body?.getReader();
    await reader?.read();
    const leftAt = performance.now();
    leave.abort();
    await reader?.read().catch(() => {});
    const closedAt = await upstreams[0]?.requests[0]?.closed;
    expect((closedAt ?? Number.POSITIVE_INFINITY) - leftAt).toBeLessThan(1_000);
    await gateway.gateway.whenIdle();
    expect(await receiptOf(gateway, reply)).toMatchObject({ state: 'settled', outcome: 'client-gone' });
  });

  test('while a plain answer is awaited: the same', async () => {
    const { gateway, upstreams } = await gatewayOver([() => {}]);
    const leave = new AbortController();
    const asked = ask(gateway, {}, { signal: leave.signal }).catch(() => 'gone');
    while (upstreams[0]?.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const leftAt = performance.now();
    leave.abort();
    expect(await asked).toBe('gone');
    const closedAt = await upstreams[0]?.requests[0]?.closed;
    expect((closedAt ?? Number.POSITIVE_INFINITY) - leftAt).toBeLessThan(1_000);
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({ state: 'settled' });
    expect(entry?.receipt.outcome).toBe('client-gone');
    expect(entry?.cost).toBe(entry?.hold);
  });

  test('cancelled by its own key: stopped, settled, and the client sees an error event', async () => {
    const { gateway, upstreams } = await gatewayOver([endless]);
    const reply = await ask(gateway, { stream: true });
    const other = await gateway.makeKey();
    const cancel = (key: string) =>
      fetch(`${gateway.url}/v1/requests/${reply.headers.get('x-request-id')}/cancel`, {
        method: 'POST',
        headers: { 'x-api-key': key },
      });
    expect((await cancel(other)).status).toBe(404);
    expect((await cancel(gateway.key)).status).toBe(202);
    const text = await reply.text();
    expect(text).toContain('"error"');
    expect(text).not.toContain('[DONE]');
    await upstreams[0]?.requests[0]?.closed;
    expect(await receiptOf(gateway, reply)).toMatchObject({ state: 'settled', outcome: 'cancelled' });
  });
});

test('a plain answer that never comes: the target is left in time for the backup to answer', async () => {
  const { gateway } = await gatewayOver([() => {}, answerWith('from the backup')], {
    timeouts: { firstTokenMs: 100, totalMs: 8_000 },
  });
  const reply = await ask(gateway);
  expect(reply.status).toBe(200);
  expect(await reply.text()).toContain('from the backup');
});

test('an error under a 200 keeps its words and costs nothing', async () => {
  const { gateway } = await gatewayOver(
    [
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: { message: 'out of luck', type: 'server_error', code: null } }));
      },
    ],
    { attempts: 1 },
  );
  const reply = await ask(gateway);
  expect(reply.status).toBe(502);
  expect(await reply.text()).toContain('out of luck');
  expect(await receiptOf(gateway, reply)).toMatchObject({ cost_usd: '0' });
});

test('cached tokens beyond the prompt are not believed', async () => {
  const { gateway } = await gatewayOver([
    (_request, response) => {
      const usage = { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 1_000_000 } };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...openaiAnswer('hi'), usage }));
    },
  ]);
  expect((await ask(gateway)).headers.get('x-tollgate-cost-usd')).toBe('0.00006');
});

test('an end user has one name, in the header and in the body', async () => {
  const { gateway } = await gatewayOver([answerWith('hi')]);
  const inHeader = await ask(
    gateway,
    {},
    { headers: { 'x-api-key': gateway.key, 'x-tollgate-user': Buffer.from('jürgen').toString('latin1') } },
  );
  const inBody = await ask(gateway, { user: 'jürgen' });
  for (const reply of [inHeader, inBody]) expect(await receiptOf(gateway, reply)).toMatchObject({ user: 'jürgen' });
  expect((await ask(gateway, { user: 'a\u0000b' })).status).toBe(400);
});
