import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { invokeEach, type WholeReply } from '../../../lambdas/adapters/bedrock/invoke-each.ts';
import { makeBedrockUpstream } from '../../../lambdas/adapters/bedrock/make-bedrock-upstream.ts';
import { type Answering, CREDENTIALS, callTo, JSON_TYPE, startBedrockServer } from './bedrock-server.ts';

const ok = (value: unknown): WholeReply => ({ status: 200, headers: {}, text: JSON.stringify(value) });

describe('a batch', () => {
  test('has its replies in the order of its calls, whatever order they come in, and a few under way at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5), { minLength: 1, maxLength: 60 }), async (turns) => {
        let underWay = 0;
        let most = 0;
        const reply = await invokeEach(
          turns.map((_, index) => ({ index })),
          async ({ index }) => {
            underWay += 1;
            most = Math.max(most, underWay);
            for (let turn = 0; turn < (turns[index as number] ?? 0); turn++) await Promise.resolve();
            underWay -= 1;
            return ok({ index });
          },
        );
        expect(reply.status).toBe(200);
        expect(JSON.parse(await reply.text())).toEqual({ replies: turns.map((_, index) => ({ index })) });
        expect(most).toBeLessThanOrEqual(8);
      }),
    );
  });

  test('begins no call once one has failed, waits for those under way, and keeps what was answered', async () => {
    let begun = 0;
    const reply = await invokeEach(
      Array.from({ length: 100 }, (_, index) => ({ index })),
      async ({ index }) => {
        begun += 1;
        if (index === 3) return { status: 429, headers: { 'retry-after': '1' }, text: '{"message":"slow down"}' };
        await new Promise((resolve) => setImmediate(resolve));
        return ok({ index });
      },
    );
    expect(begun).toBe(8);
    expect(reply.status).toBe(429);
    expect(reply.headers).toEqual({ 'retry-after': '1' });
    const { replies, error } = JSON.parse(await reply.text()) as { replies: unknown[]; error: string };
    expect(replies.filter((one) => one !== null)).toHaveLength(7);
    expect(replies).toHaveLength(100);
    expect(error).toBe('{"message":"slow down"}');
  });

  test('that breaks on the way is broken, once those under way have ended', async () => {
    let ended = 0;
    const batch = invokeEach([{ index: 0 }, { index: 1 }], async ({ index }) => {
      if (index === 0) throw new Error('reset');
      await new Promise((resolve) => setImmediate(resolve));
      ended += 1;
      return ok({});
    });
    await expect(batch).rejects.toThrow('reset');
    expect(ended).toBe(1);
  });
});

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const open = async (answer: Answering) => {
  const server = await startBedrockServer(answer);
  const upstream = makeBedrockUpstream({ credentials: CREDENTIALS });
  cleanups.push(
    () => server.close(),
    () => upstream.close(),
  );
  return { server, upstream };
};

describe('by the real SDK', () => {
  test('each text is an InvokeModel of its own, signed, with the bodies as the codec wrote them', async () => {
    const { server, upstream } = await open((response, { body }) => {
      response.writeHead(200, JSON_TYPE);
      response.end(JSON.stringify({ embedding: [1], inputTextTokenCount: String(body.inputText).length }));
    });
    const model = 'amazon.titan-embed-text-v2:0';
    const call = callTo(server, {
      model,
      operation: 'invoke-each',
      body: { calls: [{ inputText: 'a', dimensions: 256 }, { inputText: 'bcd' }] },
    });
    const reply = await upstream.send(call, new AbortController().signal);
    expect(JSON.parse(await reply.text())).toEqual({
      replies: [
        { embedding: [1], inputTextTokenCount: 1 },
        { embedding: [1], inputTextTokenCount: 3 },
      ],
    });
    expect(server.seen.map(({ path, body }) => [decodeURIComponent(path), body])).toEqual([
      [`/model/${model}/invoke`, { inputText: 'a', dimensions: 256 }],
      [`/model/${model}/invoke`, { inputText: 'bcd' }],
    ]);
    expect(server.seen[0]?.headers.authorization).toMatch(/^AWS4-HMAC-SHA256/);
  });

  test('a stop ends the batch at once', async () => {
    const stop = new AbortController();
    const { server, upstream } = await open(() => stop.abort());
    const call = callTo(server, { operation: 'invoke-each', body: { calls: [{ inputText: 'a' }] } });
    await expect(upstream.send(call, stop.signal)).rejects.toMatchObject({ kind: 'aborted' });
  });

  test('CountTokens is asked of a Converse body', async () => {
    const { server, upstream } = await open((response) => {
      response.writeHead(200, JSON_TYPE);
      response.end('{"inputTokens":12}');
    });
    const call = callTo(server, { model: 'anthropic.claude-haiku-4-5-20251001-v1:0', operation: 'count-tokens' });
    const reply = await upstream.send(call, new AbortController().signal);
    expect(await reply.text()).toBe('{"inputTokens":12}');
    expect(server.seen[0]?.path).toMatch(/count-tokens$/);
    expect(server.seen[0]?.body).toEqual({ input: { converse: call.body } });
  });
});
