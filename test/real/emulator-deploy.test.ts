/**
 * `npx cdk deploy` of the app as it is, into a local AWS (support/emulator.ts), and the life of that stack: first call,
 * ledger, update, rollback, removal. One story: each test goes on where the one before it stopped.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { openDynamoStores } from '../../lambdas/adapters/dynamodb/open-dynamo-stores.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { formatUsd } from '../../lambdas/contract/money.ts';
import { closeDueAt, epochOf } from '../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import { account, entryOf, ledgerAt } from '../port-suites/ledger-requests.ts';
import { type FaultUpstream, startUpstream } from '../support/fault-upstream.ts';
import { answering, INPUT_TOKENS, OUTPUT_TOKENS, openaiVendor } from '../support/vendors.ts';
import { type DeployedGateway, type Outputs, openDeployed, silent, tablesOf } from './support/deployed-gateway.ts';
import { type Emulator, startEmulator } from './support/emulator.ts';
import { startTableProxy } from './support/table-proxy.ts';

const STACK = 'Tollgate-prod';
const TEXT = 'Grüße 😀';
/** $1 a million tokens in, $10 out: nano-USD of one scripted answer. */
const COST = BigInt(INPUT_TOKENS) * 1_000n + BigInt(OUTPUT_TOKENS) * 10_000n;

let emulator: Emulator;
let upstream: FaultUpstream;
let folder: string;
let gateway: DeployedGateway;
let key: { key: string; id: string };
/** Requests that `key` has made and that were answered. */
let answered = 0;
const open: DeployedGateway[] = [];

const configWith = (more: Partial<GatewayConfig['models']> = {}): GatewayConfig => ({
  org: 'example',
  providers: {
    vendor: { kind: 'openai-compatible', baseUrl: upstream.baseUrl, apiKey: 'secret:tollgate/vendor' },
    demo: { kind: 'simulator' },
  },
  models: {
    assistant: {
      attempts: 1,
      targets: [
        {
          provider: 'vendor',
          model: openaiVendor.model,
          price: { inputPerMTok: '1', outputPerMTok: '10' },
          contextTokens: 100_000,
          maxOutputTokens: 8_192,
          capabilities: ['tools', 'streaming'],
        },
      ],
    },
    demo: { targets: [{ provider: 'demo', model: 'echo' }] },
    kept: { targets: [{ provider: 'demo', model: 'echo' }], cache: { exact: '1h' } },
    ...more,
  } as GatewayConfig['models'],
  budgets: { org: { monthly: '$100' }, users: { poor: { monthly: '$0.0001' } } },
  limits: { perKey: { requestsPerMinute: 600, tokensPerMinute: 2_000_000, concurrent: 8 } },
});

/** The README's command for production, with a configuration of its own and without streaming, which the emulator can't. */
const deploy = async (config: GatewayConfig): Promise<{ outputs: Outputs; printed: string }> => {
  const file = join(folder, 'gateway.json');
  const outputsFile = join(folder, 'outputs.json');
  writeFileSync(file, JSON.stringify(config));
  const printed = await emulator.cdk([
    ...['deploy', '--require-approval', 'never', '-c', 'stage=prod', '-c', `config=${file}`],
    ...['-c', 'responseTransfer=buffered', '--output', join(folder, 'cdk.out'), '--outputs-file', outputsFile],
  ]);
  const outputs = (JSON.parse(readFileSync(outputsFile, 'utf8')) as Record<string, Outputs>)[STACK];
  if (outputs === undefined) throw new Error(`no outputs of ${STACK}: ${printed}`);
  return { outputs, printed };
};

const openGateway = (outputs: Outputs, stack = STACK): DeployedGateway => {
  const opened = openDeployed(emulator, stack, outputs);
  open.push(opened);
  return opened;
};

/** The name of the function whose logical id begins so. */
const functionNamed = async (logicalId: string): Promise<string> => {
  const xml = await emulator.ask('cloudformation', { form: { Action: 'DescribeStackResources', StackName: STACK } });
  const found = [...xml.matchAll(/<member>(.*?)<\/member>/gs)]
    .map(([, member = '']) => member)
    .filter((member) => member.includes('AWS::Lambda::Function') && member.includes(`>${logicalId}`))
    .map((member) => /<PhysicalResourceId>(.*?)</.exec(member)?.[1]);
  const [name] = found;
  if (found.length !== 1 || name === undefined) throw new Error(`expected one function ${logicalId}: ${found}`);
  return name;
};

const ask = (model: string, by = key.key) =>
  gateway.openai(by).chat.completions.create({ model, messages: [{ role: 'user', content: TEXT }] });

const thrownBy = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

// A call that died, 40 minutes ago: what it held, for whom, and its entry.
const LATE_MS = 40 * 60_000;
const deadAccount = `team#dead#${new Date(Date.now() - LATE_MS).toISOString().slice(0, 7)}`;
const DEAD_HOLD = 123_456n;
let deadEpoch: number;
let deadRequest: string;

/** A gateway of 40 minutes ago opens an entry, and is never heard of again. */
const leaveDeadCall = async (outputs: Outputs): Promise<void> => {
  const clock = { ...systemClock, now: () => Date.now() - LATE_MS };
  const past = await startTableProxy(emulator.endpoint, clock.now);
  const client = { ...emulator.client, endpoint: past.endpoint };
  const stores = openDynamoStores({ client, tables: tablesOf(outputs), clock, random: systemRandom, log: silent });
  try {
    const { holdOf } = ledgerAt(stores.ledger, clock);
    const hold = holdOf(DEAD_HOLD, [account(deadAccount, null)]);
    deadEpoch = hold.epoch;
    deadRequest = makeRequestId({ epoch: deadEpoch, lane: 3, random: 'D'.repeat(20) });
    expect(await stores.ledger.hold(hold)).toMatchObject({ kind: 'held' });
    expect(await stores.ledger.open(entryOf(deadRequest, hold))).toBe(true);
  } finally {
    stores.close();
    await past.stop();
  }
};

let failed: string | undefined;

/** A test of the story, which ends with the first that fails. */
const chapter = (name: string, work: () => Promise<void>): void =>
  test(name, async () => {
    if (failed !== undefined) throw new Error(`not tried, since this failed: ${failed}`);
    failed = name;
    await work();
    failed = undefined;
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-deploy-'));
  upstream = await startUpstream(answering(openaiVendor, { pieces: [TEXT] }));
  emulator = await startEmulator();
}, 900_000);

afterAll(async () => {
  for (const opened of open) await opened.close();
  await upstream?.stop();
  await emulator?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

describe('first deployment', () => {
  chapter('cdk deploy makes the stack and prints the base URLs that SDKs take', async () => {
    const { outputs } = await deploy(configWith());
    expect(outputs).toMatchObject({
      GatewayBaseUrl: expect.stringMatching(/^https:\/\/\w+\.execute-api\.us-east-1\.amazonaws\.com\/api$/),
      GatewayOpenAiBaseUrl: `${outputs['GatewayBaseUrl']}/v1`,
    });
    await leaveDeadCall(outputs);
    gateway = openGateway(outputs);
    key = await gateway.makeKey();
  });

  chapter('before its secret is there, a provider is not called, and the answer names what is missing', async () => {
    const early = await gateway.makeKey();
    const error = await thrownBy(ask('assistant', early.key));
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect((error as InstanceType<typeof OpenAI.APIError>).status).toBeGreaterThanOrEqual(500);
    expect(String(error)).toContain('"secret:tollgate/vendor" is not set');
    expect(upstream.requests).toHaveLength(0);
  });

  chapter('a chat completion by the OpenAI SDK, with the provider key of Secrets Manager', async () => {
    expect(await gateway.tollgate(['secrets', 'put', 'tollgate/vendor'], 'the-provider-key\n')).toMatchObject({
      action: 'created',
      referenced: true,
    });
    // One that was not there is looked for again after ten seconds.
    const early = await gateway.makeKey();
    await until(() => ask('assistant', early.key));
    const answer = await ask('assistant');
    answered += 1;
    expect(answer.choices[0]?.message.content).toBe(TEXT);
    expect(answer.usage).toMatchObject({ prompt_tokens: INPUT_TOKENS, completion_tokens: OUTPUT_TOKENS });
    expect(upstream.requests.at(-1)).toMatchObject({
      headers: { authorization: 'Bearer the-provider-key' },
      body: { model: openaiVendor.model, messages: [{ role: 'user', content: TEXT }] },
    });
  });

  chapter(
    'the same question again is given the kept answer, in whichever language it is asked, and costs nothing',
    async () => {
      const by = await gateway.makeKey();
      const first = await gateway
        .anthropic(by.key)
        .messages.create({ model: 'kept', max_tokens: 100, messages: [{ role: 'user', content: TEXT }] })
        .withResponse();
      expect(first.response.headers.get('x-tollgate-cache')).toBe('miss');
      // Another environment of the function may not be woken yet, and a store that is slow is a miss.
      const again = await until(async () => {
        const reply = await gateway
          .openai(by.key)
          .chat.completions.create({ model: 'kept', max_tokens: 100, messages: [{ role: 'user', content: TEXT }] })
          .withResponse();
        if (reply.response.headers.get('x-tollgate-cache') !== 'hit-exact') throw new Error('no hit yet');
        return reply;
      });
      expect(again.data.choices[0]?.message.content).toBe(TEXT);
      expect(again.response.headers.get('x-tollgate-cost-usd')).toBe('0');
    },
  );

  chapter('a message by the Anthropic SDK, from a provider that speaks OpenAI’s dialect', async () => {
    const message = await gateway.anthropic(key.key).messages.create({
      model: 'assistant',
      max_tokens: 100,
      system: 'Be kind.',
      messages: [{ role: 'user', content: TEXT }],
    });
    answered += 1;
    expect(message).toMatchObject({
      content: [{ type: 'text', text: TEXT }],
      stop_reason: 'end_turn',
      usage: { input_tokens: INPUT_TOKENS, output_tokens: OUTPUT_TOKENS },
    });
    expect(upstream.requests.at(-1)?.body['messages']).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: TEXT },
    ]);
  });

  chapter('a stream is whole, though it comes at once here', async () => {
    const stream = await gateway.openai(key.key).chat.completions.create({
      model: 'assistant',
      stream: true,
      messages: [{ role: 'user', content: TEXT }],
    });
    let text = '';
    let finish: string | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    answered += 1;
    expect({ text, finish }).toEqual({ text: TEXT, finish: 'stop' });
  });

  chapter('a key that is none is refused in the shape of each SDK', async () => {
    const wrong = `${key.key.slice(0, -1)}${key.key.endsWith('a') ? 'b' : 'a'}`;
    expect(await thrownBy(ask('assistant', wrong))).toBeInstanceOf(OpenAI.AuthenticationError);
    const message = { model: 'assistant', max_tokens: 9, messages: [{ role: 'user' as const, content: 'Hi' }] };
    expect(await thrownBy(gateway.anthropic(wrong).messages.create(message))).toBeInstanceOf(
      Anthropic.AuthenticationError,
    );
  });
});

describe('the ledger', () => {
  chapter(
    'entries go over the stream and the projector to the account: spent to the nano-dollar, nothing held',
    async () => {
      const figures = await gateway.settledAccount(key.id, answered);
      expect(figures).toMatchObject({ spent: BigInt(answered) * COST, held: 0n, requests: answered });
      const entries = await gateway.stores.ledger.tail({ limit: 10, keyId: key.id });
      expect(entries.filter(({ cost }) => cost === COST).map(({ state }) => state)).toEqual(
        Array.from({ length: answered }, () => 'settled'),
      );
    },
  );

  chapter('the command line shows the same: the entries, the keys', async () => {
    const entries = (await gateway.tollgate(['ledger', 'tail', '--key', key.id])) as Record<string, unknown>[];
    expect(entries.filter(({ state, cost_usd: usd }) => state === 'settled' && usd === formatUsd(COST))).toHaveLength(
      answered,
    );
    expect(entries[0]).toMatchObject({ model: 'assistant', team: 'search', key: key.id });
    const keys = (await gateway.tollgate(['keys', 'list'])) as Record<string, unknown>[];
    expect(keys).toContainEqual(expect.objectContaining({ id: key.id, state: 'active', user: 'ada' }));
    expect(JSON.stringify(keys)).not.toContain(key.key);
  });

  chapter('GET /v1/usage tells the same through the front door', async () => {
    expect(await gateway.get('/v1/usage', key.key)).toMatchObject({
      status: 200,
      body: { totals: { requests: answered, spent_usd: Number(BigInt(answered) * COST) / 1e9, held_usd: 0 } },
    });
  });

  chapter('a call that a budget has no room for is refused before the provider is called', async () => {
    const poor = await gateway.makeKey({ user: 'poor' });
    const before = upstream.requests.length;
    expect(await thrownBy(ask('assistant', poor.key))).toMatchObject({ code: 'budget_exceeded' });
    expect(upstream.requests).toHaveLength(before);
    expect(await gateway.account(poor.id)).toMatchObject({ committed: 0n, spent: 0n });
  });

  chapter(
    'the closer charges a call that died its whole hold, once, and the projector does not charge it again',
    async () => {
      const { ledger } = gateway.stores;
      expect(await ledger.figures([deadAccount])).toMatchObject([{ spent: 0n, held: DEAD_HOLD }]);
      expect(closeDueAt(deadEpoch)).toBeLessThan(Date.now());
      const closer = await functionNamed('GatewayPipelineCloser');
      expect(await emulator.invoke(closer, {})).toEqual({ closed: [deadEpoch] });
      expect(await ledger.read(deadRequest)).toMatchObject({ state: 'lost', cost: DEAD_HOLD });
      expect(await emulator.invoke(closer, {})).toEqual({ closed: [] });
      // Later in the stream than the lost entry: when this call has been projected, so has that one.
      await ask('assistant');
      answered += 1;
      await gateway.settledAccount(key.id, answered);
      expect(await ledger.figures([deadAccount])).toMatchObject([{ spent: DEAD_HOLD, held: 0n, requests: 1 }]);
      expect(epochOf(Date.now())).toBeGreaterThan(deadEpoch);
    },
  );
});

describe('by hand', () => {
  // Gateways learn of a circuit, and of a key's end, within half a minute.
  const LEARNT_MS = 60_000;

  chapter('a circuit that the command line opens keeps a target from being asked, and closing it lets it', async () => {
    const target = `vendor/${openaiVendor.model}`;
    const own = await gateway.makeKey();
    const opened = await gateway.tollgate(['circuits', 'open', target, '--for', '1h', '--reason', 'maintenance']);
    expect(opened).toMatchObject({ target, state: 'open', by_hand: true });
    await until(async () => {
      const before = upstream.requests.length;
      expect(await thrownBy(ask('assistant', own.key))).toMatchObject({ status: 503 });
      expect(upstream.requests).toHaveLength(before);
    }, LEARNT_MS);
    const [circuit] = (await gateway.tollgate(['circuits', 'list'])) as unknown[];
    expect(circuit).toMatchObject({ target, state: 'open', reason: 'maintenance' });
    await gateway.tollgate(['circuits', 'close', target]);
    await until(() => ask('assistant', own.key), LEARNT_MS);
  });

  chapter('a key that the command line ends stops working', async () => {
    const ended = await gateway.makeKey();
    await ask('assistant', ended.key);
    expect(await gateway.tollgate(['keys', 'revoke', ended.id])).toMatchObject({ id: ended.id, state: 'revoked' });
    await until(
      async () => expect(await thrownBy(ask('assistant', ended.key))).toBeInstanceOf(OpenAI.AuthenticationError),
      LEARNT_MS,
    );
  });
});

describe('update', () => {
  chapter('deploying the same again changes nothing', async () => {
    expect((await deploy(configWith())).printed).toContain('(no changes)');
  });

  chapter('an update with another configuration keeps URL, tables, keys and figures', async () => {
    const { tables } = gateway;
    const before = await gateway.account(key.id);
    expect(await thrownBy(ask('new'))).toMatchObject({ status: 404 });
    const { outputs } = await deploy(configWith({ new: { targets: [{ provider: 'demo', model: 'echo' }] } }));
    gateway = openGateway(outputs);
    expect(gateway.tables).toEqual(tables);
    expect(await gateway.account(key.id)).toEqual(before);
    expect((await ask('new')).choices[0]?.message.content).toBe(TEXT);
    answered += 1;
    expect((await gateway.settledAccount(key.id, answered)).spent).toBeGreaterThan(before?.spent ?? 0n);
  });

  chapter('deploying the configuration before it again is the way back', async () => {
    const before = await gateway.account(key.id);
    await deploy(configWith());
    expect(await thrownBy(ask('new'))).toMatchObject({ status: 404 });
    await ask('assistant');
    answered += 1;
    const figures = await gateway.settledAccount(key.id, answered);
    expect(figures.spent).toBe((before?.spent ?? 0n) + COST);
  });
});

describe('removal', () => {
  const destroy = () =>
    emulator.cdk([
      ...['destroy', '--force', '--app', join(folder, 'cdk.out'), '--output', join(folder, 'destroy.out'), STACK],
    ]);

  chapter('cdk destroy is refused while the stack is protected', async () => {
    await expect(destroy()).rejects.toThrow(/TerminationProtection is enabled/);
    await ask('assistant');
    answered += 1;
  });

  chapter('cdk destroy takes the functions and the URL and leaves the tables with all that is in them', async () => {
    const settled = await gateway.settledAccount(key.id, answered);
    const protection = {
      Action: 'UpdateTerminationProtection',
      EnableTerminationProtection: 'false',
      StackName: STACK,
    };
    await emulator.ask('cloudformation', { form: protection });
    const closer = await functionNamed('GatewayPipelineCloser');
    await destroy();
    await expect(emulator.invoke(closer, {})).rejects.toThrow('404');
    expect(await thrownBy(ask('assistant'))).toBeInstanceOf(OpenAI.APIError);
    const client = new DynamoDBClient(emulator.client);
    for (const TableName of Object.values(gateway.tables)) {
      const { Table } = await client.send(new DescribeTableCommand({ TableName }));
      expect(Table).toMatchObject({ TableStatus: 'ACTIVE', DeletionProtectionEnabled: true });
    }
    client.destroy();
    expect(await gateway.account(key.id)).toEqual(settled);
    expect(await gateway.stores.access.findKey(key.id)).toMatchObject({ id: key.id, team: 'search' });
  });
});

test('examples/minimal deploys as it stands, and answers', async () => {
  const outputsFile = join(folder, 'minimal.json');
  const printed = await emulator.cdk(
    ['deploy', '--require-approval', 'never', '--outputs-file', outputsFile, '--output', join(folder, 'minimal.out')],
    { cwd: 'examples/minimal' },
  );
  const { Minimal: outputs = {} } = JSON.parse(readFileSync(outputsFile, 'utf8')) as Record<string, Outputs>;
  expect(printed).toContain(outputs['GatewayBaseUrl']);
  const minimal = openGateway(outputs, 'Minimal');
  const { key: own } = await minimal.makeKey();
  // It streams, which the emulator's front door can't: the function is asked as API Gateway would ask it.
  const answer = await emulator.invoke(outputs['GatewayFunctionName'] ?? 'no output names it', {
    httpMethod: 'POST',
    path: '/v1/chat/completions',
    multiValueHeaders: { authorization: [`Bearer ${own}`], 'content-type': ['application/json'] },
    multiValueQueryStringParameters: null,
    body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: TEXT }] }),
    isBase64Encoded: false,
  });
  expect(answer).toMatchObject({ statusCode: 200 });
  expect(JSON.parse((answer as { body: string }).body)).toMatchObject({ choices: [{ message: { content: TEXT } }] });
});

/** The first that succeeds in that time. */
async function until<T>(work: () => Promise<T>, withinMs = 30_000): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;)
    try {
      return await work();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((wake) => setTimeout(wake, 500));
    }
}
