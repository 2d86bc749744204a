/** The background prober on the stores that it has when deployed: what it asks of the tables is what it may. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeSimulator } from '../../lambdas/adapters/simulator/make-simulator.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { catalogue } from '../../lambdas/catalogue/catalogue.ts';
import { checkConfig } from '../../lambdas/contract/check-config.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import { makeRunBook } from '../../lambdas/core/admit/run-book.ts';
import { type Upstream, UpstreamError } from '../../lambdas/core/call/upstream.ts';
import { tickProbes } from '../../lambdas/core/probe/probe-circuits.ts';
import type { ProbePorts } from '../../lambdas/core/probe/probe-target.ts';
import { resolveGateway } from '../../lambdas/core/route/resolve-gateway.ts';
import { makeSettleQueue } from '../../lambdas/core/settle/settle-queue.ts';
import { loadSurface } from '../../lambdas/wiring/codecs.ts';
import { PROBER_GRANTS } from '../../lib/circuit-prober.ts';
import { makeMemoryLog } from '../core/call/call-fixture.ts';
import { account, entryOf, ledgerAt } from '../port-suites/ledger-requests.ts';
import { ALL_CODECS } from '../support/all-codecs.ts';
import { actionsOf } from './support/actions-of.ts';
import { type DynamoWorld, systemRandom, withDynamoDb } from './support/dynamo-world.ts';

const makeWorld = withDynamoDb({ beforeAll, afterAll });

const TARGET = 'demo/echo';
const CONFIG: GatewayConfig = {
  org: 'example',
  providers: { demo: { kind: 'simulator' } },
  models: {
    demo: { targets: [{ provider: 'demo', model: 'echo', price: { inputPerMTok: '1', outputPerMTok: '10' } }] },
  },
  budgets: { org: { monthly: '$100' } },
  limits: { perKey: { requestsPerMinute: 600, tokensPerMinute: 100_000, concurrent: 8 } },
};

/** A prober in a process of its own. */
const makeProber = (world: DynamoWorld, config: GatewayConfig) => {
  const stores = world.openRaw();
  const log = makeMemoryLog();
  const clock = systemClock;
  const checked = checkConfig(config);
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const resolved = resolveGateway(checked.config, catalogue, 0);
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  const simulator = makeSimulator({ clock });
  const upstream: Upstream = {
    send: async (call, signal) => {
      if (call.transport !== 'simulator') throw new UpstreamError('connect', 'only the simulator is here');
      return simulator.send(call, signal);
    },
  };
  const ports: ProbePorts = {
    clock,
    random: systemRandom,
    limits: stores.limits,
    runs: makeRunBook(stores.runs),
    circuits: stores.circuits,
    ledger: stores.ledger,
    settleQueue: makeSettleQueue({ ledger: stores.ledger, clock, log }),
    secrets: { read: async () => undefined },
    upstream,
    log,
    loadSurface,
    ...ALL_CODECS,
    gateway: resolved.gateway,
  };
  const told: string[] = [];
  const schedule = { start: async () => void told.push('start'), stop: async () => void told.push('stop') };
  const { signal } = new AbortController();
  return { ports, told, tick: () => tickProbes(ports, { schedule, periodMs: 60_000, signal }) };
};

const openCircuit = async ({ circuits }: Pick<ProbePorts, 'circuits'>, dueInMs: number): Promise<void> => {
  const [found] = await circuits.read([TARGET]);
  if (found === undefined) throw new Error('no circuit');
  const circuit = { state: 'open', until: Date.now() + dueInMs, openings: 1 } as const;
  expect(await circuits.write({ ...found, version: found.version + 1, circuit, reason: 'test' })).toBe(true);
};

test('it asks of the tables what its role allows, no less and no more, and its money is found in the ledger', async () => {
  const world = await makeWorld(systemClock);
  try {
    // A gateway has served here before: else no circuit would be open.
    const gateway = world.openRaw();
    const { holdOf } = ledgerAt(gateway.ledger, systemClock);
    const hold = holdOf(1n, [account('team#search#2026-11', null)]);
    await gateway.ledger.hold(hold);
    await gateway.ledger.open(entryOf(makeRequestId({ epoch: hold.epoch, lane: 3, random: 'g'.repeat(20) }), hold));
    // Due after the prober's first look, however busy the machine: it must wait for it.
    await openCircuit(gateway, 3_000);
    world.proxy.forget();

    const prober = makeProber(world, CONFIG);
    expect(await prober.tick()).toEqual({ probes: [{ target: TARGET, outcome: 'works' }], goesOn: false });
    expect(prober.told).toEqual(['stop']);

    const operations = [...world.proxy.operations];
    await openCircuit(gateway, 0);
    world.proxy.forget();

    // Refusals read what they are about: a limit and a budget that no probe fits into.
    const tooSmall: Partial<GatewayConfig>[] = [
      { limits: { perKey: { tokensPerMinute: 1 } } },
      { budgets: { org: { monthly: '$0.000001' } }, org: 'poor' },
    ];
    for (const less of tooSmall)
      expect(await makeProber(world, { ...CONFIG, ...less }).tick()).toMatchObject({
        probes: [{ outcome: 'refused' }],
      });
    operations.push(...world.proxy.operations);

    await world.catchUp();
    expect(actionsOf(operations, world.tables)).toEqual(
      Object.fromEntries(Object.entries(PROBER_GRANTS).map(([table, actions]) => [table, [...actions].sort()])),
    );

    const [entry] = await gateway.ledger.tail({ limit: 1, keyId: 'circuit-probe' });
    expect(entry).toMatchObject({ state: 'settled', team: 'circuit-probe', receipt: { answeredBy: TARGET } });
    expect(entry?.cost).toBeGreaterThan(0n);
    const month = new Date().toISOString().slice(0, 7);
    const figures = await gateway.ledger.figures([`org#example#${month}`, `key#circuit-probe#${month}`]);
    expect(figures).toMatchObject([
      { spent: entry?.cost, held: 0n },
      { spent: entry?.cost, held: 0n, requests: 1 },
    ]);
    // Its policy is below every gateway's: the next one stamps its own cap.
    expect(figures[0]?.capVersion).toBe(0);
  } finally {
    await world.end();
  }
  // The refused rounds last a minute.
}, 300_000);
