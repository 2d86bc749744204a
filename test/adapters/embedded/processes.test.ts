import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type EmbeddedStores, openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { standing } from '../../port-suites/ledger-requests.ts';
import { makeFolder, seededRandom } from './embedded-worlds.ts';

const SCRIPT = fileURLToPath(new URL('./gateway-process.ts', import.meta.url));
const MONTH = 'team#search#2026-11';
const SCOPE = [{ scope: 'key#k1', limit: { concurrent: 1 }, tokens: 0 }];

const clock = {
  now: () => Date.now(),
  sleep: async () => {},
  after: () => () => {},
};

interface Gateway {
  process: ChildProcess;
  hear(): Promise<string>;
  tell(): void;
  kill(): Promise<void>;
}

describe('several processes on one file', () => {
  let folder: ReturnType<typeof makeFolder>;
  let file = '';
  let started: Gateway[] = [];
  let opened: EmbeddedStores[] = [];

  beforeEach(() => {
    folder = makeFolder();
    file = join(folder.path, 'tollgate.db');
    started = [];
    opened = [];
  });

  afterEach(async () => {
    for (const gateway of started) await gateway.kill();
    for (const stores of opened) stores.close();
    folder.remove();
  });

  const openHere = (): EmbeddedStores => {
    const stores = openEmbeddedStores({ file, clock, random: seededRandom(opened.length) });
    opened.push(stores);
    return stores;
  };

  const start = (what: string, name: string): Gateway => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT, file, what, name], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const gateway: Gateway = {
      process: child,
      async hear() {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the process ended with ${child.exitCode ?? child.signalCode} and said nothing`);
        return value;
      },
      tell: () => void child.stdin.write('go\n'),
      async kill() {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGKILL');
        await once(child, 'exit');
      },
    };
    started.push(gateway);
    return gateway;
  };

  const read = async ({ ledger }: EmbeddedStores) => {
    const [figures] = await ledger.figures([MONTH]);
    return figures && { committed: figures.committed, spent: figures.spent, held: figures.held };
  };
  const isFree = async ({ limits }: EmbeddedStores): Promise<boolean> =>
    (await limits.read(SCOPE, clock.now()))[0]?.remaining === 1;

  test('a killed process: its entry is lost and charged whole, its holds and requests under way are gone', async () => {
    const gateway = start('hold', 'a');
    expect(await gateway.hear()).toBe('holding');
    await gateway.kill();
    const stores = openHere();
    expect(await stores.ledger.read('req_a')).toMatchObject({ state: 'lost', cost: 100n });
    expect(await read(stores)).toEqual(standing(100n, 0n));
    expect(await isFree(stores)).toBe(true);
  });

  test('a killed process: its idempotency keys are free at once, those of a living one are not', async () => {
    const [dead, alive] = [start('hold', 'dead'), start('hold', 'alive')];
    await Promise.all([dead.hear(), alive.hear()]);
    await dead.kill();
    const { answers } = openHere();
    const claim = (name: string) =>
      answers.claim({ key: `k1#${name}`, fingerprint: 'f2', owner: 'heir', leaseUntil: 0 }, clock.now());
    expect(await claim('dead')).toEqual({ kind: 'claimed' });
    expect(await claim('alive')).toEqual({ kind: 'mismatch' });
  });

  test('a living process keeps what it has when another opens the file', async () => {
    const gateway = start('hold', 'a');
    await gateway.hear();
    const stores = openHere();
    await stores.ledger.closeDueEpochs();
    expect((await stores.ledger.read('req_a'))?.state).toBe('open');
    expect(await read(stores)).toEqual(standing(0n, 150n));
    expect(await isFree(stores)).toBe(false);
    gateway.tell();
    expect(await gateway.hear()).toBe('settled');
    expect(await read(stores)).toEqual(standing(60n, 50n));
  });

  test('of two processes only the dead one is cleared up after', async () => {
    const [dead, alive] = [start('hold', 'dead'), start('hold', 'alive')];
    await Promise.all([dead.hear(), alive.hear()]);
    await dead.kill();
    const stores = openHere();
    expect((await stores.ledger.read('req_dead'))?.state).toBe('lost');
    expect((await stores.ledger.read('req_alive'))?.state).toBe('open');
    expect(await read(stores)).toEqual(standing(100n, 150n));
    alive.tell();
    await alive.hear();
    expect(await read(stores)).toEqual(standing(160n, 50n));
  });

  test('one that stays clears up after one that was killed, when it closes epochs', async () => {
    const stores = openHere();
    const gateway = start('hold', 'a');
    await gateway.hear();
    await gateway.kill();
    expect(await read(stores)).toEqual(standing(0n, 150n));
    await stores.ledger.closeDueEpochs();
    expect(await read(stores)).toEqual(standing(100n, 0n));
  });

  test('a stopped process is not taken for dead: it goes on and settles', async () => {
    const gateway = start('hold', 'a');
    await gateway.hear();
    gateway.process.kill('SIGSTOP');
    const stores = openHere();
    expect((await stores.ledger.read('req_a'))?.state).toBe('open');
    gateway.process.kill('SIGCONT');
    gateway.tell();
    await gateway.hear();
    expect((await stores.ledger.read('req_a'))?.cost).toBe(60n);
  });

  test('three processes at full speed meet the cap exactly, and the accounts are the sum of the entries', async () => {
    const gateways = ['a', 'b', 'c'].map((name) => start('compete', name));
    await Promise.all(gateways.map((gateway) => gateway.hear()));
    for (const gateway of gateways) gateway.tell();
    await Promise.all(gateways.map((gateway) => gateway.hear()));
    const said = await Promise.all(gateways.map((gateway) => gateway.hear()));
    const admitted = said.map((line) => Number(line.replace('admitted ', '')));
    const stores = openHere();
    const [org, ...teams] = await stores.ledger.figures([
      'org#acme#2026-11',
      ...['a', 'b', 'c'].map((name) => `team#${name}#2026-11`),
    ]);
    expect(admitted.reduce((sum, count) => sum + count, 0)).toBe(200);
    expect(org).toMatchObject({ spent: 100_000n, held: 0n, requests: 200 });
    expect(teams.map(({ requests }) => requests)).toEqual(admitted);
    const entries = await stores.ledger.tail({ limit: 1_000 });
    expect(entries.reduce((sum, { cost }) => sum + cost, 0n)).toBe(100_000n);
  }, 30_000);

  test('one of three killed at full speed leaves accounts that are the sum of the entries, under the cap', async () => {
    const gateways = ['a', 'b', 'c'].map((name) => start('compete', name));
    await Promise.all(gateways.map((gateway) => gateway.hear()));
    for (const gateway of gateways) gateway.tell();
    await gateways[2]?.hear();
    await gateways[2]?.kill();
    for (const gateway of gateways.slice(0, 2)) {
      await gateway.hear();
      await gateway.hear();
    }
    const stores = openHere();
    const [org] = await stores.ledger.figures(['org#acme#2026-11']);
    const entries = await stores.ledger.tail({ limit: 1_000 });
    expect(entries.filter(({ state }) => state !== 'settled' && state !== 'lost')).toEqual([]);
    const sum = entries.reduce((total, { cost }) => total + cost, 0n);
    expect(org).toMatchObject({ committed: sum, spent: sum, held: 0n, requests: entries.length });
    // The killed one may have held for one request that it had not opened yet.
    expect([99_500n, 100_000n]).toContain(sum);
  }, 30_000);

  test('a request is cancelled by another process', async () => {
    const watching = openEmbeddedStores({ file, random: seededRandom(9), clock: pollingClock() });
    opened.push(watching);
    const told = new Promise<void>((resolve) => void watching.cancellations.watch('req_1', resolve));
    const stores = openHere();
    await stores.cancellations.request('req_1');
    await told;
  });

  test('a policy is numbered anew whenever it is another, and the same one is not', async () => {
    const [a, b] = [openHere(), openHere()];
    expect(await a.policyVersion('first')).toBe(1);
    expect(await b.policyVersion('first')).toBe(1);
    expect(await b.policyVersion('second')).toBe(2);
    expect(await a.policyVersion('second')).toBe(2);
    expect(await a.policyVersion('first')).toBe(3);
  });
});

const pollingClock = () => ({
  ...clock,
  after: (_ms: number, callback: () => void) => {
    const timer = setTimeout(callback, 5);
    return () => clearTimeout(timer);
  },
});
