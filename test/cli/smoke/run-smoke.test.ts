import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CommandFailed, type Output } from '../../../lambdas/cli/output.ts';
import { runSmoke } from '../../../lambdas/cli/smoke/run-smoke.ts';
import { startGateway, type TestGateway } from '../../support/start-gateway.ts';

/** What stands between the smoke test and a gateway that is right: it gets the reply and may spoil it. */
interface Flaw {
  status?: (status: number, request: IncomingMessage) => number;
  headers?: (headers: Record<string, string>) => Record<string, string>;
  body?: (text: string, request: IncomingMessage) => string;
}

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    providers: { demo: { kind: 'simulator' } },
    models: {
      quick: { targets: [{ provider: 'demo', model: 'echo' }] },
      steady: { targets: [{ provider: 'demo', model: 'slow-1000+tokens-20' }] },
    },
    limits: { perKey: { requestsPerMinute: 10_000 } },
  });
});
afterAll(() => gateway.stop());

const clock = { now: () => Math.round(performance.now()) };
const at = (baseUrl: string, key = gateway.key) => ({ baseUrl, key, timeoutMs: 10_000, clock });

/** A proxy that buffers every reply whole, spoils it, and sends it on in one piece. */
const withFlaw = async <T>(flaw: Flaw, run: (url: string) => Promise<T>): Promise<T> => {
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { host: _, connection: __, ...headers } = request.headers;
    const reply = await fetch(`${gateway.url}${request.url}`, {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    });
    const text = await reply.text();
    const { 'content-length': ___, 'transfer-encoding': ____, ...kept } = Object.fromEntries(reply.headers);
    response.writeHead(flaw.status?.(reply.status, request) ?? reply.status, flaw.headers?.(kept) ?? kept);
    response.end(flaw.body?.(text, request) ?? text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
};

interface Report {
  passed: boolean;
  checks: { check: string; outcome: string; detail: string }[];
}

/** The report, of a run that failed as well. */
const report = async (run: Promise<Output>): Promise<Report> => {
  try {
    return (await run).data as Report;
  } catch (error) {
    if (error instanceof CommandFailed && error.output !== undefined) return error.output.data as Report;
    throw error;
  }
};

const outcomes = ({ checks }: Report) => Object.fromEntries(checks.map(({ check, outcome }) => [check, outcome]));
const failures = ({ checks }: Report) => checks.filter(({ outcome }) => outcome === 'failed').map(({ check }) => check);

describe('the smoke test', () => {
  test('passes a gateway that is right, in every check', async () => {
    const output = await runSmoke(at(gateway.url), { model: 'steady' });
    expect(failures(output.data as Report)).toEqual([]);
    expect(outcomes(output.data as Report)).toEqual({
      health: 'ok',
      models: 'ok',
      'plain answer': 'ok',
      'messages answer': 'ok',
      'stream in increments': 'ok',
      'error of a bad request': 'ok',
      'error of an unknown model': 'ok',
      'a bad key is refused': 'ok',
      'rate limits are told': 'ok',
      'receipt and usage': 'ok',
    });
    expect(output.text).toContain('10 ok, 0 failed');
    expect(output.text).not.toContain(gateway.key);
  });

  test('asks the first model that the key may use unless told another', async () => {
    const { checks } = await report(runSmoke(at(gateway.url)));
    expect(checks.find(({ check }) => check === 'plain answer')?.detail).toContain('demo/echo');
  });

  test('measures what the gateway adds to a direct route', async () => {
    const direct = { gateway: at(gateway.url), model: 'quick' };
    const { checks } = await report(runSmoke(at(gateway.url), { model: 'quick', direct }));
    expect(checks.at(-1)).toEqual({
      check: 'added latency',
      outcome: 'ok',
      detail: expect.stringMatching(/^-?\d+ ms \(median \d+ ms through the gateway, \d+ ms directly\)$/),
    });
    const gone = { gateway: at(gateway.url), model: 'no-such-model' };
    expect(failures(await report(runSmoke(at(gateway.url), { model: 'quick', direct: gone })))).toEqual([
      'added latency',
    ]);
  });

  test('finds a stream that is held back on the way, where it is slow enough to tell', async () => {
    await withFlaw({}, async (url) => {
      expect(failures(await report(runSmoke(at(url), { model: 'steady' })))).toEqual(['stream in increments']);
      const quick = await report(runSmoke({ ...at(url), clock: { now: () => 0 } }, { model: 'quick' }));
      expect([failures(quick), outcomes(quick)['stream in increments']]).toEqual([[], 'skipped']);
    });
  });

  test.each<[string, Flaw, string[]]>([
    ['lets a bad key in', { status: (status) => (status === 401 ? 200 : status) }, ['a bad key is refused']],
    [
      'has errors of another shape',
      { body: (text) => (text.includes('"error"') ? '{"message":"no"}' : text) },
      ['error of a bad request', 'a bad key is refused'],
    ],
    [
      'answers with another model’s name',
      { body: (text) => text.replaceAll('"model":"quick"', '"model":"echo"') },
      ['plain answer'],
    ],
    ['drops the end of a stream', { body: (text) => text.replace('data: [DONE]', '') }, ['stream in increments']],
    [
      'drops its headers',
      { headers: () => ({ 'content-type': 'application/json' }) },
      ['plain answer', 'stream in increments', 'receipt and usage'],
    ],
    [
      'hides its receipts',
      { status: (status, { url }) => (url?.startsWith('/v1/receipts') ? 404 : status) },
      ['receipt and usage'],
    ],
    ['is not healthy', { status: (status, { url }) => (url === '/health' ? 503 : status) }, ['health']],
  ])('fails a gateway that %s', async (_, flaw, expected) => {
    // Time stands still: whether a stream came in increments is judged by the clock, and the machine may be busy.
    const found = await withFlaw(flaw, (url) =>
      report(runSmoke({ ...at(url), clock: { now: () => 0 } }, { model: 'quick' })),
    );
    expect([found.passed, failures(found)]).toEqual([false, expected]);
  });

  test('says what is wrong where nothing answers, nothing answers in time, or the key may use nothing', async () => {
    const gone = await withFlaw({}, async (url) => url);
    expect((await report(runSmoke(at(gone)))).checks).toEqual([
      { check: 'health', outcome: 'failed', detail: 'ECONNREFUSED' },
    ]);
    expect(failures(await report(runSmoke(at(gateway.url, 'tg_bad'))))).toEqual(['models']);
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { checks } = await report(runSmoke({ ...at(url), timeoutMs: 50 }));
    expect(checks).toEqual([{ check: 'health', outcome: 'failed', detail: 'no answer in time' }]);
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });
});
