import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type EmbeddedStores, openEmbeddedStores } from '../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import { answerWith, type Behaviour, type FaultUpstream, failWith, startUpstream } from '../support/fault-upstream.ts';

const SERVER = join(import.meta.dirname, '../../lambdas/gateway/server.ts');
const TARGET = 'primary/m';

let folder: string;
let primary: FaultUpstream;
let backup: FaultUpstream;
let behave: Behaviour;
let stores: EmbeddedStores | undefined;
const children: ChildProcessWithoutNullStreams[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-'));
  behave = failWith(500);
  primary = await startUpstream((request, response) => behave(request, response));
  backup = await startUpstream(answerWith('from the backup'));
  const provider = ({ baseUrl }: FaultUpstream) => ({ kind: 'openai-compatible', baseUrl });
  const target = {
    model: 'm',
    price: { inputPerMTok: 1, outputPerMTok: 10 },
    contextTokens: 100_000,
    maxOutputTokens: 10_000,
  };
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({
      providers: { primary: provider(primary), backup: provider(backup) },
      models: {
        a: {
          targets: [
            { provider: 'primary', ...target },
            { provider: 'backup', ...target },
          ],
        },
      },
    }),
  );
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  stores?.close();
  stores = undefined;
  await Promise.all([primary.stop(), backup.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** A gateway process on the folder's store. */
const start = async () => {
  const flags = ['--port', '0', '--config', 'config.json', '--data', 'data', '--json', '--log', 'silent'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SERVER, ...flags], { cwd: folder });
  children.push(child);
  let [said, complained] = ['', ''];
  child.stdout.on('data', (data) => {
    said += data;
  });
  child.stderr.on('data', (data) => {
    complained += data;
  });
  while (!said.includes('\n')) {
    if (child.exitCode !== null) throw new Error(complained);
    await systemClock.sleep(10);
  }
  const { url, key } = JSON.parse(said) as { url: string; key: string };
  return (): Promise<number> =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'a', max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] }),
    }).then(async (reply) => {
      await reply.text();
      return reply.status;
    });
};

const circuits = () => {
  stores ??= openEmbeddedStores({
    file: join(folder, 'data', 'tollgate.db'),
    clock: systemClock,
    random: systemRandom,
  });
  return stores.circuits;
};
const circuit = async () => {
  const [record] = await circuits().read([TARGET]);
  if (record === undefined) throw new Error('the store has no record');
  return record;
};
const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await systemClock.sleep(20);
};

// Real processes on a machine that may be busy.
jest.setTimeout(60_000);

test('two processes on one store: one opens the circuit, the other heeds it, and of many callers in both one probes', async () => {
  const [one, other] = await Promise.all([start(), start()]);

  // One extra call each until the circuit opens, none after: nobody fails meanwhile.
  for (let i = 0; i < 8; i++) expect(await one()).toBe(200);
  await until(async () => (await circuit()).circuit.state === 'open');
  expect(primary.requests).toHaveLength(5);

  // The other process has asked nothing yet; what it knows is a second old at most.
  await systemClock.sleep(1_100);
  expect(await other()).toBe(200);
  await systemClock.sleep(200);
  const before = primary.requests.length;
  expect(before).toBeLessThanOrEqual(6);
  for (let i = 0; i < 5; i++) expect(await other()).toBe(200);
  expect(primary.requests).toHaveLength(before);

  // Its time is up, as both come to read. Of all that come while nobody has answered one probes; the backup serves the others.
  const gate = Promise.withResolvers<void>();
  behave = async (request, response) => {
    await gate.promise;
    await answerWith('from the primary')(request, response);
  };
  const opened = await circuit();
  const due = { ...opened, version: opened.version + 1, circuit: { state: 'open', until: 0, openings: 1 } as const };
  expect(await circuits().write(due)).toBe(true);
  const calls: Promise<number>[] = [];
  for (let more = 3; more > 0; ) {
    calls.push(...Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? one : other)()));
    await systemClock.sleep(200);
    if (primary.requests.length > before) more -= 1;
  }
  expect(primary.requests.length - before).toBe(1);
  gate.resolve();
  expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
  await until(async () => (await circuit()).circuit.state === 'closed');
});
