import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from '@jest/globals';
import { approveBudget, setBudget, showBudgets } from '../../lambdas/cli/budgets.ts';
import type { BudgetConfig, GatewayConfig, ModelConfig } from '../../lambdas/contract/config.ts';
import { openLocalStores } from '../../lambdas/wiring/open-local-stores.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

let running: TestGateway | undefined;
let folder: string | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
});

const NANO = 1_000_000_000n;
const MONTH = new Date().toISOString().slice(0, 7);
const ORG = `org#default#${MONTH}`;

/** A model that answers 1,000 tokens at so many dollars a million: $100 makes $0.10 a call, held and spent. */
const model = (name: string, perMillion: string, more: Partial<ModelConfig> = {}): ModelConfig => ({
  targets: [{ provider: 'demo', model: name, price: { inputPerMTok: '0', outputPerMTok: perMillion } }],
  ...more,
});
const DEAR = 'demo/tokens-1000';
const CHEAP = 'demo/tokens-1000+slow-1';
const CHEAPER = 'demo/tokens-1000+slow-2';

const config = (
  budget: BudgetConfig = { monthly: '$1', downgradeAt: 0.9 },
  models: Record<string, ModelConfig> = {
    dear: model('tokens-1000', '100', { downgradeTo: 'cheap' }),
    cheap: model('tokens-1000+slow-1', '10'),
  },
): GatewayConfig => ({ providers: { demo: { kind: 'simulator' } }, models, budgets: { org: budget } });

const ask = async (more: object = {}, gateway = running) => {
  const reply = await fetch(`${gateway?.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway?.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'dear', max_tokens: 1000, messages: [{ role: 'user', content: 'go' }], ...more }),
  });
  const text = await reply.text();
  return {
    status: reply.status,
    budget: reply.headers.get('x-tollgate-budget')?.replace(/; used=[\d.]+$/, '') ?? null,
    by: reply.headers.get('x-tollgate-model'),
    cost: reply.headers.get('x-tollgate-cost-usd'),
    text,
  };
};
const askTimes = async (times: number, more: object = {}) => {
  const replies = [];
  for (let i = 0; i < times; i++) replies.push(await ask(more));
  return replies;
};
const figures = async () => (await running?.gateway.ports.ledger.figures([ORG]))?.[0];
const notices = () => running?.logged.filter(({ message }) => message === 'budget') ?? [];
const settled = async () => running?.gateway.whenIdle();

describe('a budget in downgrade', () => {
  test('lets the stand-in answer under the name that was asked for, and says so', async () => {
    running = await startGateway(config());
    const before = await askTimes(9);
    expect(before.map(({ by, budget }) => [by, budget?.split(';')[0]])).toEqual([
      ...Array.from({ length: 8 }, () => [DEAR, 'ok']),
      [DEAR, 'warn'],
    ]);
    const answer = await ask();
    expect(answer).toMatchObject({ status: 200, by: CHEAP, budget: 'downgrade; scope=org default', cost: '0.01' });
    expect(JSON.parse(answer.text)).toMatchObject({ model: 'dear' });
    const [entry] = await running.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({
      alias: 'dear',
      // The hold was taken for the model asked for; what is too much of it has gone with the settlement.
      hold: NANO / 10n,
      cost: NANO / 100n,
      receipt: {
        answeredBy: CHEAP,
        plan: { targets: [CHEAP] },
        downgrade: { from: 'dear', to: 'cheap', scope: 'org default' },
        budget: { state: 'downgrade', scope: 'org default' },
      },
    });
    expect(await figures()).toMatchObject({ spent: (91n * NANO) / 100n, held: 0n });
  });

  test.each([false, true])('spends the whole cap and no nano-dollar more (stream: %s)', async (stream) => {
    running = await startGateway(config());
    const replies = await askTimes(25, { stream });
    await running.gateway.whenIdle();
    expect(replies.filter(({ by }) => by === DEAR)).toHaveLength(9);
    expect(replies.filter(({ by }) => by === CHEAP)).toHaveLength(10);
    expect(replies.slice(19).map(({ status, budget }) => [status, budget])).toEqual(
      Array.from({ length: 6 }, () => [429, 'reject; scope=org default']),
    );
    expect(await figures()).toMatchObject({ spent: NANO, committed: NANO, held: 0n });
  });

  test('under 64 calls at once no cap is passed, and stand-ins fill what the model asked for can not', async () => {
    running = await startGateway(config());
    const replies = await Promise.all(Array.from({ length: 64 }, () => ask()));
    await running.gateway.whenIdle();
    const sum = await figures();
    expect(sum?.committed).toBe(sum?.spent);
    expect(sum?.spent).toBeLessThanOrEqual(NANO);
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 429]));
    expect(replies.filter(({ by }) => by === DEAR).length).toBeLessThanOrEqual(10);
    const spent = replies.reduce(
      (all, { by }) => all + (by === DEAR ? NANO / 10n : by === CHEAP ? NANO / 100n : 0n),
      0n,
    );
    expect(sum?.spent).toBe(spent);
  });

  test('one request whose own hold is large is not downgraded on an untouched budget', async () => {
    running = await startGateway(config());
    expect(await ask({ n: 9, max_tokens: 1000 })).toMatchObject({ by: DEAR, budget: 'ok' });
  });

  test('one that does not fit an untouched budget is refused, not answered by another model', async () => {
    running = await startGateway(config());
    await ask();
    // $1 of the $0.90 that are left; ten times a stand-in would fit.
    expect(await ask({ n: 10 })).toMatchObject({ status: 429 });
  });
});

describe('which model stands in', () => {
  const spendTo90 = () => askTimes(9);

  test('the first down the chain that can serve the request', async () => {
    const blind = model('tokens-1000+slow-1', '10', { downgradeTo: 'cheaper' });
    for (const target of blind.targets) target.capabilities = ['streaming'];
    running = await startGateway(
      config(undefined, {
        dear: model('tokens-1000', '100', { downgradeTo: 'cheap' }),
        cheap: blind,
        cheaper: model('tokens-1000+slow-2', '1'),
      }),
    );
    await spendTo90();
    expect(await ask()).toMatchObject({ by: CHEAP });
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
    expect(await ask({ tools })).toMatchObject({ by: CHEAPER, budget: 'downgrade; scope=org default' });
  });

  test('the first down the chain that the budget has room for', async () => {
    running = await startGateway(
      config(undefined, {
        dear: model('tokens-1000', '100', { downgradeTo: 'cheap' }),
        cheap: model('tokens-1000+slow-1', '60', { downgradeTo: 'cheaper' }),
        cheaper: model('tokens-1000+slow-2', '1'),
      }),
    );
    await spendTo90();
    expect((await askTimes(2)).map(({ by }) => by)).toEqual([CHEAP, CHEAPER]);
  });

  test('one that the key may not ask for may stand in: it is the budget’s owner who says so', async () => {
    running = await startGateway(config());
    const key = await running.makeKey({ aliases: ['dear'] });
    const restricted = { ...running, key };
    for (let i = 0; i < 9; i++) await ask({}, restricted);
    expect(await ask({}, restricted)).toMatchObject({ by: CHEAP });
    expect(await ask({ model: 'cheap' }, restricted)).toMatchObject({ status: 403 });
  });

  test.each([
    ['allow', 200],
    ['reject', 429],
  ] as const)('where there is none and the budget says %s: %d', async (withoutStandIn, status) => {
    running = await startGateway(
      config({ monthly: '$1', downgradeAt: 0.9, withoutStandIn }, { dear: model('tokens-1000', '100') }),
    );
    await spendTo90();
    const answer = await ask();
    expect(answer.status).toBe(status);
    expect(answer.budget).toBe(status === 200 ? 'downgrade; scope=org default' : 'reject; scope=org default');
    if (status === 429) {
      expect(JSON.parse(answer.text).error).toMatchObject({
        code: 'budget_exceeded',
        message: expect.stringContaining('downgradeTo'),
      });
      expect(await figures()).toMatchObject({ held: 0n, spent: (9n * NANO) / 10n });
    }
  });
});

describe('the escalation in one process', () => {
  test('tells of each threshold once, notes the approval, and begins anew after a raise', async () => {
    folder = mkdtempSync(join(tmpdir(), 'tollgate-downgrade-'));
    running = await startGateway(config(), { dataDir: folder });
    await askTimes(25);
    await settled();
    expect(notices().map(({ state, crossed }) => [state, crossed])).toEqual([
      ['warn', ['warn']],
      ['downgrade', ['downgrade']],
      ['reject', ['reject']],
    ]);
    // Not while a stand-in still has room, though the model asked for has none.
    expect(notices().map(({ spent_usd }) => spent_usd)).toEqual(['0.8', '0.9', '1']);
    const opened = openLocalStores(folder);
    if (!opened.ok) throw new Error(opened.problem);
    const { stores } = opened;
    try {
      const shown = await showBudgets({}, stores);
      expect(shown.data).toMatchObject([
        {
          scope: 'org default',
          account: ORG,
          cap_usd: '1',
          spent_usd: '1',
          state: 'reject',
          escalated_to: 'reject',
          source: 'file',
        },
      ]);
      const approved = await approveBudget({ account: ORG, to: 2n * NANO, by: 'grace' }, stores);
      expect(approved.text).toContain('raised to $2 by grace');
      await expect(approveBudget({ account: ORG, to: 3n * NANO, by: 'grace' }, stores)).rejects.toThrow(
        /Nothing waits/,
      );
      // At once, in the process that has been running all the while.
      expect(await ask()).toMatchObject({ status: 200, by: DEAR, budget: 'ok' });
      expect((await showBudgets({ kind: 'org' }, stores)).data).toMatchObject([
        { cap_usd: '2', source: 'override', set_by: 'grace', state: 'ok', escalated_to: 'ok' },
      ]);
      await askTimes(5);
      await settled();
      expect(notices()).toHaveLength(4);
      expect(notices()[3]).toMatchObject({ state: 'warn', cap_usd: '2', spent_usd: '1.6' });
    } finally {
      stores.close();
    }
  });

  test('a refusal leaves the cap, and nothing waits any more', async () => {
    folder = mkdtempSync(join(tmpdir(), 'tollgate-downgrade-'));
    running = await startGateway(config({ monthly: '$0.1' }), { dataDir: folder });
    await ask();
    await settled();
    const opened = openLocalStores(folder);
    if (!opened.ok) throw new Error(opened.problem);
    const { stores } = opened;
    try {
      expect((await approveBudget({ account: ORG, to: null, by: 'grace' }, stores)).text).toContain(
        'left at $0.1 by grace',
      );
      expect(await stores.budgets.readApproval(ORG)).toBeUndefined();
      expect(await ask()).toMatchObject({ status: 429 });
    } finally {
      stores.close();
    }
  });

  test('a cap set below what is spent is told with the next refusal, once, and may be raised', async () => {
    folder = mkdtempSync(join(tmpdir(), 'tollgate-downgrade-'));
    running = await startGateway(config({ monthly: '$1', warnAt: 1 }), { dataDir: folder });
    const opened = openLocalStores(folder);
    if (!opened.ok) throw new Error(opened.problem);
    const { stores } = opened;
    try {
      await askTimes(3);
      await settled();
      expect(notices()).toEqual([]);
      await setBudget({ kind: 'org', id: undefined, caps: { monthly: NANO / 5n }, until: null, by: 'grace' }, stores);
      // Before anything is refused: nothing waits, and it is at its cap all the same.
      expect((await approveBudget({ account: ORG, to: NANO / 4n, by: 'grace' }, stores)).text).toMatch(
        /raised to \$0\.25 by grace[\s\S]*Nothing waited for an approval/,
      );
      for (const { status } of await askTimes(4)) expect(status).toBe(429);
      await settled();
      expect(notices().map(({ state, cap_usd, spent_usd }) => [state, cap_usd, spent_usd])).toEqual([
        ['reject', '0.25', '0.3'],
      ]);
      const approved = await approveBudget({ account: ORG, to: 2n * NANO, by: 'grace' }, stores);
      expect(approved.text).not.toContain('Nothing waited');
      expect(await ask()).toMatchObject({ status: 200 });
      await expect(approveBudget({ account: ORG, to: 3n * NANO, by: 'grace' }, stores)).rejects.toThrow(
        /Nothing waits/,
      );
    } finally {
      stores.close();
    }
  });

  test('so is one that comes back when what was set by hand ends', async () => {
    folder = mkdtempSync(join(tmpdir(), 'tollgate-downgrade-'));
    running = await startGateway(config({ monthly: '$0.2', warnAt: 1 }), { dataDir: folder });
    const opened = openLocalStores(folder);
    if (!opened.ok) throw new Error(opened.problem);
    const { stores } = opened;
    try {
      const until = Date.now() + 60_000;
      await setBudget({ kind: 'org', id: undefined, caps: { monthly: NANO }, until, by: 'grace' }, stores);
      await running.gateway.readBudgets();
      for (const { status } of await askTimes(3)) expect(status).toBe(200);
      await settled();
      expect(notices()).toEqual([]);
      // It has ended, and nobody has changed anything: the policy has the number it had.
      const { version, fingerprint } = await stores.budgets.readPolicy();
      const db = new DatabaseSync(join(folder, 'tollgate.db'));
      db.exec("UPDATE policy SET overrides = '[]'");
      db.close();
      expect(await stores.budgets.readPolicy()).toEqual({ version, fingerprint, overrides: [] });
      await running.gateway.readBudgets();
      for (const { status } of await askTimes(3)) expect(status).toBe(429);
      await settled();
      expect(notices().map(({ state, cap_usd }) => [state, cap_usd])).toEqual([['reject', '0.2']]);
    } finally {
      stores.close();
    }
  });

  test('caps set by hand hold over the file’s while they last, and for accounts that have not begun', async () => {
    folder = mkdtempSync(join(tmpdir(), 'tollgate-downgrade-'));
    running = await startGateway(config({ monthly: '$1' }), { dataDir: folder });
    const opened = openLocalStores(folder);
    if (!opened.ok) throw new Error(opened.problem);
    const { stores } = opened;
    try {
      const set = (caps: Parameters<typeof setBudget>[0]['caps'], until: number | null = null) =>
        setBudget({ kind: 'team', id: 'demo', caps, until, by: 'grace' }, stores);
      expect((await set({ daily: NANO / 10n })).data).toMatchObject([
        { scope: 'team demo', length: 'daily', cap_usd: '0.1', source: 'override', set_by: 'grace' },
      ]);
      // The running process reads it beside the next requests; the team had no budget of its own before.
      await running.gateway.readBudgets();
      expect(await ask()).toMatchObject({ status: 200 });
      expect(await ask()).toMatchObject({ status: 429, budget: 'reject; scope=team demo' });
      await set({ daily: 'file' });
      await running.gateway.readBudgets();
      expect(await ask()).toMatchObject({ status: 200 });
      expect((await showBudgets({ kind: 'team' }, stores)).data).toEqual([]);
    } finally {
      stores.close();
    }
  });
});
