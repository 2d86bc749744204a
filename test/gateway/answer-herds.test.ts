import { afterEach, expect, test } from '@jest/globals';
import type { ModelConfig } from '../../lambdas/contract/config.ts';
import { admitted, holdUpstream } from '../support/hold-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

let running: TestGateway | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

/** Many who ask the same at once: what one of them comes to must never hurt another. */
const start = async (behaviour: string, more: Partial<ModelConfig> = {}): Promise<TestGateway> => {
  const price = { inputPerMTok: '10', outputPerMTok: '100' };
  running = await startGateway({
    providers: { demo: { kind: 'simulator' } },
    models: {
      assistant: {
        targets: [{ provider: 'demo', model: behaviour, price }],
        cache: { exact: '1h' },
        ...more,
      },
    },
  });
  return running;
};

const ask = async (
  { url, key }: TestGateway,
  {
    signal,
    headers,
    ...body
  }: { signal?: AbortSignal; headers?: Record<string, string> } & Record<string, unknown> = {},
) => {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: 'The same' }], ...body }),
    ...(signal && { signal }),
  });
  return { status: response.status, cache: response.headers.get('x-tollgate-cache'), text: await response.text() };
};

const herd = (gateway: TestGateway, count: number, body: Record<string, unknown> = {}) =>
  Promise.all(Array.from({ length: count }, () => ask(gateway, body)));
const calls = ({ gateway }: TestGateway): number => gateway.meter.totals().calls;

test('an answer that takes longer than a first token may is waited for: one call, and nobody fails', async () => {
  const gateway = await start('tokens-5+slow-1000', {
    timeouts: { firstTokenMs: 200, totalMs: 10_000, answerMs: 9_000 },
  });
  const replies = await herd(gateway, 10);
  expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
  expect(calls(gateway)).toBe(1);
});

test('a truncated answer is not kept, but is theirs who asked at the same moment', async () => {
  const gateway = await start('tokens-50');
  const release = holdUpstream(gateway);
  const asked = herd(gateway, 10, { max_tokens: 5 });
  await admitted(gateway, 10);
  release();
  const replies = await asked;
  expect(
    replies.every(({ status, text }) => status === 200 && JSON.parse(text).choices[0].finish_reason === 'length'),
  ).toBe(true);
  expect(calls(gateway)).toBe(1);
  expect(await ask(gateway, { max_tokens: 5 })).toMatchObject({ status: 200, cache: 'miss' });
});

test('one that leaves in the middle leaves its place to one of those who wait, and to one alone', async () => {
  const gateway = await start('tokens-5+slow-1500');
  const controller = new AbortController();
  const first = ask(gateway, { signal: controller.signal }).catch(() => 'gone');
  await admitted(gateway, 1);
  const others = herd(gateway, 10);
  await admitted(gateway, 11);
  controller.abort();
  expect(await first).toBe('gone');
  expect((await others).every(({ status }) => status === 200)).toBe(true);
  expect(calls(gateway)).toBe(2);
});

test('what was waited for a call that failed is not taken from the own one', async () => {
  // The first of two calls fails late, and the second is slow itself: together they take longer than one may.
  const gateway = await start('tokens-5+slow-2000', { timeouts: { totalMs: 3_000, answerMs: 3_000 } });
  const { upstream } = gateway.gateway.ports;
  let sent = 0;
  gateway.gateway.ports.upstream = {
    send: async (call, signal, options) => {
      sent += 1;
      if (sent > 1) return upstream.send(call, signal, options);
      await gateway.gateway.ports.clock.sleep(2_000);
      const failing = call.transport === 'simulator' ? { ...call, model: 'fail-400' } : call;
      return upstream.send(failing, signal, options);
    },
  };
  const replies = await herd(gateway, 2);
  expect(replies.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(1);
  await gateway.gateway.whenIdle();
  const outcomes = (await gateway.gateway.ports.ledger.tail({ limit: 5 })).map(({ receipt }) => receipt.outcome);
  expect(outcomes).not.toContain('deadline');
});
