import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { shimOf } from '../../bench/pages/reference-deployment.ts';
import { entryKeyOf } from '../../lambdas/adapters/dynamodb/entry-item.ts';
import { openDynamoStores } from '../../lambdas/adapters/dynamodb/open-dynamo-stores.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { PROBE_RULE_VARIABLE } from '../../lambdas/contract/probing.ts';
import { TABLES, type TableName } from '../../lambdas/contract/tables.ts';
import { issueKey } from '../../lambdas/core/authenticate/manage-keys.ts';
import { openCircuit, untouchedCircuit } from '../../lambdas/core/call/circuit.ts';
import { GATEWAY_GRANTS } from '../../lib/gateway-function.ts';
import { actionsOf } from './support/actions-of.ts';
import { type Bundle, bundleFunctions } from './support/bundle-gateway.ts';
import { CLIENT, type DynamoWorld, makeDynamoWorld } from './support/dynamo-world.ts';
import { type LocalServer, startDynamoDb } from './support/dynamodb-local.ts';
import { type Invocation, type RunningLambda, runLambda } from './support/run-lambda.ts';

/** The bundle that `cdk deploy` ships, under AWS's own runtime client, on DynamoDB Local. */

/** Of what a function reads before its first event; of those behind the ledger a tenth more than they have. */
const MOST_BYTES: Readonly<Record<string, number>> = {
  GatewayFunction: 500_000,
  GatewayProberFunction: 500_000,
  GatewayPipelineProjector: 280_000,
  GatewayPipelineCloser: 255_000,
  GatewayPipelineAuditor: 265_000,
  GatewayEscalationStep: 245_000,
  // Once a day.
  GatewayPinsFunction: 315_000,
};
const START_MS = 600_000;

let dynamo: LocalServer;
let world: DynamoWorld;
let bundles: Record<string, Bundle>;
let lambda: RunningLambda;
let key: string;
let vendor: { server: Server; url: string; answer: (response: ServerResponse) => unknown; keys: string[] };
let secrets: { server: Server; url: string; value: string; reads: number };

const listen = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const startGateway = (): Promise<RunningLambda> =>
  runLambda(bundles['GatewayFunction']?.folder ?? '', {
    AWS_REGION: CLIENT.region,
    AWS_ENDPOINT_URL_DYNAMODB: world.proxy.endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    ...Object.fromEntries(
      (Object.keys(TABLES) as TableName[]).map((name) => [TABLES[name].nameVariable, world.tables[name]]),
    ),
  });

const configOf = (vendorUrl: string): GatewayConfig => ({
  providers: {
    vendor: { kind: 'openai-compatible', baseUrl: `${vendorUrl}/v1`, apiKey: 'secret:tollgate/vendor' },
    demo: { kind: 'simulator' },
    bedrock: { kind: 'bedrock', regions: ['us-east-1'], baseUrl: vendorUrl },
  },
  models: {
    assistant: {
      targets: [
        {
          provider: 'vendor',
          model: 'm',
          price: { inputPerMTok: 1, outputPerMTok: 2 },
          contextTokens: 10_000,
          maxOutputTokens: 1_000,
        },
      ],
      attempts: 2,
    },
    demo: { targets: [{ provider: 'demo', model: 'tokens-20' }] },
    claude: { targets: [{ provider: 'bedrock', model: 'us.anthropic.claude-haiku-4-5-20251001-v1:0' }] },
    failing: { targets: [{ provider: 'demo', model: 'fail-500' }], attempts: 5 },
    breaking: { targets: [{ provider: 'demo', model: 'tokens-20+cut-5' }], attempts: 1 },
  },
  budgets: { org: { monthly: '$100' } },
  limits: { perKey: { requestsPerMinute: 1_000, tokensPerMinute: 50_000, concurrent: 10 } },
});

beforeAll(async () => {
  const seen: string[] = [];
  const vendorServer = createServer((request, response) => {
    seen.push(request.headers.authorization ?? '');
    request.resume().on('end', () => void vendor.answer(response));
  });
  vendor = { server: vendorServer, url: await listen(vendorServer), answer: () => {}, keys: seen };
  const secretsServer = createServer((request, response) => {
    secrets.reads += 1;
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      response.end(JSON.stringify({ Name: 'tollgate/vendor', SecretString: secrets.value }));
    });
  });
  secrets = { server: secretsServer, url: await listen(secretsServer), value: 'first-key', reads: 0 };

  dynamo = await startDynamoDb();
  world = await makeDynamoWorld(dynamo, systemClock);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const stores = openDynamoStores({
    client: { ...CLIENT, endpoint: dynamo.endpoint },
    tables: world.tables,
    clock: systemClock,
    random: systemRandom,
    log,
  });
  const wanted = { name: 'test', team: 'search', user: 'ada', tags: {}, aliases: null, expiresAt: null };
  const ports = { access: stores.access, clock: systemClock, random: systemRandom };
  ({ key } = await issueKey({ ...wanted, rights: ['read-usage'] }, ports));
  stores.close();

  bundles = bundleFunctions(configOf(vendor.url));
  world.proxy.forget();
  lambda = await startGateway();
}, START_MS);

afterAll(async () => {
  await lambda?.stop();
  for (const server of [vendor.server, secrets.server]) {
    server.closeAllConnections();
    server.close();
  }
  await world?.proxy.stop();
  await dynamo?.stop();
}, 60_000);

const eventOf = (method: string, path: string, body?: object, headers: Record<string, string> = {}) => ({
  httpMethod: method,
  path,
  headers: null,
  multiValueHeaders: Object.fromEntries(
    Object.entries({ authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers }).map(
      ([name, value]) => [name, [value]],
    ),
  ),
  multiValueQueryStringParameters: null,
  body: body === undefined ? null : JSON.stringify(body),
  isBase64Encoded: false,
});

const chat = (model: string, more: object = {}, headers?: Record<string, string>): Invocation =>
  lambda.invoke(
    eventOf('POST', '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hi' }], ...more }, headers),
  );

const get = (path: string): Invocation => lambda.invoke(eventOf('GET', path));

const readAll = async ({ body }: Invocation): Promise<string> => {
  let text = '';
  for await (const piece of body) text += piece;
  return text;
};

const whole = async (invocation: Invocation) => {
  const text = await readAll(invocation);
  const [{ statusCode, headers }, error] = await Promise.all([invocation.prelude, invocation.ended]);
  return { status: statusCode, headers, error, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
};

const delta = (content: string): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;
const END = `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 } })}\n\ndata: [DONE]\n\n`;

describe('the shipped bundle', () => {
  test('starts small, and says what it costs', async () => {
    const rows = Object.entries(bundles).map(
      ([id, { startBytes, moreBytes, memoryMb, role }]) =>
        `| ${id} | ${startBytes} | ${moreBytes} | ${memoryMb} | ${role} |`,
    );
    process.stdout.write(
      `${rows.join('\n')}\ngateway: ${lambda.startCpuMs ?? '?'} ms of processor until its first event\n`,
    );
    const tooLarge = Object.entries(bundles).filter(([id, { startBytes }]) => !(startBytes <= (MOST_BYTES[id] ?? 0)));
    expect(tooLarge).toEqual([]);
    expect(bundles['GatewayFunction']?.memoryMb).toBe(512);
  });

  test('is the same code wherever it is made, so that nothing is deployed where nothing has changed', () => {
    const namesOf = (made: Record<string, Bundle>) => Object.values(made).map(({ folder }) => basename(folder));
    expect(namesOf(bundleFunctions(configOf(vendor.url)))).toEqual(namesOf(bundles));
  });

  test('hands each piece to the reader before the provider writes the next', async () => {
    const heard = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
    vendor.answer = async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const [i, { promise }] of heard.entries()) {
        response.write(delta(`word${i} `));
        await promise;
      }
      response.end(END);
    };
    const invocation = chat('assistant', { stream: true });
    expect(await invocation.prelude).toMatchObject({
      statusCode: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-tollgate-model': 'vendor/m' },
    });
    let text = '';
    for await (const piece of invocation.body) {
      text += piece;
      for (const [i, { resolve }] of heard.entries()) if (text.includes(`word${i} `)) resolve();
    }
    expect(text).toMatch(/word0 .*word4 .*data: \[DONE\]\n\n$/s);
    expect(await invocation.ended).toBeUndefined();
  });

  test('has settled by the time that the stream ends', async () => {
    vendor.answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(delta('word') + END);
    };
    const { headers } = await whole(chat('assistant', { stream: true }));
    const receipt = await whole(get(`/v1/receipts/${headers['x-request-id']}`));
    expect(receipt).toMatchObject({ status: 200, json: { state: 'settled' } });
  });

  test('puts the cost right of an entry that was closed as lost while its answer was under way', async () => {
    const closed = Promise.withResolvers<void>();
    vendor.answer = async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(delta('word'));
      await closed.promise;
      response.end(END);
    };
    const invocation = chat('assistant', { stream: true });
    const { headers } = await invocation.prelude;
    const id = headers['x-request-id'] ?? '';
    await world.direct.send(
      new UpdateItemCommand({
        TableName: world.tables.ledger,
        Key: entryKeyOf(id),
        UpdateExpression: 'SET #state = :lost, cost = #hold, settleNonce = :lost, settledAt = :now',
        ExpressionAttributeNames: { '#state': 'state', '#hold': 'hold' },
        ExpressionAttributeValues: { ':lost': { S: 'lost' }, ':now': { N: String(Date.now()) } },
      }),
    );
    closed.resolve();
    await readAll(invocation);
    expect(await invocation.ended).toBeUndefined();
    const receipt = await whole(get(`/v1/receipts/${id}`));
    expect(receipt.json).toMatchObject({ state: 'settled', cost_usd: '0.000016' });
  });

  test('answers whole where no stream is asked for, and says what it cost', async () => {
    expect(await whole(chat('demo'))).toMatchObject({
      status: 200,
      error: undefined,
      headers: { 'x-tollgate-cost-usd': expect.stringMatching(/^0\.0000/) },
      json: { object: 'chat.completion', usage: { completion_tokens: 20 } },
    });
  });

  test('an error before the first byte has its status and shape', async () => {
    const refused = await whole(chat('assistant', { stream: true }, { authorization: 'Bearer tg_wrong' }));
    expect(refused).toMatchObject({ status: 401, json: { error: { code: 'invalid_api_key' } } });
    vendor.answer = (response) => response.writeHead(500).end('{"error":{"message":"down"}}');
    const failed = await whole(chat('assistant', { stream: true }));
    expect(failed).toMatchObject({ status: 502, error: undefined, json: { error: { code: 'all_targets_failed' } } });
  });

  test('a stream that the provider cuts after its first byte ends with an error event, and is settled', async () => {
    vendor.answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(delta('half'), () => response.socket?.destroySoon());
    };
    const cut = await whole(chat('assistant', { stream: true }));
    expect(cut).toMatchObject({ status: 200, error: undefined });
    expect(cut.text).toContain('half');
    expect(cut.text).not.toContain('[DONE]');
    expect(JSON.parse(cut.text.trim().split('\n\n').at(-1)?.slice('data: '.length) ?? '')).toHaveProperty('error');
    const receipt = await whole(get(`/v1/receipts/${cut.headers['x-request-id']}`));
    expect(receipt.json).toMatchObject({ state: 'settled' });
  });

  test('reads a key from Secrets Manager once, and anew when the vendor turns it down', async () => {
    const before = secrets.reads;
    expect(before).toBe(1);
    expect(new Set(vendor.keys)).toEqual(new Set(['Bearer first-key']));
    // Rotated: a refresh comes at most every ten seconds, and the first read was longer ago.
    secrets.value = 'second-key';
    await new Promise((resolve) => setTimeout(resolve, 10_500));
    vendor.answer = (response) => {
      if (vendor.keys.at(-1) !== 'Bearer second-key') return response.writeHead(401).end('{"error":{"message":"no"}}');
      return response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          id: 'c',
          object: 'chat.completion',
          created: 1,
          model: 'm',
          choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 },
        }),
      );
    };
    expect(await whole(chat('assistant'))).toMatchObject({ status: 200 });
    expect(secrets.reads).toBe(before + 1);
  });

  test("signs for Bedrock with the function's own role", async () => {
    vendor.answer = (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          output: { message: { role: 'assistant', content: [{ text: 'from Bedrock' }] } },
          stopReason: 'end_turn',
          usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 },
        }),
      );
    expect(await whole(chat('claude'))).toMatchObject({
      status: 200,
      json: { choices: [{ message: { content: 'from Bedrock' } }] },
    });
    expect(vendor.keys.at(-1)).toMatch(/^AWS4-HMAC-SHA256 Credential=local\/\d{8}\/us-east-1\/bedrock\//);
  });

  test('logs one line of JSON a request, without prompt, answer or key', async () => {
    await whole(chat('demo', { messages: [{ role: 'user', content: 'a-prompt-word' }] }));
    const lines = lambda
      .logged()
      .split('\n')
      .filter((line) => line.includes('"message":"request"'));
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      level: 'INFO',
      service: 'gateway',
      'gen_ai.request.model': 'demo',
      function_request_id: expect.any(String),
    });
    expect(lambda.logged()).not.toMatch(/a-prompt-word|first-key|second-key/);
    expect(lambda.logged()).not.toContain(key);
  });

  test('tells CloudWatch in the line of a request or refusal what only it knows', async () => {
    await whole(chat('demo'));
    await whole(chat('nobody'));
    const lines = lambda
      .logged()
      .split('\n')
      .filter((line) => line.includes('"_aws"'))
      .map((line) => JSON.parse(line));
    const metric = (name: string, unit: string) => ({
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [{ Namespace: 'Tollgate', Dimensions: [[]], Metrics: [{ Name: name, Unit: unit }] }],
      },
      [name]: expect.any(Number),
    });
    expect(lines.at(-2)).toMatchObject({ message: 'request', ...metric('GatewayOverheadMs', 'Milliseconds') });
    expect(lines.at(-1)).toMatchObject({ message: 'refused', ...metric('Refusals', 'Count') });
  });

  test('holds an answer against its format, and takes feedback on it, by code that was loaded beside it', async () => {
    const { headers } = await whole(chat('demo', { response_format: { type: 'json_object' } }));
    const id = headers['x-request-id'];
    const give = (body: object) => whole(lambda.invoke(eventOf('POST', '/v1/feedback', body)));
    expect(await give({ request_id: id, score: 0.25, label: 'no-json' })).toMatchObject({
      status: 200,
      json: { object: 'feedback', score: 0.25 },
    });
    expect(await give({ request_id: id, score: 1 })).toMatchObject({ status: 409 });
    const receipt = await whole(get(`/v1/receipts/${id}`));
    expect(receipt.json).toMatchObject({ flaw: 'invalid-output', feedback: { score: 0.25, label: 'no-json' } });
    const told = lambda
      .logged()
      .split('\n')
      .filter((line) => line.includes('"message":"feedback"'));
    expect(told.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ Provider: 'demo', Model: 'tokens-20', QualityScore: 0.25, FeedbackScore: 0.25 }),
    ]);
  });

  test('knows a connection that broke in a transport which was loaded beside it', async () => {
    const { headers, status } = await whole(chat('breaking'));
    expect(status).toBe(502);
    const receipt = await whole(get(`/v1/receipts/${headers['x-request-id']}`));
    expect(receipt.json.attempts).toEqual([expect.objectContaining({ failure: 'cut_off' })]);
    expect(lambda.logged()).not.toContain('attempt broke');
  });

  test('an answer under way in one environment is stopped through another', async () => {
    vendor.answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(delta('endless'));
    };
    const endless = chat('assistant', { stream: true });
    const { headers } = await endless.prelude;
    const other = await startGateway();
    try {
      const cancel = eventOf('POST', `/v1/requests/${headers['x-request-id']}/cancel`);
      expect(await whole(other.invoke(cancel))).toMatchObject({ status: 202, json: { status: 'cancelling' } });
      const { text, error } = await whole(endless);
      expect(error).toBeUndefined();
      expect(text).not.toContain('[DONE]');
      const receipt = await whole(other.invoke(eventOf('GET', `/v1/receipts/${headers['x-request-id']}`)));
      expect(receipt.json).toMatchObject({ state: 'settled', outcome: 'cancelled' });
    } finally {
      await other.stop();
    }
  });

  test('gives the first answer again under its idempotency key, and bills it once', async () => {
    const headers = { 'idempotency-key': 'job-1' };
    const first = await whole(chat('demo', { stream: true }, headers));
    const again = await whole(chat('demo', { stream: true }, headers));
    expect(first.text).toContain('[DONE]');
    expect(again).toMatchObject({ status: 200, text: first.text });
    expect(again.headers).toMatchObject({
      'x-request-id': first.headers['x-request-id'],
      'idempotent-replayed': 'true',
    });
  });

  test('refuses what is over its token limit by itself, before any provider is asked', async () => {
    const long = 'word '.repeat(100_000);
    const refused = await whole(chat('demo', { messages: [{ role: 'user', content: long }] }));
    expect(refused).toMatchObject({ status: 429, json: { error: { code: 'rate_limit_exceeded' } } });
  });

  // Last: what the tests above have made it do is what it can do.
  test('uses every right on a table that its role has, and no other', async () => {
    await whole(get('/v1/usage'));
    await whole(chat('failing'));
    await whole(chat('failing'));
    await world.proxy.whenIdle();
    expect(actionsOf(world.proxy.operations, world.tables)).toEqual(
      Object.fromEntries(Object.entries(GATEWAY_GRANTS).map(([table, actions]) => [table, [...actions].sort()])),
    );
  });
});

test('the prober tells CloudWatch of a circuit as soon as it has opened', async () => {
  const rules = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', 'application/x-amz-json-1.1').end('{}'));
  });
  const shim = mkdtempSync(join(tmpdir(), 'tollgate-shim-'));
  const prober = await runLambda(shimOf(bundles['GatewayProberFunction']?.folder ?? '', shim), {
    AWS_REGION: CLIENT.region,
    // Past the proxy: what it asks is none of the gateway's rights.
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
    AWS_ENDPOINT_URL_EVENTBRIDGE: await listen(rules),
    [PROBE_RULE_VARIABLE]: 'rule',
    ...Object.fromEntries(
      (Object.keys(TABLES) as TableName[]).map((name) => [TABLES[name].nameVariable, world.tables[name]]),
    ),
  });
  try {
    const { circuits } = world.openRaw({ clock: systemClock });
    const opened = openCircuit(untouchedCircuit('demo/tokens-20'), Date.now(), 0, 'server_error');
    expect(await circuits.write(opened)).toBe(true);
    const pk = { S: 'target#demo/tokens-20' };
    await prober.invoke({ Records: [{ dynamodb: { Keys: { pk } } }] }).plain;
    const told = prober
      .logged()
      .split('\n')
      .filter((line) => line.includes('"CloudWatchMetrics"'))
      .map((line) => JSON.parse(line));
    expect(told).toEqual(
      expect.arrayContaining(
        [
          { Provider: 'demo', Model: 'tokens-20', CircuitOpen: 1 },
          { Alias: 'demo', AllCircuitsOpen: 1 },
        ].map((one) => expect.objectContaining(one)),
      ),
    );
    // Of all targets: those that fail have opened theirs in the tests before.
    const open = told.filter(({ Model: model }) => model !== undefined).length;
    expect(told[0]).toMatchObject({ CircuitOpen: open });
  } finally {
    await prober.stop();
    rules.closeAllConnections();
    rules.close();
  }
});

describe('the front door over a body that breaks', () => {
  let broken: RunningLambda;

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-broken-'));
    await build({
      entryPoints: ['test/real/support/broken-body-handler.ts'],
      outfile: join(folder, 'index.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
    });
    broken = await runLambda(folder, {});
  }, START_MS);
  afterAll(() => broken?.stop());

  const at = (path: string) => whole(broken.invoke({ ...eventOf('GET', path) }));

  test.each(['/before', '/rejects'])('%s its first byte is an answer with a status', async (path) => {
    expect(await at(path)).toMatchObject({
      status: 500,
      error: undefined,
      json: { told: path === '/before' ? 'broken' : 'rejected' },
    });
  });

  test('after its first byte the connection is cut, with what came before it', async () => {
    const { status, text, error } = await at('/after');
    expect({ status, text }).toEqual({ status: 200, text: 'piece 1;piece 2;' });
    expect(error).toBeDefined();
  });

  test('and the same process answers the next requests', async () => {
    await at('/after');
    expect(await at('/whole')).toMatchObject({ status: 200, text: 'whole', error: undefined });
    expect(await at('/empty')).toMatchObject({ status: 204, text: '', error: undefined });
  });

  test('what goes on behind an answer keeps no client waiting, and is over before the next request', async () => {
    expect(await at('/behind')).toMatchObject({ status: 200, text: 'whole', error: undefined });
    expect(broken.logged()).not.toContain('done behind the answer');
    expect(await at('/whole')).toMatchObject({ status: 200, text: 'whole' });
    expect(broken.logged()).toContain('done behind the answer');
  });
});
