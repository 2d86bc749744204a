import { afterEach, describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

let running: TestGateway | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

/** 1,000 output tokens at $100 a million: exactly $0.10 held and $0.10 spent, input free. */
const tenCents = (budgets: GatewayConfig['budgets'], behaviour = 'tokens-1000+slow-20'): GatewayConfig => ({
  providers: { demo: { kind: 'simulator' } },
  models: {
    dime: { targets: [{ provider: 'demo', model: behaviour, price: { inputPerMTok: '0', outputPerMTok: '100' } }] },
  },
  ...(budgets && { budgets }),
});

const ask = (gateway: TestGateway, key = gateway.key, more: object = {}, headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'dime', max_tokens: 1000, messages: [{ role: 'user', content: 'go' }], ...more }),
  });

const NANO = 1_000_000_000n;
const ledgerSum = async ({ gateway }: TestGateway) =>
  (await gateway.ports.ledger.tail({ limit: 1000 })).reduce((sum, { cost }) => sum + cost, 0n);
const metered = ({ gateway }: TestGateway) =>
  gateway.meter.entries().reduce((sum, { outputTokens }) => sum + BigInt(outputTokens) * 100_000n, 0n);

describe('an org budget of $1.00 and 64 calls at once of exactly $0.10', () => {
  test.each([false, true])(
    '10 are answered, 54 refused with budget_exceeded, the ledger equals the meter (stream: %s)',
    async (stream) => {
      running = await startGateway(tenCents({ org: { monthly: '$1.00' } }));
      const gateway = running;
      const replies = await Promise.all(Array.from({ length: 64 }, () => ask(gateway, gateway.key, { stream })));
      const bodies = await Promise.all(replies.map((reply) => reply.text()));
      const answered = replies.filter(({ status }) => status === 200);
      expect(answered).toHaveLength(10);
      for (const [i, reply] of replies.entries()) {
        if (reply.status === 200) continue;
        const { error } = JSON.parse(bodies[i] ?? '');
        expect(reply.status).toBe(429);
        expect(error.code).toBe('budget_exceeded');
        expect(error.tollgate).toMatchObject({ code: 'budget_exceeded', scope: 'org default' });
        // Short while the room is only held; once all of it is spent, not before the month ends.
        const isSpent = reply.headers.get('x-should-retry') === 'false';
        if (isSpent) expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(5);
        else expect(reply.headers.get('retry-after')).toBe('5');
      }
      await gateway.gateway.whenIdle();
      expect(await ledgerSum(gateway)).toBe(NANO);
      expect(metered(gateway)).toBe(NANO);
      const [org] = await gateway.gateway.ports.ledger.figures([await orgAccount(gateway)]);
      expect(org).toMatchObject({ spent: NANO, committed: NANO, held: 0n });
    },
  );
});

const orgAccount = async ({ gateway }: TestGateway) =>
  (await gateway.ports.ledger.tail({ limit: 1 }))[0]?.accounts.find((key) => key.startsWith('org#')) ?? '';

describe('several capped scopes', () => {
  test('no cap is ever passed, and the refusal names the scope that said no', async () => {
    running = await startGateway(
      tenCents({
        org: { monthly: '$2' },
        perTeam: { daily: '$0.70' },
        users: { bob: { daily: '$0.30' } },
        perKey: { monthly: '$0.50' },
      }),
    );
    const gateway = running;
    const callers = [
      await gateway.makeKey({ team: 'search', user: 'ada' }),
      await gateway.makeKey({ team: 'search', user: 'bob' }),
      await gateway.makeKey({ team: 'ads', user: 'bob' }),
      await gateway.makeKey({ team: 'ads', user: 'eve' }),
    ];
    const replies = await Promise.all(Array.from({ length: 80 }, (_, i) => ask(gateway, callers[i % callers.length])));
    const scopes = new Set<string>();
    for (const reply of replies) {
      const body = (await reply.json()) as { error?: { tollgate: { scope: string } } };
      if (reply.status === 429) scopes.add(body.error?.tollgate.scope.split(' ')[0] ?? '');
      else expect(reply.status).toBe(200);
    }
    await gateway.gateway.whenIdle();
    const spent = new Map<string, bigint>();
    for (const entry of await gateway.gateway.ports.ledger.tail({ limit: 1000 }))
      for (const account of entry.accounts) spent.set(account, (spent.get(account) ?? 0n) + entry.cost);
    const caps = { org: 2n * NANO, team: (7n * NANO) / 10n, user: (3n * NANO) / 10n, key: NANO / 2n };
    for (const [account, amount] of spent) {
      const [kind] = account.split('#') as [keyof typeof caps];
      expect(amount).toBeLessThanOrEqual(caps[kind]);
      const [figures] = await gateway.gateway.ports.ledger.figures([account]);
      expect(figures).toMatchObject({ spent: amount, committed: amount, held: 0n });
    }
    expect([...scopes].sort()).toEqual(['key', 'team', 'user']);
  });

  test('a budget without an output limit holds the alias default, and what was not used can be spent again', async () => {
    const config = tenCents({ org: { monthly: '$1.00' } }, 'tokens-100');
    const [model] = Object.values(config.models);
    if (model) model.output = { default: 4_000 };
    running = await startGateway(config);
    const gateway = running;
    const first = await ask(gateway, gateway.key, { max_tokens: undefined });
    expect(first.headers.get('x-tollgate-output-limit')).toBe('4000');
    expect(first.headers.get('x-tollgate-cost-usd')).toBe('0.01');
    let answered = 1;
    while ((await ask(gateway, gateway.key, { max_tokens: undefined })).status === 200) answered++;
    // $0.40 is held a call, $0.01 spent: calls are admitted one after another until less than $0.40 is left.
    expect(answered).toBe(61);
  });
});

describe('a user that the request names', () => {
  test('has its own budget where the key may act for others, and changes nothing where it may not', async () => {
    running = await startGateway(tenCents({ perUser: { daily: '$0.10' } }));
    const gateway = running;
    const acting = await gateway.makeKey({ user: 'service', rights: ['act-for-users'] });
    const plain = await gateway.makeKey({ user: 'ada' });
    const as = (user: string) => ({ 'x-tollgate-user': user });
    expect((await ask(gateway, acting, {}, as('u1'))).status).toBe(200);
    expect((await ask(gateway, acting, {}, as('u1'))).status).toBe(429);
    expect((await ask(gateway, acting, { user: 'u2' })).status).toBe(200);
    expect((await ask(gateway, plain, {}, as('u3'))).status).toBe(200);
    expect((await ask(gateway, plain, {}, as('u4'))).status).toBe(429);
  });
});
