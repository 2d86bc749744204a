import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { type FaultUpstream, startUpstream, type UpstreamRequest } from '../support/fault-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

/** Budgets with room for a call, and none for the vector of its question, which is dear here. */

let running: TestGateway | undefined;
let embeddings: FaultUpstream | undefined;
afterEach(async () => {
  await running?.stop();
  await embeddings?.stop();
  running = undefined;
  embeddings = undefined;
});

const TOKENS = 4;
const embed = ({ body }: UpstreamRequest, response: ServerResponse): void => {
  const input = ([] as string[]).concat(body['input'] as string | string[]);
  response.writeHead(200, { 'content-type': 'application/json' }).end(
    JSON.stringify({
      object: 'list',
      model: 'm',
      data: input.map((_, index) => ({ object: 'embedding', index, embedding: [1, 0, 0, 0] })),
      usage: { prompt_tokens: TOKENS, total_tokens: TOKENS },
    }),
  );
};

const priced = (model: string, outputPerMTok: string) => ({
  provider: 'demo',
  model,
  price: { inputPerMTok: '0', outputPerMTok },
});

/** 100 tokens of output: $0.01 of `assistant`, $0.001 of `cheap`. A vector: some tokens at $0.01 each. */
const CONFIG: GatewayConfig = {
  providers: { demo: { kind: 'simulator' }, vectors: { kind: 'openai-compatible', baseUrl: 'http://later' } },
  models: {
    assistant: {
      targets: [priced('echo', '100')],
      cache: { exact: '1h', semantic: { ttl: '1h', threshold: 0.9, auditShare: 0 } },
      output: { default: 100, floor: 10 },
      downgradeTo: 'cheap',
    },
    /** Keeps nothing. */
    cheap: { targets: [priced('tokens-5', '10')] },
  },
};
const SEMANTIC = {
  embedder: { provider: 'vectors', model: 'm', dimensions: 4, contextTokens: 1_000 },
  timeoutMs: 2_000,
};

/** @param inputPerMTok of the embedder */
const start = async (
  org: NonNullable<GatewayConfig['budgets']>['org'],
  inputPerMTok = '10000',
): Promise<TestGateway> => {
  embeddings = await startUpstream(embed);
  const vectors = { kind: 'openai-compatible' as const, baseUrl: embeddings.baseUrl };
  const providers = { ...CONFIG.providers, vectors };
  const semanticCache = {
    ...SEMANTIC,
    embedder: { ...SEMANTIC.embedder, price: { inputPerMTok, outputPerMTok: '0' } },
  };
  running = await startGateway({ ...CONFIG, providers, semanticCache, budgets: { org } } as GatewayConfig, { env: {} });
  return running;
};

const post = ({ url, key }: TestGateway, path: string, content: string, headers: Record<string, string> = {}) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'assistant', max_tokens: 100, messages: [{ role: 'user', content }] }),
  });

const ask = async (gateway: TestGateway, content: string, headers: Record<string, string> = {}) => {
  const response = await post(gateway, '/v1/chat/completions', content, headers);
  const text = await response.text();
  await gateway.gateway.whenIdle();
  const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
  if (entry === undefined) throw new Error('nothing was entered');
  return { status: response.status, cache: response.headers.get('x-tollgate-cache'), text, entry };
};

const quote = async (gateway: TestGateway, content: string) =>
  (await (await post(gateway, '/v1/quote', content)).json()) as {
    admitted: boolean;
    max_cost_usd: number;
    route: string[];
    budget: { state: string } | null;
  };

const QUESTION = 'How do I reset?';
const CALL = 10_000_000n;

describe('where a budget has room for a call and none for the vector of its question', () => {
  test('the request is asked without: nothing is bought that nobody holds, the receipt says so, and its quote had said it', async () => {
    const gateway = await start({ monthly: '$0.015', warnAt: 1 });
    expect(await quote(gateway, QUESTION)).toMatchObject({ admitted: true, max_cost_usd: 0.01 });
    const { status, cache, entry } = await ask(gateway, QUESTION);
    expect([status, cache, entry.hold]).toEqual([200, 'miss', CALL]);
    expect(embeddings?.requests).toHaveLength(0);
    expect(entry.receipt).toMatchObject({ outcome: 'answered', cache: { result: 'miss', whyNotSemantic: 'no-room' } });
    expect(entry.receipt.cache?.failures).toBeUndefined();
    expect(entry.receipt.overrun).toBeUndefined();
    expect(entry.cost).toBeLessThanOrEqual(entry.hold);
  });

  test('its answer is kept for whoever asks the very same, and a refresh buys no vector either', async () => {
    const gateway = await start({ monthly: '$0.015', warnAt: 1 });
    await ask(gateway, QUESTION, { 'x-tollgate-cache': 'refresh' });
    expect(embeddings?.requests).toHaveLength(0);
    expect(await ask(gateway, QUESTION)).toMatchObject({ status: 200, cache: 'hit-exact' });
    expect(embeddings?.requests).toHaveLength(0);
  });

  test('where there is room for both, both are held and the vector is bought', async () => {
    const gateway = await start({ monthly: '$10' });
    const said = await quote(gateway, QUESTION);
    const { status, entry } = await ask(gateway, QUESTION);
    expect(status).toBe(200);
    expect(embeddings?.requests).toHaveLength(1);
    expect(entry.hold).toBeGreaterThan(CALL);
    expect(said.max_cost_usd).toBeCloseTo(Number(entry.hold) / 1e9, 9);
    expect(entry.receipt.cache?.embedding).toMatchObject({ inputTokens: TOKENS });
  });

  test('the model that was asked for comes before its vector, and both before a stand-in or a shorter answer', async () => {
    const gateway = await start({ monthly: '$0.015', warnAt: 0.001, downgradeAt: 0.999, backPressure: 'clamp' });
    const said = await quote(gateway, QUESTION);
    expect(said).toMatchObject({ admitted: true, max_cost_usd: 0.01 });
    const { entry } = await ask(gateway, QUESTION);
    expect(entry.receipt).toMatchObject({ answeredBy: 'demo/echo', outputLimit: { tokens: 100, setBy: 'client' } });
    expect(entry.hold).toBe(CALL);
    expect(entry.receipt.downgrade).toBeUndefined();
  });

  test('an answer that must be shorter takes all the room: no vector', async () => {
    const gateway = await start({ monthly: '$0.005', warnAt: 1, backPressure: 'clamp' });
    const said = await quote(gateway, QUESTION);
    expect(said).toMatchObject({ admitted: true, max_cost_usd: 0.005 });
    const { status, entry } = await ask(gateway, QUESTION);
    expect(status).toBe(200);
    expect(entry.receipt.outputLimit).toMatchObject({ tokens: 50, setBy: 'clamp' });
    expect(entry.hold).toBe(5_000_000n);
    expect(embeddings?.requests).toHaveLength(0);
  });

  test('a refusal speaks of the call alone, and a cheaper model without a cache is offered at its own price', async () => {
    // There would be room for the cheaper model and the vector too.
    const gateway = await start({ monthly: '$0.005', warnAt: 1 }, '10');
    const response = await post(gateway, '/v1/chat/completions', QUESTION);
    expect(response.status).toBe(429);
    const { error } = (await response.json()) as {
      error: { message: string; tollgate: { offers: { model: string; max_cost_usd: number }[] } };
    };
    expect(error.message).toContain('may cost up to $0.01. ');
    expect(error.tollgate.offers).toMatchObject([{ model: 'cheap', max_cost_usd: 0.001 }]);
    expect(embeddings?.requests).toHaveLength(0);
  });

  test('64 at once with room for few: the budget is never passed, and no vector is bought that was not held', async () => {
    const gateway = await start({ monthly: '$0.655', warnAt: 1 });
    const statuses = await Promise.all(
      Array.from({ length: 64 }, async (_, i) => {
        const response = await post(gateway, '/v1/chat/completions', `Question ${i}`);
        await response.text();
        return response.status;
      }),
    );
    await gateway.gateway.whenIdle();
    const entries = (await gateway.gateway.ports.ledger.tail({ limit: 100 })).filter(
      ({ state }) => state === 'settled',
    );
    expect(entries.reduce((sum, { cost }) => sum + cost, 0n)).toBeLessThanOrEqual(655_000_000n);
    for (const { cost, hold, receipt } of entries) {
      expect(cost).toBeLessThanOrEqual(hold);
      expect(receipt.overrun).toBeUndefined();
    }
    expect(entries).toHaveLength(statuses.filter((status) => status === 200).length);
    expect(entries.length).toBeGreaterThan(1);
    const bought = entries.filter(({ receipt }) => receipt.cache?.embedding !== undefined).length;
    expect(embeddings?.requests).toHaveLength(bought);
  });
});
