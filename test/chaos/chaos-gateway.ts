import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStores } from '../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import type { GatewayConfig, ModelConfig, ProviderConfig, TargetConfig } from '../../lambdas/contract/config.ts';
import { makeApiKey } from '../../lambdas/core/authenticate/api-key.ts';
import type { CircuitStore, LedgerEntry } from '../../lambdas/core/ports.ts';
import type { Subject } from './clients.ts';

const SERVER = join(import.meta.dirname, '../../lambdas/gateway/server.ts');

/** One store, and the gateway processes on it. */
export interface ChaosGateway {
  /** A subject a process. */
  subjects: Subject[];
  dataDir: string;
  circuits: CircuitStore;
  /** All of the ledger. */
  entries(): Promise<LedgerEntry[]>;
  /** Accounts whose figures are not the sums of their entries. */
  wrongAccounts(): Promise<string[]>;
  /** Memory of the first process, MB; undefined where the system does not tell. */
  residentMb(): number | undefined;
  /** A key that no process has seen yet. */
  makeKey(): Promise<string>;
  /** Lets the processes end in order: everything under way is settled. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts `npm start`'s server on a store of its own, so many processes of it. */
export const startChaosGateway = async (config: GatewayConfig, processes = 1): Promise<ChaosGateway> => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-chaos-'));
  const dataDir = join(folder, 'data');
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const children: ChildProcess[] = [];
  const subjects: Subject[] = [];
  try {
    // One after the other: the first makes the store.
    for (let i = 0; i < processes; i++) {
      const { child, url, key } = await startServer(folder);
      children.push(child);
      subjects.push({ baseUrl: `${url}/v1`, headers: { authorization: `Bearer ${key}` } });
    }
  } catch (error) {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const file = join(dataDir, 'tollgate.db');
  const stores = openEmbeddedStores({ file, clock: systemClock, random: systemRandom });
  const entries = () => readEntries(stores.ledger);
  const drain = async (): Promise<void> => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
  };
  return {
    subjects,
    dataDir,
    circuits: stores.circuits,
    entries,
    wrongAccounts: async () => {
      const sums = new Map<string, bigint>();
      for (const { accounts, cost } of await entries())
        for (const key of accounts) sums.set(key, (sums.get(key) ?? 0n) + cost);
      const figures = await stores.ledger.figures([...sums.keys()]);
      return figures
        .filter(({ key, spent, held, committed }) => spent !== sums.get(key) || held !== 0n || committed !== spent)
        .map(({ key, spent, held }) => `${key}: spent ${spent}, held ${held}, entries ${sums.get(key)}`);
    },
    makeKey: async () => {
      const { key, id, hash } = makeApiKey(systemRandom);
      const record = { id, hash, name: 'chaos', team: 'search', user: 'ada', tags: {}, aliases: null, rights: [] };
      await stores.access.createKey({ ...record, createdAt: 0, expiresAt: null, revokedAt: null });
      return key;
    },
    residentMb: () => residentMbOf(children[0]?.pid),
    drain,
    stop: async () => {
      stores.close();
      for (const child of children.splice(0)) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const startServer = async (folder: string): Promise<{ child: ChildProcess; url: string; key: string }> => {
  const flags = ['--port', '0', '--config', 'config.json', '--data', 'data', '--json', '--log', 'silent'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SERVER, ...flags], {
    cwd: folder,
    env: { ...process.env, PROVIDER_KEY: 'provider-key', NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [said, complained] = ['', ''];
  child.stdout.on('data', (data) => {
    said += data;
  });
  child.stderr.on('data', (data) => {
    complained = `${complained}${data}`.slice(-4_000);
  });
  while (!said.includes('\n')) {
    if (child.exitCode !== null) throw new Error(`the gateway ended before it was ready: ${complained}`);
    await systemClock.sleep(10);
  }
  return { child, ...(JSON.parse(said) as { url: string; key: string }) };
};

const PAGE = 1_000;

const readEntries = async (ledger: {
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

/** Nano-USD a token. */
export const PRICE = { input: 2_500n, output: 10_000n };

const target = (provider: string, model = 'm'): TargetConfig => ({
  provider,
  model,
  price: { inputPerMTok: '2.5', outputPerMTok: '10' },
  contextTokens: 100_000,
  maxOutputTokens: 10_000,
  capabilities: ['streaming', 'tools'],
});

/** Aliases over providers: whom each asks, in which order. Budgets and limits are on, and far off. */
export const chaosConfig = (
  providers: Record<string, ProviderConfig>,
  models: Record<string, { asks: string[]; model?: string } & Omit<Partial<ModelConfig>, 'targets'>>,
  more: Partial<GatewayConfig> = {},
): GatewayConfig => ({
  providers,
  models: Object.fromEntries(
    Object.entries(models).map(([alias, { asks, model, ...rest }]) => [
      alias,
      { targets: asks.map((provider) => target(provider, model)), ...rest },
    ]),
  ),
  budgets: { org: { monthly: '$100000' }, perTeam: { daily: '$100000' }, perUser: { daily: '$100000' } },
  limits: { perKey: { requestsPerMinute: 10_000_000, concurrent: 100_000 } },
  ...more,
});
