import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { catalogue } from '../../lambdas/catalogue/catalogue.ts';
import { checkConfig } from '../../lambdas/contract/check-config.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { makeRunBook } from '../../lambdas/core/admit/run-book.ts';
import { issueKey } from '../../lambdas/core/authenticate/manage-keys.ts';
import { makeCircuitBoard } from '../../lambdas/core/call/circuit-board.ts';
import { handleRequest } from '../../lambdas/core/handle-request.ts';
import type { Ports } from '../../lambdas/core/ports.ts';
import { makeHomeBook } from '../../lambdas/core/route/home-book.ts';
import { resolveGateway } from '../../lambdas/core/route/resolve-gateway.ts';
import { makeStatisticsBook } from '../../lambdas/core/route/statistics-book.ts';
import { makeSettleQueue } from '../../lambdas/core/settle/settle-queue.ts';
import { watchStoreHealth } from '../../lambdas/core/store-health.ts';
import { loadSurface } from '../../lambdas/wiring/codecs.ts';
import { makeMemoryLog } from '../core/call/call-fixture.ts';
import { makeScriptedUpstream } from '../core/call/scripted-upstream.ts';
import { chatAnswer } from '../core/story/story-fixture.ts';
import { makeWorldClock } from '../port-suites/store-world.ts';
import { ALL_CODECS } from '../support/all-codecs.ts';
import { type DynamoWorld, realSleep, systemRandom, withDynamoDb } from './support/dynamo-world.ts';

const makeWorld = withDynamoDb({ beforeAll, afterAll });

const CALLERS = 256;
/** 1,000 output tokens at $100 a million, and the same input each time: $0.1 and a little. */
const CONFIG: GatewayConfig = {
  providers: { a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' } },
  models: {
    assistant: {
      targets: [
        {
          provider: 'a',
          model: 'm-1',
          price: { inputPerMTok: '10', outputPerMTok: '100' },
          contextTokens: 100_000,
          maxOutputTokens: 8_000,
        },
      ],
    },
  },
  budgets: {
    teams: { search: { monthly: '$8' } },
    perKey: { monthly: '$5' },
    perRun: { lifetime: '$3' },
  },
};
const KEYS = 2;
const RUNS = 3;
/** Uneven, so that each scope has a turn at saying no. */
const keyOf = (i: number): number => (i % 4 === 0 ? 1 : 0);
const runOf = (i: number): number => (i % 2 === 0 ? 0 : 1 + ((i >> 1) % 2));

/** The gateway of one more process on the world's tables, with a vendor that answers at once. */
const openGateway = (world: DynamoWorld, clock: Parameters<typeof realSleep>[0]): Ports => {
  const checked = checkConfig(CONFIG);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const resolved = resolveGateway(checked.config, catalogue, 1, { available: () => true });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  // The server shares two cores with us: only what it says counts here, not how soon.
  const stores = world.openRaw({ answerTimeoutMs: 60_000, connectTimeoutMs: 60_000 });
  const real = realSleep(clock);
  const random = systemRandom;
  const log = makeMemoryLog();
  return {
    clock: real,
    random,
    access: stores.access,
    limits: stores.limits,
    circuits: stores.circuits,
    circuitBoard: makeCircuitBoard({ store: stores.circuits, clock: real, random, log }),
    statistics: makeStatisticsBook({ store: stores.statistics, clock: real, log, targets: [] }),
    homes: makeHomeBook(),
    ledger: stores.ledger,
    settleQueue: makeSettleQueue({ ledger: stores.ledger, clock: real, log }),
    storeHealth: watchStoreHealth(stores.ledger, stores.limits, real).storeHealth,
    secrets: { read: async () => undefined },
    upstream: makeScriptedUpstream({ a: [chatAnswer('hi')] }, real),
    cancellations: stores.cancellations,
    answers: stores.answers,
    feedback: stores.feedback,
    runs: makeRunBook(stores.runs),
    log,
    loadSurface,
    ...ALL_CODECS,
    gateway: resolved.gateway,
  };
};

test(`${CALLERS} callers at once on key, team and run: no cap is passed, and few are refused that had room`, async () => {
  const clock = makeWorldClock();
  const world = await makeWorld(clock);
  try {
    const gateways = Array.from({ length: 4 }, () => openGateway(world, clock));
    const [first] = gateways as [Ports, ...Ports[]];
    const keys = await Promise.all(
      Array.from({ length: KEYS }, (_, i) =>
        issueKey(
          { name: `k${i}`, team: 'search', user: 'ada', tags: {}, aliases: null, rights: [], expiresAt: null },
          first,
        ),
      ),
    );
    const call = (i: number): Promise<Response> => {
      const ports = gateways[i % gateways.length] as Ports;
      const request = new Request('http://gateway/', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${keys[keyOf(i)]?.key}`,
          'x-tollgate-run': `run-${runOf(i)}`,
        },
        body: JSON.stringify({
          model: 'assistant',
          max_tokens: 1_000,
          messages: [{ role: 'user', content: 'hello' }],
        }),
      });
      return loadSurface('openai-chat').then((surface) => handleRequest(request, surface, ports));
    };

    const accounts = async () => {
      const items = await world.itemsOf('accounts');
      return items
        .filter((item) => item['committed'] !== undefined && item['cap']?.N !== undefined)
        .map((item) => ({
          key: item['pk']?.S ?? '',
          cap: BigInt(item['cap']?.N ?? 0),
          committed: BigInt(item['committed']?.N ?? 0),
        }));
    };
    let isDone = false;
    const passed: unknown[] = [];
    const watch = async (): Promise<void> => {
      while (!isDone) passed.push(...(await accounts()).filter(({ cap, committed }) => committed > cap));
    };
    const watching = watch();
    const replies = await Promise.all(Array.from({ length: CALLERS }, (_, i) => call(i)));
    isDone = true;
    await watching;
    expect(passed).toEqual([]);
    const standings = await accounts();
    // The team's month, two keys' months, three runs.
    expect(standings).toHaveLength(1 + KEYS + RUNS);
    for (const { cap, committed } of standings) expect(committed).toBeLessThanOrEqual(cap);

    const statuses = replies.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    const admitted = statuses.filter((status) => status === 200).length;
    const scopes = new Set<string>();
    for (const reply of replies) {
      if (reply.status === 200) continue;
      const { error } = (await reply.json()) as { error: { tollgate: { scope: string } } };
      scopes.add(error.tollgate.scope.replace(/ .*/, ''));
    }
    const entries = (await world.itemsOf('ledger')).filter((item) => item['state']?.S === 'settled');
    expect(entries).toHaveLength(admitted);

    // One after another now, as a serial order would have had them: what is let in had room.
    let hadRoom = 0;
    for (const [i, status] of statuses.entries()) if (status === 429 && (await call(i)).status === 200) hadRoom += 1;
    for (const { cap, committed } of await accounts()) expect(committed).toBeLessThanOrEqual(cap);
    process.stdout.write(
      `${CALLERS} callers at once: ${admitted} admitted, ${CALLERS - admitted} refused by ${[...scopes].toSorted().join(', ')}; ` +
        `${hadRoom} of the refused had room in a serial order\n`,
    );
    expect(admitted).toBeGreaterThan(0);
    expect(scopes.size).toBeGreaterThan(1);

    // When all has been projected, the accounts are the sum of the entries.
    await world.catchUp();
    const spent = (await world.itemsOf('ledger'))
      .filter((item) => item['state']?.S === 'settled')
      .reduce((sum, item) => sum + BigInt(item['cost']?.N ?? 0), 0n);
    const team = (await accounts()).find(({ key }) => key.startsWith('team#'));
    expect(team?.committed).toBe(spent);
  } finally {
    await world.end();
  }
}, 300_000);
