import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStores } from '../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { makeApiKey } from '../../lambdas/core/authenticate/api-key.ts';
import type { CircuitStore } from '../../lambdas/core/call/circuit-store.ts';
import type { LedgerEntry } from '../../lambdas/core/ledger.ts';
import { startGateway } from '../support/start-gateway.ts';
import type { Clients, Subject } from './clients.ts';

const SERVER = join(import.meta.dirname, '../../lambdas/gateway/server.ts');

/** One store, and the gateway processes on it. */
export interface ChaosGateway {
  /** A subject a process. */
  subjects: Subject[];
  dataDir: string;
  circuits: CircuitStore;
  /** All of the ledger. */
  entries(): Promise<LedgerEntry[]>;
  /**
   * Accounts whose figures are not the sums of their entries. `mayHold`: what was held when the store fell, for an entry that it
   * did not take any more, goes back when its epoch is closed (docs/ledger.md).
   */
  wrongAccounts(options?: { mayHold?: boolean }): Promise<string[]>;
  /** Memory of the first process, MB; undefined where the system does not tell. */
  residentMb(): number | undefined;
  /** A key that no process has seen yet. */
  makeKey(): Promise<string>;
  /** Lets the processes end in order: everything under way is settled. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** One gateway that was started. */
export interface StartedServer {
  url: string;
  key: string;
  /** Of a process of its own. */
  pid?: number;
  /** Ends in order: everything under way is settled. */
  drain(): Promise<void>;
  kill(): Promise<void>;
}

/** Starts a gateway with `config.json` and the store `data` of a folder. */
export type StartServer = (folder: string, config: GatewayConfig) => Promise<StartedServer>;

/** What scenarios are played with. */
export interface Stage {
  clients: Clients;
  startServer: StartServer;
}

/** Starts so many gateways on one store. */
export const startChaosGateway = async (
  config: GatewayConfig,
  { startServer }: Pick<Stage, 'startServer'>,
  processes = 1,
): Promise<ChaosGateway> => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-chaos-'));
  const dataDir = join(folder, 'data');
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const servers: StartedServer[] = [];
  try {
    // One after the other: the first makes the store.
    for (let i = 0; i < processes; i++) servers.push(await startServer(folder, config));
  } catch (error) {
    for (const server of servers) await server.kill();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const subjects = servers.map(({ url, key }) => ({
    baseUrl: `${url}/v1`,
    headers: { authorization: `Bearer ${key}` },
  }));
  const file = join(dataDir, 'tollgate.db');
  const stores = openEmbeddedStores({ file, clock: systemClock, random: systemRandom });
  const entries = () => readEntries(stores.ledger);
  const drain = async (): Promise<void> => {
    for (const server of servers.splice(0)) await server.drain();
  };
  return {
    subjects,
    dataDir,
    circuits: stores.circuits,
    entries,
    wrongAccounts: async ({ mayHold = false } = {}) => {
      const sums = new Map<string, bigint>();
      for (const { accounts, cost } of await entries())
        for (const key of accounts) sums.set(key, (sums.get(key) ?? 0n) + cost);
      const figures = await stores.ledger.figures([...sums.keys()]);
      return figures
        .filter(
          ({ key, spent, held, committed }) =>
            spent !== sums.get(key) || held < 0n || committed !== spent + held || (held > 0n && !mayHold),
        )
        .map(({ key, spent, held }) => `${key}: spent ${spent}, held ${held}, entries ${sums.get(key)}`);
    },
    makeKey: async () => {
      const { key, id, hash } = makeApiKey(systemRandom);
      const record = { id, hash, name: 'chaos', team: 'search', user: 'ada', tags: {}, aliases: null, rights: [] };
      await stores.access.createKey({ ...record, createdAt: 0, expiresAt: null, revokedAt: null });
      return key;
    },
    residentMb: () => residentMbOf(servers[0]?.pid),
    drain,
    stop: async () => {
      stores.close();
      for (const server of servers.splice(0)) await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** `npm start`'s server, in a process of its own. */
export const startProcess: StartServer = async (folder) => {
  const flags = ['--port', '0', '--config', 'config.json', '--data', 'data', '--json', '--log', 'silent'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SERVER, ...flags], {
    cwd: folder,
    env: { ...process.env, PROVIDER_KEY: 'provider-key', NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (hasEnded()) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  let [said, complained] = ['', ''];
  child.stdout.on('data', (data) => {
    said += data;
  });
  child.stderr.on('data', (data) => {
    complained = `${complained}${data}`.slice(-4_000);
  });
  while (!said.includes('\n')) {
    if (hasEnded()) throw new Error(`the gateway ended before it was ready: ${complained}`);
    await systemClock.sleep(10);
  }
  const { url, key } = JSON.parse(said) as { url: string; key: string };
  return {
    url,
    key,
    ...(child.pid !== undefined && { pid: child.pid }),
    drain: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
};

/** The same server in this process: for tests, which have it loaded. */
export const startHere: StartServer = async (folder, config) => {
  const gateway = await startGateway(config, {
    dataDir: join(folder, 'data'),
    env: { PROVIDER_KEY: 'provider-key' },
  });
  const { url, key } = gateway;
  return { url, key, drain: () => gateway.server.stop(20_000), kill: gateway.stop };
};

const PAGE = 1_000;

/** Every entry of a ledger, page by page. */
export const readEntries = async (ledger: {
  tail(query: { limit: number; before?: string }): Promise<LedgerEntry[]>;
}): Promise<LedgerEntry[]> => {
  const all: LedgerEntry[] = [];
  for (let before: string | undefined; ; ) {
    const page = await ledger.tail({ limit: PAGE, ...(before !== undefined && { before }) });
    all.push(...page);
    before = page.at(-1)?.requestId;
    if (page.length < PAGE) return all;
  }
};

const residentMbOf = (pid: number | undefined): number | undefined => {
  if (pid === undefined || process.platform !== 'linux') return undefined;
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1_024);
};
