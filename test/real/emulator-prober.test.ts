/**
 * The background prober as it is deployed, in a local AWS that checks rights: a circuit opened by calls that fail, from the
 * stream of circuits over the rule and its ticks to the probe, and back. One story: each test goes on where the last stopped.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EventBridgeClient, ListRulesCommand } from '@aws-sdk/client-eventbridge';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import type { CircuitRecord } from '../../lambdas/core/call/circuit-store.ts';
import { overrideCircuit } from '../../lambdas/core/call/override-circuit.ts';
import { type FaultUpstream, startUpstream, type UpstreamRequest } from '../support/fault-upstream.ts';
import { answering, INPUT_TOKENS, OUTPUT_TOKENS, openaiVendor } from '../support/vendors.ts';
import { type DeployedGateway, type Outputs, openDeployed } from './support/deployed-gateway.ts';
import { type Emulator, startEmulator } from './support/emulator.ts';

const STACK = 'Checked';
const TARGET = `vendor/${openaiVendor.model}`;
/** Calls in a row that open a circuit; one request makes them all. */
const FAILURES = 5;

let emulator: Emulator;
let upstream: FaultUpstream;
let folder: string;
let gateway: DeployedGateway;
let key: { key: string; id: string };
let events: EventBridgeClient;
let functionName: string;
let isVendorWell = false;

const config = (): GatewayConfig => ({
  org: 'example',
  providers: { vendor: { kind: 'openai-compatible', baseUrl: upstream.baseUrl, apiKey: 'secret:tollgate/vendor' } },
  models: {
    assistant: {
      attempts: FAILURES,
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
  },
  budgets: { org: { monthly: '$100' } },
});

const deploy = async (without?: string): Promise<Outputs> => {
  const outputs = join(folder, 'outputs.json');
  await emulator.cdk([
    ...['deploy', '--require-approval', 'never', '--outputs-file', outputs, '--output', join(folder, 'cdk.out')],
    ...['--app', `node --disable-warning=ExperimentalWarning ${resolve('test/real/support/checked-app.ts')}`],
    ...['-c', `config=${join(folder, 'config.json')}`, ...(without === undefined ? [] : ['-c', `without=${without}`])],
  ]);
  const found = (JSON.parse(readFileSync(outputs, 'utf8')) as Record<string, Outputs>)[STACK];
  if (found === undefined) throw new Error(`no outputs of ${STACK}`);
  return found;
};

const functionNamed = async (logicalId: string): Promise<string> => {
  const xml = await emulator.ask('cloudformation', { form: { Action: 'DescribeStackResources', StackName: STACK } });
  for (const [, member = ''] of xml.matchAll(/<member>(.*?)<\/member>/gs))
    if (member.includes('AWS::Lambda::Function<') && member.includes(`<LogicalResourceId>${logicalId}`))
      return /<PhysicalResourceId>(.*?)</.exec(member)?.[1] ?? '';
  throw new Error(`no function ${logicalId}`);
};

const ruleState = async (): Promise<string | undefined> => {
  const { Rules: rules = [] } = await events.send(new ListRulesCommand({}));
  const found = rules.filter(({ Name }) => Name?.includes('Prober'));
  if (found.length !== 1) throw new Error(`expected one rule of the prober: ${rules.map(({ Name }) => Name)}`);
  return found[0]?.State;
};

const circuit = async (): Promise<CircuitRecord | undefined> => (await gateway.stores.circuits.read([TARGET]))[0];

/** What the vendor was sent by the prober. */
const probesSent = (): UpstreamRequest[] => upstream.requests.filter(({ body }) => body['max_tokens'] === 16);

const probeEntries = () => gateway.stores.ledger.tail({ limit: 100, keyId: 'circuit-probe' });

/** Lets time pass for the circuit: it is due now. */
const makeDue = async (): Promise<void> => {
  const found = await circuit();
  if (found?.circuit.state !== 'open') throw new Error(`expected an open circuit, got ${found?.circuit.state}`);
  const next = { ...found, version: found.version + 1, circuit: { ...found.circuit, until: Date.now() } };
  expect(await gateway.stores.circuits.write(next)).toBe(true);
};

/** Calls the function as the rule does. */
const tick = () =>
  emulator.invoke(functionName, { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} });

/** Waits until the work's answer passes. @throws {Error} with the last answer, when that does not come */
const until = async <T>(work: () => Promise<T>, passes: (answer: T) => boolean, withinMs = 30_000): Promise<T> => {
  const end = Date.now() + withinMs;
  for (;;) {
    const answer = await work();
    if (passes(answer)) return answer;
    if (Date.now() > end) throw new Error(`waited in vain: ${JSON.stringify(answer)}\n${emulator.log().slice(-4_000)}`);
    await new Promise((wake) => setTimeout(wake, 200));
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
    // Some wait for the rule's minute, or deploy twice.
  }, 300_000);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-prober-'));
  const answer = answering(openaiVendor, { pieces: ['OK'] });
  upstream = await startUpstream((request, response: ServerResponse) => {
    if (isVendorWell) return answer(request, response);
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"message":"out of order"}}');
  });
  emulator = await startEmulator({ checksRights: true });
  events = new EventBridgeClient(emulator.client);
  const secrets = new SecretsManagerClient(emulator.client);
  await secrets.send(new CreateSecretCommand({ Name: 'tollgate/vendor', SecretString: 'the-provider-key' }));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config()));
  gateway = openDeployed(emulator, STACK, await deploy());
  key = await gateway.makeKey();
  functionName = await functionNamed('GatewayProberFunction');
}, 900_000);

afterAll(async () => {
  await gateway?.close();
  events?.destroy();
  await upstream?.stop();
  await emulator?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

const ask = () =>
  gateway.openai(key.key).chat.completions.create({ model: 'assistant', messages: [{ role: 'user', content: 'Hi' }] });

chapter('while every circuit is closed the rule is off', async () => {
  expect(await ruleState()).toBe('DISABLED');
});

chapter('calls that fail open the circuit, and the stream puts the rule on', async () => {
  await expect(ask()).rejects.toMatchObject({ status: 502 });
  expect(upstream.requests).toHaveLength(FAILURES);
  expect(await circuit()).toMatchObject({ circuit: { state: 'open', openings: 1 } });
  await until(ruleState, (state) => state === 'ENABLED');
});

chapter('a tick of the rule’s own probes the target, which is still broken: open for longer', async () => {
  await makeDue();
  // Once a minute, and a look each few seconds.
  await until(circuit, (found) => found?.circuit.state === 'open' && found.circuit.openings === 2, 240_000);
  expect(probesSent()).toHaveLength(1);
  expect(probesSent()[0]).toMatchObject({
    headers: { authorization: 'Bearer the-provider-key' },
    body: { model: openaiVendor.model, messages: [{ role: 'user', content: 'Say OK.' }] },
  });
  expect(await until(probeEntries, (entries) => entries[0]?.state === 'settled')).toMatchObject([
    { team: 'circuit-probe', cost: 0n, receipt: { outcome: 'failed', attempts: [{ target: TARGET, status: 500 }] } },
  ]);
  expect(await ruleState()).toBe('ENABLED');
});

chapter('while a hand keeps the circuit open nobody is called, and the rule stays on', async () => {
  const { circuits } = gateway.stores;
  const ports = { circuits, clock: systemClock };
  // Longer than a round, which looks again before it ends.
  await overrideCircuit(TARGET, { state: 'open', forMs: 300_000, reason: 'maintenance' }, ports);
  await makeDue();
  const before = upstream.requests.length;
  expect(await tick()).toEqual({ probes: [], goesOn: true });
  expect(upstream.requests).toHaveLength(before);
  const found = await circuit();
  if (found === undefined) throw new Error('no circuit');
  expect(await circuits.write({ ...found, version: found.version + 1, override: null })).toBe(true);
});

chapter('of two ticks at once one probes; the target is well: its circuit closes and the rule is off', async () => {
  isVendorWell = true;
  const before = probesSent().length;
  const ticks = (await Promise.all([tick(), tick()])) as { probes: { outcome: string }[] }[];
  const outcomes = ticks.flatMap(({ probes }) => probes.map(({ outcome }) => outcome));
  expect(outcomes.filter((outcome) => outcome === 'works')).toHaveLength(1);
  expect(probesSent()).toHaveLength(before + 1);
  expect(await circuit()).toMatchObject({ circuit: { state: 'closed' }, reason: 'probe answered' });
  // The last of the two to end has seen no circuit open.
  expect(await ruleState()).toBe('DISABLED');
});

chapter('what the probes cost has come to the accounts of the org and of circuit-probe', async () => {
  const entries = await probeEntries();
  const cost = BigInt(INPUT_TOKENS) * 1_000n + BigInt(OUTPUT_TOKENS) * 10_000n;
  expect(entries.filter((entry) => entry.cost === cost)).toHaveLength(1);
  await gateway.settledAccount('circuit-probe', entries.length);
  const month = new Date().toISOString().slice(0, 7);
  const [org] = await gateway.stores.ledger.figures([`org#example#${month}`]);
  expect(org).toMatchObject({ spent: cost, held: 0n });
});

chapter('calls go there again at once', async () => {
  // A gateway's memory of the circuits is a second old at most.
  await new Promise((wake) => setTimeout(wake, 1_000));
  expect((await ask()).choices[0]?.message.content).toBe('OK');
});

chapter('without its rights to the rule it can neither start nor stop, and says so', async () => {
  const opening = { Records: [{ eventName: 'MODIFY', dynamodb: { Keys: { pk: { S: `target#${TARGET}` } } } }] };
  await deploy('GatewayProberFunctionRole|events:EnableRule|Prober');
  await expect(emulator.invoke(functionName, opening)).rejects.toThrow('errorMessage');
  expect(await ruleState()).toBe('DISABLED');
  await deploy('GatewayProberFunctionRole|events:DisableRule|Prober');
  expect(await emulator.invoke(functionName, opening)).toEqual({ opened: [`target#${TARGET}`] });
  expect(await ruleState()).toBe('ENABLED');
  await expect(tick()).rejects.toThrow('errorMessage');
});

chapter('without the right to hold on accounts it calls nobody', async () => {
  await deploy('GatewayProberFunctionRole|dynamodb:UpdateItem|StateAccounts');
  const found = await circuit();
  if (found === undefined) throw new Error('no circuit');
  const opened = { state: 'open', until: Date.now(), openings: 1 } as const;
  await gateway.stores.circuits.write({ ...found, version: found.version + 1, circuit: opened });
  const before = upstream.requests.length;
  await expect(tick()).rejects.toThrow('1 of 1 probes broke');
  expect(upstream.requests).toHaveLength(before);
  expect(await circuit()).toMatchObject({ circuit: opened });
});

chapter('with all its rights again it mends what was left', async () => {
  const before = probesSent().length;
  await deploy();
  // The rule is on: its own tick may come first, and be still at it.
  await tick();
  const mended = await until(circuit, (found) => found?.circuit.state === 'closed');
  expect(mended?.reason).toBe('probe answered');
  expect(probesSent()).toHaveLength(before + 1);
  await until(ruleState, (state) => state === 'DISABLED');
});
