import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { expectedText, requestBody } from '../../bench/answer.ts';
import { type Child, startChild } from '../../bench/child.ts';
import { runLoad } from '../../bench/load.ts';
import { findFaultInStream } from '../../bench/verify-answer.ts';

const script = (name: string) => join(import.meta.dirname, '../../bench', name);
const start = (name: string, ...args: string[]): Promise<Child> =>
  startChild({ name, command: process.execPath, args: [script(name), ...args], readyWithinMs: 20_000 });

let upstream: Child;
let proxy: Child;

beforeAll(async () => {
  upstream = await start('upstream.ts');
  proxy = await start('bare-proxy.ts', '--upstream', String(upstream.ready.url));
}, 30_000);

afterAll(async () => {
  await Promise.all([upstream?.stop(), proxy?.stop()]);
});

const countCalls = async () => ((await (await fetch(`${upstream.ready.url}/stats`)).json()) as { calls: number }).calls;

test.each([false, true])(
  'load through the bare proxy (stream: %s) is answered whole, one upstream call a request',
  async (stream) => {
    const before = await countCalls();
    const order = {
      headers: { 'content-type': 'application/json' },
      stream,
      concurrency: 4,
      durationMs: 10_000,
      maxRequests: 40,
    };
    const result = await runLoad({ ...order, baseUrl: `${proxy.ready.url}/v1` });
    expect(result).toMatchObject({ answered: 40, failed: 0, faults: {} });
    expect((await countCalls()) - before).toBe(40);
  },
);

test('a target that answers otherwise is found out', async () => {
  const order = { headers: {}, stream: false, concurrency: 2, durationMs: 10_000, maxRequests: 4 };
  const result = await runLoad({ ...order, baseUrl: `${upstream.ready.url}/elsewhere` });
  expect(result).toMatchObject({ answered: 0, failed: 4 });
  expect(Object.keys(result.faults)).toEqual([expect.stringMatching(/^status 404/)]);
});

test('load goes to this machine only', async () => {
  const order = {
    baseUrl: 'http://gateway.example/v1',
    headers: {},
    stream: false,
    concurrency: 1,
    durationMs: 1,
    maxRequests: 1,
  };
  await expect(runLoad(order)).rejects.toThrow('127.0.0.1 only');
});

test('usage is in the stream only where the client asked for it', async () => {
  const ask = async (extra: object) => {
    const body = JSON.stringify({ ...(JSON.parse(requestBody(true)) as object), ...extra });
    const response = await fetch(`${upstream.ready.url}/v1/chat/completions`, { method: 'POST', body });
    return response.text();
  };
  const [without, withUsage] = [await ask({}), await ask({ stream_options: { include_usage: true } })];
  expect([without, withUsage].map((text) => findFaultInStream(200, text))).toEqual([undefined, undefined]);
  expect([without, withUsage].map((text) => text.includes('"usage"'))).toEqual([false, true]);
  expect(expectedText).toContain('½');
});

test('a process that can not start says why', async () => {
  await expect(start('bare-proxy.ts')).rejects.toThrow(
    /bare-proxy\.ts ended with code 1[\s\S]*--upstream URL is missing/,
  );
});
