/** A successor that is tried by a share of the conversations, through the whole gateway, over HTTP, with the command line beside it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import {
  answerWith,
  type Behaviour,
  type FaultUpstream,
  failWith,
  openaiAnswer,
  openaiChunk,
  openaiUsageChunk,
  startUpstream,
} from '../support/fault-upstream.ts';
import { runCli } from '../support/run-cli.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

// Hundreds of requests: a busy machine may take its time.
jest.setTimeout(60_000);

let folder: string;
let vendor: FaultUpstream;
let running: TestGateway;
/** What each model does, whatever it is asked. */
const behaviours: Record<string, (nth: number) => Behaviour> = {};
const asked: Record<string, number> = {};

const PRICE = { inputPerMTok: '1', outputPerMTok: '10' };
const configOf = (canary: string, share: number): GatewayConfig => ({
  providers: { vendor: { kind: 'openai-compatible', baseUrl: vendor.baseUrl } },
  models: {
    chat: {
      targets: [
        {
          provider: 'vendor',
          model: 'm-1',
          price: PRICE,
          contextTokens: 10_000,
          canary: { model: canary, share, price: PRICE, contextTokens: 10_000 },
        },
      ],
    },
  },
});

const start = async (canary = 'm-2', share = 0.5): Promise<void> => {
  const config = configOf(canary, share);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  running = await startGateway(config, { dataDir: join(folder, 'data') });
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-canary-'));
  for (const model of Object.keys(asked)) delete asked[model];
  for (const model of Object.keys(behaviours)) delete behaviours[model];
  behaviours['m-1'] = () => answerWith('as before');
  vendor = await startUpstream((request, response) => {
    const model = String(request.body['model']);
    asked[model] = (asked[model] ?? 0) + 1;
    return (behaviours[model] ?? (() => answerWith(`from ${model}`)))(asked[model])(request, response);
  });
  await start();
});
afterEach(async () => {
  await running.stop();
  await vendor.stop();
  rmSync(folder, { recursive: true, force: true });
});

const tollgate = async (...words: string[]) => {
  const more = ['--local', join(folder, 'data')];
  const config = ['compare', 'history', 'release'].includes(words[0] ?? '')
    ? []
    : ['--config', join(folder, 'config.json')];
  const ran = await runCli(['pins', ...words, ...config, ...more], { env: {} });
  expect([ran.stderr, ran.status]).toEqual(['', 0]);
  return ran.stdout;
};
const compared = async () => JSON.parse(await tollgate('compare', 'chat', '--json')).comparisons[0];

let conversations = 0;
const ask = async (isStreamed: boolean) => {
  conversations += 1;
  const reply = await fetch(`${running.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${running.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'chat',
      stream: isStreamed,
      messages: [{ role: 'user', content: `question ${conversations}` }],
    }),
  });
  return { status: reply.status, by: reply.headers.get('x-tollgate-model'), text: await reply.text() };
};
/** Conversations of one request each, every other one streamed, a few at once. */
const askTimes = async (times: number) => {
  const replies: Awaited<ReturnType<typeof ask>>[] = [];
  for (let i = 0; i < times; i += 4)
    replies.push(...(await Promise.all(Array.from({ length: Math.min(4, times - i) }, (_, n) => ask(n % 2 === 1)))));
  await running.gateway.whenIdle();
  return replies;
};
const failuresOf = (replies: { status: number; text: string }[]) =>
  replies.filter(({ status, text }) => status !== 200 || text.includes('"error"'));

/** One answer of the vendor's that ends in its own way. */
const endsWith =
  (finish: string, content: string | null, more: object = {}): Behaviour =>
  (request, response) => {
    if (request.body['stream'] === true) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(
        `${openaiChunk({ role: 'assistant', content: '' })}${openaiChunk({ content, ...more })}${openaiChunk({}, finish)}${openaiUsageChunk}data: [DONE]\n\n`,
      );
      return;
    }
    const answer = openaiAnswer('');
    const choices = [{ index: 0, message: { role: 'assistant', content, ...more }, finish_reason: finish }];
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...answer, choices }));
  };

/** Of ten requests it refuses a field twice, falls over once, lets a client wait once, refuses twice, and cuts two answers short. */
const badSuccessor = (nth: number): Behaviour => {
  switch (nth % 10) {
    case 1:
    case 6:
      return failWith(400);
    case 3:
      return failWith(500);
    case 2:
    case 7:
      return endsWith('stop', null, { refusal: 'I would rather not.' });
    case 4:
    case 9:
      return endsWith('length', 'And then');
    case 5:
      return async (request, response) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        await answerWith('late')(request, response);
      };
    default:
      return answerWith('new');
  }
};

describe('a bad successor', () => {
  beforeEach(() => {
    behaviours['m-2'] = badSuccessor;
  });

  test('is seen in "pins compare" and taken back by "pins back", and no application sees a failure', async () => {
    expect(failuresOf(await askTimes(200))).toEqual([]);
    const tried = asked['m-2'] ?? 0;
    expect(tried).toBeGreaterThan(50);

    const { target, canary, verdict, verdict_text } = await compared();
    expect(verdict).toBe('worse');
    expect(verdict_text).toMatch(/errors .* against 0 %; refusals .* against 0 %; truncated .* against 0 %/);
    expect(canary).toMatchObject({ model: 'vendor/m-2', requests: tried });
    expect(target).toMatchObject({ model: 'vendor/m-1', requests: 200 - tried, errors: { count: 0 } });
    expect(Object.keys(canary.error_reasons).sort()).toEqual(['bad_request', 'server_error']);

    await tollgate('back', 'chat', '--by', 'ada');
    await running.gateway.readPinOverrides();
    const after = await askTimes(60);
    expect(failuresOf(after)).toEqual([]);
    expect(new Set(after.map(({ by }) => by))).toEqual(new Set(['vendor/m-1']));
    expect(asked['m-2']).toBe(tried);
    expect(await tollgate('list', 'chat')).toMatch(
      /chat: canary vendor\/m-2 of vendor\/m-1 gets 0 % \(by ada, .*; 50 % configured\)\./,
    );
  });

  test('stays taken back when the gateway starts anew, until it is released', async () => {
    await tollgate('back', 'chat', '--by', 'ada');
    await running.stop();
    await start();
    expect(failuresOf(await askTimes(30))).toEqual([]);
    expect(asked['m-2']).toBeUndefined();
    await tollgate('release', 'chat', '--by', 'bob');
    await running.gateway.readPinOverrides();
    expect(failuresOf(await askTimes(30))).toEqual([]);
    expect(asked['m-2']).toBeGreaterThan(0);
    const history = await tollgate('history');
    expect(history).toMatch(/vendor\/m-2 +canary of vendor\/m-1 in chat follows the configuration again, by bob\n/);
    expect(history).toMatch(/vendor\/m-2 +canary of vendor\/m-1 in chat gets 0 %, by ada\n$/);
  });

  test('that was taken back says nothing of the next one', async () => {
    await tollgate('back', 'chat', '--by', 'ada');
    await running.stop();
    await start('m-3');
    expect(failuresOf(await askTimes(40))).toEqual([]);
    expect(asked['m-2']).toBeUndefined();
    expect(asked['m-3']).toBeGreaterThan(5);
    expect(await tollgate('list')).toMatch(
      /gets 50 % \(as configured\)\.\nchat: 0 % for the canary vendor\/m-2 of vendor\/m-1 \(by ada, .*\) says nothing: .*config\.json has no such pair/,
    );
  });

  test('that never answers is behind its circuit soon, and its target answers at once', async () => {
    behaviours['m-2'] = () => failWith(503);
    expect(failuresOf(await askTimes(80))).toEqual([]);
    expect(asked['m-2']).toBeLessThan(30);
    expect((await compared()).verdict).toBe('worse');
  });
});

test('a good successor gets all by "pins promote", and the version before it answers where it fails', async () => {
  expect(failuresOf(await askTimes(80))).toEqual([]);
  const { canary } = await compared();
  expect([canary.errors.count, canary.refusals.count, canary.truncated.count]).toEqual([0, 0, 0]);
  expect(canary.requests).toBe(asked['m-2']);

  await tollgate('promote', 'chat', '--to', 'm-2', '--by', 'ada');
  await running.gateway.readPinOverrides();
  const promoted = await askTimes(30);
  expect(new Set(promoted.map(({ by }) => by))).toEqual(new Set(['vendor/m-2']));

  behaviours['m-2'] = () => failWith(500);
  const failing = await askTimes(5);
  expect(failuresOf([...promoted, ...failing])).toEqual([]);
  expect(new Set(failing.map(({ by }) => by))).toEqual(new Set(['vendor/m-1']));
});

test('a running gateway follows what is set by itself', async () => {
  await tollgate('promote', 'chat', '--by', 'ada');
  const until = Date.now() + 15_000;
  let answered: (string | null)[] = [];
  do {
    answered = (await askTimes(8)).map(({ by }) => by);
    if (answered.every((by) => by === 'vendor/m-2')) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  } while (Date.now() < until);
  expect(new Set(answered)).toEqual(new Set(['vendor/m-2']));
});

test('the canary of a stand-in is compared under the alias that it is of', async () => {
  await running.stop();
  const dear = { inputPerMTok: '0', outputPerMTok: '20000' };
  const { providers, models } = configOf('m-2', 1);
  running = await startGateway(
    {
      providers,
      models: {
        cheap: models['chat'] ?? { targets: [] },
        chat: {
          targets: [{ provider: 'vendor', model: 'l-1', price: dear, contextTokens: 10_000 }],
          downgradeTo: 'cheap',
          output: { default: 5 },
        },
      },
      budgets: { org: { monthly: '$1', warnAt: 0.3, downgradeAt: 0.5 } },
    },
    { dataDir: join(folder, 'data') },
  );
  const replies = await askTimes(12);
  expect(failuresOf(replies)).toEqual([]);
  expect(replies.at(-1)?.by).toBe('vendor/m-2');
  const { comparisons } = JSON.parse(await tollgate('compare', '--json'));
  expect(comparisons).toMatchObject([{ alias: 'cheap', canary: { model: 'vendor/m-2', requests: asked['m-2'] } }]);
});

test('a receipt says how its conversation was drawn', async () => {
  const [reply] = await askTimes(1);
  const [entry] = await running.gateway.ports.ledger.tail({ limit: 1 });
  const response = await fetch(`${running.url}/v1/receipts/${entry?.requestId}`, {
    headers: { authorization: `Bearer ${running.key}` },
  });
  const { receipt = undefined, ...whole } = (await response.json()) as Record<string, unknown>;
  const plan = ((receipt ?? whole) as { plan: { canaries: { place: number }[] } }).plan;
  expect(plan.canaries).toEqual([{ target: 'vendor/m-2', of: 'vendor/m-1', place: expect.any(Number), share: 0.5 }]);
  expect((plan.canaries[0]?.place ?? 1) < 0.5).toBe(reply?.by === 'vendor/m-2');
});
