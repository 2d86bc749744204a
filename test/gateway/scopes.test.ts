import { afterEach, describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { makeRunBook } from '../../lambdas/core/admit/run-book.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

let running: TestGateway | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

/** 1,000 output tokens at $100 a million: exactly $0.10 held and $0.10 spent, input free. */
const dimes = (budgets: GatewayConfig['budgets']): GatewayConfig => ({
  providers: { demo: { kind: 'simulator' } },
  models: {
    dime: {
      targets: [{ provider: 'demo', model: 'tokens-1000+slow-20', price: { inputPerMTok: '0', outputPerMTok: '100' } }],
    },
  },
  ...(budgets && { budgets }),
});

const ask = (gateway: TestGateway, key: string, headers: Record<string, string>) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'dime', max_tokens: 1000, messages: [{ role: 'user', content: 'go' }] }),
  });

const DIME = 100_000_000n;
const usd = (dimes: number) => `$${(dimes / 10).toFixed(2)}`;

/** Who said no, as often as it did. */
const refusals = async (replies: Response[]): Promise<Record<string, number>> => {
  const scopes: Record<string, number> = {};
  for (const reply of replies) {
    const body = (await reply.json()) as { error?: { code: string; tollgate: { scope: string } } };
    if (reply.status === 200) continue;
    expect([reply.status, body.error?.code]).toEqual([429, 'budget_exceeded']);
    const scope = body.error?.tollgate.scope ?? '';
    scopes[scope] = (scopes[scope] ?? 0) + 1;
  }
  return scopes;
};

/** What the entries say that every account has spent; and that the accounts say so too. */
const spentByAccount = async ({ gateway }: TestGateway): Promise<Map<string, bigint>> => {
  await gateway.whenIdle();
  const spent = new Map<string, bigint>();
  for (const entry of await gateway.ports.ledger.tail({ limit: 1000 }))
    for (const account of entry.accounts) spent.set(account, (spent.get(account) ?? 0n) + entry.cost);
  for (const figures of await gateway.ports.ledger.figures([...spent.keys()]))
    expect(figures).toMatchObject({ spent: spent.get(figures.key), committed: spent.get(figures.key), held: 0n });
  return spent;
};

const LABELS = { 'x-tollgate-tags': 'feature=search', 'x-tollgate-run': 'plan', 'x-tollgate-parent-run': 'deploy-42' };

describe('64 calls at once of $0.10 on every scope there is', () => {
  const caps = (of: Partial<Record<string, number>>): GatewayConfig['budgets'] => ({
    timeZone: 'Europe/Berlin',
    org: { lifetime: usd(of['org'] ?? 20) },
    teams: { search: { weekly: usd(of['team'] ?? 20) } },
    users: { ada: { monthly: usd(of['user'] ?? 20), daily: usd(20) } },
    perKey: { weekly: usd(of['key'] ?? 20) },
    tags: { 'feature=search': { lifetime: usd(of['tag'] ?? 20), daily: usd(20), weekly: usd(20), monthly: usd(20) } },
    aliases: { dime: { daily: usd(of['alias'] ?? 20) } },
    runs: { search: { 'deploy-42': { lifetime: usd(of['parent'] ?? 20) } } },
    perRun: { lifetime: usd(of['run'] ?? 20) },
  });

  test.each([
    ['org', 'org default'],
    ['team', 'team search'],
    ['user', 'user ada'],
    ['key', 'key '],
    ['tag', 'tag feature=search'],
    ['alias', 'alias dime'],
    ['run', 'run plan'],
    ['parent', 'run deploy-42'],
  ])('%s has the least left: 7 are answered, 57 refused by it and nobody else', async (kind, scope) => {
    running = await startGateway(dimes(caps({ [kind]: 7 })));
    const gateway = running;
    const key = await gateway.makeKey();
    const replies = await Promise.all(Array.from({ length: 64 }, () => ask(gateway, key, LABELS)));
    const refused = await refusals(replies);
    expect(Object.keys(refused)).toEqual([expect.stringContaining(scope)]);
    expect(Object.values(refused)).toEqual([57]);
    const spent = await spentByAccount(gateway);
    // Twelve capped periods, and the key's month.
    expect(spent.size).toBe(13);
    for (const amount of spent.values()) expect(amount).toBe(7n * DIME);
  });
});

describe('a run and its sub-runs', () => {
  test('64 calls of three sub-runs at once: the pool is spent to the last dime and never over', async () => {
    running = await startGateway(
      dimes({ runs: { search: { job: { lifetime: usd(20) } } }, perRun: { lifetime: usd(9), calls: 8 } }),
    );
    const gateway = running;
    const keys = [await gateway.makeKey(), await gateway.makeKey({ user: 'bob' })];
    const replies = await Promise.all(
      Array.from({ length: 64 }, (_, i) =>
        ask(gateway, keys[i % 2] ?? '', {
          'x-tollgate-run': ['plan', 'code', 'test'][i % 3] ?? '',
          // Said by the first of each, left out by most: it changes nothing.
          ...(i < 6 && { 'x-tollgate-parent-run': 'job' }),
        }),
      ),
    );
    const answered = replies.filter(({ status }) => status === 200).length;
    const scopes = Object.keys(await refusals(replies));
    expect(answered).toBe(20);
    expect(scopes.every((scope) => /^run (plan|code|test|job)$/.test(scope))).toBe(true);
    expect(scopes).toContain('run job');
    const spent = await spentByAccount(gateway);
    expect(spent.get('run#search/job#all')).toBe(20n * DIME);
    const subs = ['plan', 'code', 'test'].map((run) => spent.get(`run#search/${run}#all`) ?? 0n);
    for (const amount of subs) expect(amount).toBeLessThanOrEqual(8n * DIME);
    expect(subs.reduce((sum, amount) => sum + amount, 0n)).toBe(20n * DIME);
    const records = await gateway.gateway.ports.runs.read('search', ['job', 'plan', 'code', 'test']);
    expect(records.map(({ calls }) => BigInt(calls) * DIME)).toEqual([20n * DIME, ...subs]);
  });

  test('64 calls at once of a run that may make 12, seen by four processes for the first time: 12', async () => {
    running = await startGateway(dimes({ runs: { search: { job: { calls: 12 } } } }));
    const gateway = running;
    const key = await gateway.makeKey();
    await ask(gateway, key, { 'x-tollgate-run': 'plan', 'x-tollgate-parent-run': 'job' });
    const { ports } = gateway.gateway;
    const store = ports.runs;
    const replies: Response[] = [];
    for (let i = 0; i < 4; i++) {
      ports.runs = makeRunBook(store);
      replies.push(
        ...(await Promise.all(Array.from({ length: 16 }, () => ask(gateway, key, { 'x-tollgate-run': 'plan' })))),
      );
    }
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(11);
    expect(Object.keys(await refusals(replies))).toEqual(['run job']);
    expect((await ports.runs.read('search', ['job', 'plan'])).map(({ calls }) => calls)).toEqual([12, 12]);
  });
});

describe('what is left out escapes nothing', () => {
  test('a pinned tag is charged whatever the request says', async () => {
    running = await startGateway(dimes({ perTag: { feature: { daily: usd(2) } } }));
    const gateway = running;
    const pinned = await gateway.makeKey({ tags: { feature: 'search' } });
    const free = await gateway.makeKey();
    const headers = [{}, { 'x-tollgate-tags': 'feature=ads' }, { 'x-tollgate-tags': 'other=1' }];
    const replies = [];
    for (const more of headers) replies.push(await ask(gateway, pinned, more));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(await refusals(replies)).toEqual({ 'tag feature=search': 1 });
    expect((await ask(gateway, free, { 'x-tollgate-tags': 'feature=ads' })).status).toBe(200);
  });

  test('a deployment without budgets writes one account a request, and nothing about runs', async () => {
    running = await startGateway(dimes(undefined));
    const gateway = running;
    const key = await gateway.makeKey({ tags: { feature: 'search' } });
    expect((await ask(gateway, key, LABELS)).status).toBe(200);
    expect((await ask(gateway, key, {})).status).toBe(200);
    await gateway.gateway.whenIdle();
    for (const { accounts } of await gateway.gateway.ports.ledger.tail({ limit: 10 })) {
      expect(accounts).toHaveLength(1);
      expect(accounts[0]).toMatch(/^key#/);
    }
  });
});
