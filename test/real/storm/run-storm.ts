import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemClock } from '../../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import type { AccountFigures, LedgerEntry } from '../../../lambdas/core/ledger.ts';
import type { MeteredCall } from './metered-vendor.ts';

const ROOT = join(import.meta.dirname, '../../..');

export interface StormOptions {
  calls: number;
  atOnce: number;
  gateways: number;
  /** Share of the calls whose client leaves, 0..1. */
  hangUps: number;
  /** Share of the calls that are under way in a gateway when it is killed, 0..1. */
  kills: number;
  seed: number;
}

export interface StormResult {
  entries: LedgerEntry[];
  /** Entries that name each account, and what it says. */
  accounts: { key: string; figures: AccountFigures | undefined; sum: bigint }[];
  meter: MeteredCall[];
  /** What clients saw, by status; `left` and `broken` for those without one. */
  seen: Record<string, number>;
  kills: number;
}

/** Nano-USD a token. */
export const PRICE = { input: 2_500n, output: 10_000n };

/** Twenty calls of a hundred meet a failure of some kind: refusals, cuts, silence. */
const MODELS = {
  plain: ['echo'],
  tools: ['echo'],
  long: ['tokens-60+slow-20'],
  flaky: ['echo+flaky-50', 'echo'],
  limited: ['fail-429', 'echo'],
  cut: ['tokens-40+cut-15+slow-5'],
  silent: ['tokens-40+cut-10+hang', 'echo'],
};

/** Alias by alias, how many calls of a hundred ask for it. */
const MIX: [keyof typeof MODELS, number][] = [
  ['plain', 45],
  ['tools', 15],
  ['long', 10],
  ['flaky', 18],
  ['limited', 4],
  ['cut', 6],
  ['silent', 2],
];

const configFor = (vendorUrl: string): GatewayConfig => ({
  providers: { vendor: { kind: 'openai-compatible', baseUrl: `${vendorUrl}/v1` } },
  models: Object.fromEntries(
    Object.entries(MODELS).map(([alias, models]) => [
      alias,
      {
        targets: models.map((model) => ({
          provider: 'vendor',
          model,
          price: { inputPerMTok: '2.5', outputPerMTok: '10' },
          contextTokens: 100_000,
          maxOutputTokens: 4_000,
          capabilities: ['streaming', 'tools'] as const,
        })),
        timeouts: { firstTokenMs: 5_000, idleMs: 1_500, totalMs: 20_000 },
      },
    ]),
  ) as unknown as GatewayConfig['models'],
  budgets: { org: { monthly: '$100000' }, perTeam: { daily: '$100000' }, perUser: { daily: '$100000' } },
});

/** Mulberry32. */
const chanceOf = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

const startProcess = async (
  file: string,
  flags: string[],
): Promise<{ child: ChildProcess; ready: { url: string; key?: string } }> => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(ROOT, file), ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr?.on('data', (data) => {
    errors = (errors + data).slice(-4_000);
  });
  let output = '';
  while (!output.includes('\n')) {
    const [data] = await Promise.race([
      once(child.stdout as NodeJS.ReadableStream, 'data'),
      once(child, 'exit').then(() => [null]),
    ]);
    if (data === null) throw new Error(`${file} ended before it was ready: ${errors}`);
    output += data;
  }
  child.stdout?.resume();
  return { child, ready: JSON.parse(output) };
};

/**
 * Calls a vendor through several gateways on one store, while clients leave and gateways are killed and started again;
 * then lets it rest, and gives what the ledger and the vendor's own meter say of it.
 */
export const runStorm = async (options: StormOptions): Promise<StormResult> => {
  const chance = chanceOf(options.seed);
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-storm-'));
  const dataDir = join(folder, 'data');
  const vendor = await startProcess('test/real/storm/metered-vendor.ts', []);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configFor(vendor.ready.url)));
  const startGateway = () =>
    startProcess('lambdas/gateway/server.ts', [
      '--port',
      '0',
      '--config',
      join(folder, 'config.json'),
      '--data',
      dataDir,
      '--json',
      '--log',
      'error',
    ]);
  // The first makes the store.
  const slots = [startGateway()];
  await slots[0];
  while (slots.length < options.gateways) slots.push(startGateway());
  await Promise.all(slots);

  const dispatcher = new Agent({ connections: null, pipelining: 1 });
  const seen: Record<string, number> = {};
  let kills = 0;

  const callOnce = async (call: number): Promise<void> => {
    const slot = slots[call % slots.length];
    if (slot === undefined) throw new Error('no gateway');
    const { ready } = await slot;
    const stream = chance() < 0.6;
    const leaves = chance() < options.hangUps;
    const leave = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    if (leaves) timer = setTimeout(() => leave.abort(), chance() * 150);
    const note = (what: string | number) => {
      seen[what] = (seen[what] ?? 0) + 1;
    };
    const alias = pick(chance());
    try {
      const reply = await request(`${ready.url}/v1/chat/completions`, {
        method: 'POST',
        dispatcher,
        signal: leave.signal,
        headers: {
          authorization: `Bearer ${ready.key}`,
          'content-type': 'application/json',
          'x-tollgate-tags': `call=${call}`,
          'x-tollgate-user': `user-${call % 50}`,
        },
        body: JSON.stringify({
          model: alias,
          max_tokens: 1 + Math.floor(chance() * 200),
          stream,
          messages: [{ role: 'user', content: `call ${call} ${'lorem ipsum '.repeat(Math.floor(chance() * 40))}` }],
          ...(alias === 'tools' && { tools: [TOOL], tool_choice: chance() < 0.5 ? 'required' : 'auto' }),
        }),
      });
      await reply.body.text();
      note(reply.statusCode);
    } catch {
      note(leaves ? 'left' : 'broken');
    } finally {
      clearTimeout(timer);
    }
  };

  const killOne = async (): Promise<void> => {
    kills += 1;
    const index = Math.floor(chance() * slots.length);
    const { child } = (await slots[index]) as Awaited<ReturnType<typeof startGateway>>;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    slots[index] = ended.then(startGateway);
    await slots[index];
  };

  try {
    // A kill meets the calls of one gateway.
    const everyCalls = Math.round(options.atOnce / options.gateways / options.kills);
    let next = 0;
    let killing: Promise<void> = Promise.resolve();
    const worker = async (): Promise<void> => {
      while (next < options.calls) {
        const call = next++;
        if (call > 0 && call % everyCalls === 0) killing = killing.then(killOne);
        await callOnce(call);
      }
    };
    await Promise.all(Array.from({ length: options.atOnce }, worker));
    await killing;
    for (const slot of slots) {
      const { child } = await slot;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    const meter = (await (await request(`${vendor.ready.url}/meter`)).body.text())
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as MeteredCall);
    return { ...(await readLedger(dataDir)), meter, seen, kills };
  } finally {
    await dispatcher.close();
    vendor.child.kill('SIGKILL');
    for (const slot of slots) (await slot.catch(() => undefined))?.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
};

const TOOL = {
  type: 'function',
  function: {
    name: 'look_up',
    parameters: { type: 'object', properties: { word: { type: 'string' } }, required: ['word'] },
  },
};

const pick = (at: number): string => {
  let left = at * 100;
  for (const [alias, share] of MIX) {
    left -= share;
    if (left < 0) return alias;
  }
  return 'plain';
};

/** Opens the store as the next gateway would: what the dead left open is lost then. */
const readLedger = async (dataDir: string): Promise<Pick<StormResult, 'entries' | 'accounts'>> => {
  const stores = openEmbeddedStores({ file: join(dataDir, 'tollgate.db'), clock: systemClock, random: systemRandom });
  try {
    const entries: LedgerEntry[] = [];
    for (let before: string | undefined; ; ) {
      const page = await stores.ledger.tail({ limit: 1_000, ...(before !== undefined && { before }) });
      entries.push(...page);
      before = page.at(-1)?.requestId;
      if (page.length < 1_000) break;
    }
    const sums = new Map<string, bigint>();
    for (const { accounts, cost } of entries) for (const key of accounts) sums.set(key, (sums.get(key) ?? 0n) + cost);
    const keys = [...sums.keys()];
    const figures = new Map((await stores.ledger.figures(keys)).map((one) => [one.key, one]));
    return { entries, accounts: keys.map((key) => ({ key, figures: figures.get(key), sum: sums.get(key) ?? 0n })) };
  } finally {
    stores.close();
  }
};
