import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import {
  answerWith,
  type Behaviour,
  type FaultUpstream,
  failWith,
  openaiChunk,
  openaiUsageChunk,
  startUpstream,
} from '../support/fault-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const gatewayOver = async (behaviours: Behaviour[], model: Partial<GatewayConfig['models'][string]> = {}) => {
  const upstreams: FaultUpstream[] = [];
  for (const behave of behaviours) {
    const upstream = await startUpstream(behave);
    upstreams.push(upstream);
    cleanups.push(upstream.stop);
  }
  const gateway = await startGateway({
    providers: Object.fromEntries(
      upstreams.map(({ baseUrl }, i) => [`up${i}`, { kind: 'openai-compatible' as const, baseUrl }]),
    ),
    models: {
      a: {
        targets: upstreams.map((_, i) => ({
          provider: `up${i}`,
          model: 'm',
          price: { inputPerMTok: '1', outputPerMTok: '10' },
          contextTokens: 1_000_000,
          maxOutputTokens: 100_000,
        })),
        ...model,
      },
    },
    budgets: { org: { monthly: '$100' } },
  });
  cleanups.push(gateway.stop);
  return { gateway, upstreams };
};

/** A stream as a client of sockets reads it, at its own pace. */
const openStream = async ({ url, key }: TestGateway): Promise<IncomingMessage> => {
  const request = httpRequest(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  });
  request.on('error', () => {});
  request.end(JSON.stringify({ model: 'a', stream: true, messages: [{ role: 'user', content: 'hi' }] }));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  return response;
};
const receiptOf = async ({ url, key }: TestGateway, reply: IncomingMessage) =>
  (await (
    await fetch(`${url}/v1/receipts/${reply.headers['x-request-id']}`, { headers: { 'x-api-key': key } })
  ).json()) as Record<string, unknown>;

/** Reads until the text has come. */
const readUntil = async (reply: IncomingMessage, words: string): Promise<string> => {
  let said = '';
  for await (const chunk of reply.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes(words)) break;
  }
  return said;
};

// Real sockets on a machine that may be busy.
jest.setTimeout(30_000);

test('each event goes on when it comes, before there is a next one', async () => {
  const gate = Promise.withResolvers<void>();
  const { gateway } = await gatewayOver([
    async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(openaiChunk({ content: 'first' }));
      await gate.promise;
      response.end(
        `${openaiChunk({ content: 'second' })}${openaiChunk({}, 'stop')}${openaiUsageChunk}data: [DONE]\n\n`,
      );
    },
  ]);
  const reply = await openStream(gateway);
  expect(await readUntil(reply, 'first')).not.toContain('second');
  gate.resolve();
  expect(await readUntil(reply, '[DONE]')).toContain('second');
});

test('a client that does not read holds the vendor back, and memory is not filled for it', async () => {
  const MEGABYTES = 400;
  let written = 0;
  const { gateway } = await gatewayOver([
    async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = openaiChunk({ content: 'x'.repeat(64 * 1024) });
      const closed = once(response, 'close');
      while (written < MEGABYTES * 1024 * 1024 && !response.destroyed) {
        written += event.length;
        if (!response.write(event)) await Promise.race([once(response, 'drain'), closed]);
      }
      response.end();
    },
  ]);
  const reply = await openStream(gateway);
  await readUntil(reply, 'xxx');
  reply.pause();
  // Until nothing moves any more: what the sockets hold is full.
  for (let before = -1; before !== written; ) {
    before = written;
    await sleep(500);
  }
  expect(written).toBeLessThan((MEGABYTES / 4) * 1024 * 1024);
  reply.destroy();
  await gateway.gateway.whenIdle();
  expect(await receiptOf(gateway, reply)).toMatchObject({ state: 'settled', outcome: 'client-gone' });
});

test('a client that leaves between the last word and the usage is billed by the vendor’s count', async () => {
  const stopped = Promise.withResolvers<void>();
  const { gateway, upstreams } = await gatewayOver([
    async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`${openaiChunk({ content: 'whole' })}${openaiChunk({}, 'stop')}`);
      await stopped.promise;
      response.end(`${openaiUsageChunk}data: [DONE]\n\n`);
    },
  ]);
  const reply = await openStream(gateway);
  await readUntil(reply, '"stop"');
  reply.destroy();
  await sleep(50);
  stopped.resolve();
  await upstreams[0]?.requests[0]?.closed;
  await gateway.gateway.whenIdle();
  const receipt = await receiptOf(gateway, reply);
  expect(receipt).toMatchObject({ state: 'settled', outcome: 'client-gone', cost_usd: '0.00006' });
  expect(receipt['usage_estimated']).toBeUndefined();
});

describe('heartbeats', () => {
  const slowly =
    (afterMs: number, behave: Behaviour): Behaviour =>
    async (request, response) => {
      await sleep(afterMs);
      await behave(request, response);
    };

  test('keep a client company until the backup of a stalled primary answers', async () => {
    const { gateway } = await gatewayOver([() => {}, answerWith('from the backup')], {
      timeouts: { heartbeatMs: 100, firstTokenMs: 2_000, totalMs: 20_000 },
    });
    const reply = await openStream(gateway);
    expect([reply.statusCode, reply.headers['x-tollgate-model']]).toEqual([200, undefined]);
    const said = await readUntil(reply, '[DONE]');
    expect(said.startsWith(': waiting\n\n')).toBe(true);
    expect(said).toContain('from the backup');
    await gateway.gateway.whenIdle();
    expect(await receiptOf(gateway, reply)).toMatchObject({ outcome: 'answered', answered_by: 'up1/m' });
  });

  test('have committed a 200: what fails then is told inside the stream', async () => {
    const { gateway } = await gatewayOver([slowly(400, failWith(500))], {
      attempts: 1,
      timeouts: { heartbeatMs: 100 },
    });
    const reply = await openStream(gateway);
    expect(reply.statusCode).toBe(200);
    let said = '';
    for await (const chunk of reply) said += String(chunk);
    expect(said).toContain('"error"');
    expect(said).not.toContain('[DONE]');
    await gateway.gateway.whenIdle();
    expect(await receiptOf(gateway, reply)).toMatchObject({ state: 'settled', outcome: 'failed', cost_usd: '0' });
  });

  test('are none unless they are asked for: a failure has its status', async () => {
    const { gateway } = await gatewayOver([slowly(400, failWith(500))], { attempts: 1 });
    expect((await openStream(gateway)).statusCode).toBe(502);
  });
});
