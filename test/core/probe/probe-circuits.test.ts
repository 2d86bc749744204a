import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { CIRCUIT } from '../../../lambdas/core/call/call-policy.ts';
import type { CircuitStore } from '../../../lambdas/core/call/circuit-store.ts';
import { overrideCircuit } from '../../../lambdas/core/call/override-circuit.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { type ProbeTick, tickProbes } from '../../../lambdas/core/probe/probe-circuits.ts';
import { fails } from '../call/call-fixture.ts';
import { CONFIG, chatAnswer } from '../story/story-fixture.ts';
import { A, B, latestUntil, makeProbeStory, PERIOD_MS, type ProbeStory } from './probe-fixture.ts';

const [a] = CONFIG.models['assistant']?.targets ?? [];
if (a === undefined) throw new Error('the fixture has no target');
const WITHOUT_B = { ...CONFIG, models: { assistant: { targets: [a] } } };
const WITH_KEY: GatewayConfig = {
  ...WITHOUT_B,
  providers: { a: { kind: 'openai-compatible', baseUrl: 'https://a/v1', apiKey: 'env:A' } },
};
const NEVER_STOPPED = { periodMs: PERIOD_MS, signal: new AbortController().signal };

/** Nothing is held or under way, and the org's account says what the entries say. */
const expectAtRest = async (story: ProbeStory): Promise<void> => {
  const entries = await story.entries();
  const sum = entries.reduce((total, { cost }) => total + cost, 0n);
  expect(entries.filter(({ state }) => state !== 'settled')).toEqual([]);
  expect(await story.org()).toMatchObject({ committed: sum, spent: sum, held: 0n });
  expect(story.queue.size).toBe(0);
  expect(story.clock.timers()).toBe(0);
};

describe('a probe', () => {
  test('of a target that is well again closes its circuit, and the schedule stops', async () => {
    const story = await makeProbeStory({ a: [chatAnswer('OK')] });
    await story.openCircuit();
    expect(await story.tick()).toEqual({ probes: [{ target: A, outcome: 'works' }], goesOn: false });
    expect(await story.circuit()).toMatchObject({ circuit: { state: 'closed' }, reason: 'probe answered' });
    expect(story.told).toEqual(['stop']);
    await expectAtRest(story);
  });

  test('of a canary is for the canary itself, whatever its share', async () => {
    const canary = {
      model: 'm-2',
      share: 0.5,
      price: { inputPerMTok: '10', outputPerMTok: '100' },
      contextTokens: 100_000,
      maxOutputTokens: 8_000,
    };
    const models = { assistant: { targets: [{ ...a, canary }] } };
    const story = await makeProbeStory({ a: [chatAnswer('OK')] }, { ...CONFIG, models });
    await story.openCircuit(0, 'a/m-2');
    expect(await story.tick()).toEqual({ probes: [{ target: 'a/m-2', outcome: 'works' }], goesOn: false });
    expect(story.upstream.calls.map(({ body }) => (body as { model: string }).model)).toEqual(['m-2']);
    await expectAtRest(story);
  });

  test('is a small request in the words of its target', async () => {
    const story = await makeProbeStory({ a: [chatAnswer('OK')] });
    await story.openCircuit();
    await story.tick();
    expect(story.upstream.calls.map(({ host, body }) => ({ host, body }))).toEqual([
      { host: 'a', body: { model: 'm-1', messages: [{ role: 'user', content: 'Say OK.' }], max_tokens: 16 } },
    ]);
  });

  test('is admitted, paid for and receipted as circuit-probe, on the accounts of the org', async () => {
    const story = await makeProbeStory({ a: [chatAnswer('OK')] });
    await story.openCircuit();
    await story.tick();
    // 10 input tokens at $10 and 5 output tokens at $100 a million.
    expect(await story.entries()).toMatchObject([
      {
        state: 'settled',
        cost: 600_000n,
        keyId: 'circuit-probe',
        team: 'circuit-probe',
        user: 'circuit-probe',
        alias: 'circuit-probe',
        receipt: { answeredBy: A, outcome: 'answered', attempts: [{ target: A, status: 200, cost: '600000' }] },
      },
    ]);
    expect(await story.org()).toMatchObject({ spent: 600_000n });
    expect(await story.ports.ledger.figures(['key#circuit-probe#2026-11'])).toMatchObject([{ requests: 1 }]);
  });

  test('of a target that is still broken opens its circuit again, for twice as long, and the schedule goes on', async () => {
    const story = await makeProbeStory({ a: [fails(500)] });
    await story.openCircuit();
    const now = story.clock.now();
    expect(await story.tick()).toEqual({ probes: [{ target: A, outcome: 'broken' }], goesOn: true });
    const { circuit, reason } = await story.circuit();
    expect({ circuit, reason }).toEqual({
      circuit: { state: 'open', until: expect.any(Number), openings: 2 },
      reason: 'server_error 500',
    });
    if (circuit.state !== 'open') throw new Error('not open');
    expect(circuit.until).toBeGreaterThanOrEqual(now + 2 * CIRCUIT.openMs);
    expect(circuit.until).toBeLessThanOrEqual(latestUntil(now, 2));
    expect(story.told).toEqual([]);
    expect(await story.probes()).toMatchObject([{ state: 'settled', cost: 0n, receipt: { outcome: 'failed' } }]);
    await expectAtRest(story);
  });

  // As a user's own request judges them (test/core/call/circuit-board.test.ts).
  test.each<[string, number, string]>([
    ['is at its limit', 429, 'closed'],
    ['turns the request itself down', 400, 'closed'],
    ['finds it too large', 413, 'closed'],
    ['refuses the key', 401, 'open'],
    ['no longer knows the model', 404, 'open'],
    ['is overloaded', 529, 'open'],
  ])('of a target that %s (%d) leaves the circuit %s', async (_, status, state) => {
    const story = await makeProbeStory({ a: [fails(status)] });
    await story.openCircuit();
    await story.tick();
    expect(await story.circuit()).toMatchObject({ circuit: { state } });
    expect(story.upstream.calls).toHaveLength(1);
    await expectAtRest(story);
  });

  test('that is not answered ends within its lease, counts as broken, and is charged what it may have cost', async () => {
    const story = await makeProbeStory({ a: [{ hang: true }] });
    await story.openCircuit();
    const startedAt = story.clock.now();
    expect(await story.tick()).toMatchObject({ probes: [{ target: A, outcome: 'broken' }] });
    expect(story.upstream.calls[0]?.abortedAt).toBeLessThan(startedAt + CIRCUIT.leaseMs);
    expect(await story.circuit()).toMatchObject({ circuit: { state: 'open', openings: 2 } });
    const [probe] = await story.probes();
    expect(probe?.cost).toBe(probe?.hold);
    expect(probe?.cost).toBeGreaterThan(0n);
    await expectAtRest(story);
  });

  test('tries once more, in the same lease, with a key that was changed', async () => {
    const story = await makeProbeStory({ a: [fails(401), chatAnswer('OK')] }, WITH_KEY);
    let key = 'the-old-key';
    story.ports.secrets = {
      read: async (_, { refresh } = {}) => {
        if (refresh) key = 'the-new-key';
        return key;
      },
    };
    await story.openCircuit();
    expect(await story.tick()).toMatchObject({ probes: [{ outcome: 'works' }] });
    expect(story.upstream.calls).toHaveLength(2);
    expect(await story.probes()).toHaveLength(1);
    await expectAtRest(story);
  });
});

describe('a round', () => {
  test('waits for what falls due before the next one, and probes it then', async () => {
    const story = await makeProbeStory({ a: [chatAnswer('OK')] });
    await story.openCircuit(PERIOD_MS - 1);
    const startedAt = story.clock.now();
    await story.tick();
    expect(story.upstream.calls[0]?.at).toBe(startedAt + PERIOD_MS - 1);
  });

  test('finds what opens after it has begun, and probes it when it is due', async () => {
    const story = await makeProbeStory({ b: [chatAnswer('OK')] });
    await story.openCircuit(PERIOD_MS + 1);
    const { clock } = story;
    const startedAt = clock.now();
    const ticked = tickProbes(story.ports, { schedule: story.schedule, ...NEVER_STOPPED });
    await clock.advance(1_000);
    await story.openCircuit(CIRCUIT.openMs, B);
    expect(await clock.settle(ticked)).toMatchObject({ probes: [{ target: B, outcome: 'works' }], goesOn: true });
    expect(story.upstream.calls.map(({ at }) => at)).toEqual([startedAt + 1_000 + CIRCUIT.openMs]);
    await expectAtRest(story);
  });

  test('ends at once when all circuits are closed again', async () => {
    const story = await makeProbeStory({ a: [chatAnswer('OK')] });
    await story.openCircuit();
    const startedAt = story.clock.now();
    expect((await story.tick()).goesOn).toBe(false);
    expect(story.clock.now()).toBe(startedAt);
  });

  test('that can’t read the circuits a second time still ends what it has begun, and says so', async () => {
    const story = await makeProbeStory({ a: [chatAnswer('OK')] });
    await story.openCircuit(CIRCUIT.openMs + 5_000);
    const { circuits } = story.ports;
    let lists = 0;
    story.ports.circuits = {
      ...circuits,
      list: () => {
        lists += 1;
        return lists === 2 ? Promise.reject(new StoreUnavailable('down')) : circuits.list();
      },
    };
    await expect(story.tick()).rejects.toThrow('0 of 1 probes broke; what opened meanwhile could not be read');
    expect(await story.circuit()).toMatchObject({ circuit: { state: 'closed' } });
    await expectAtRest(story);
  });

  test('leaves what falls due later to a later one', async () => {
    const story = await makeProbeStory({});
    const before = await story.openCircuit(PERIOD_MS + 1);
    expect(await story.tick()).toEqual({ probes: [], goesOn: true });
    expect(await story.circuit()).toEqual(before);
    expect(await story.entries()).toEqual([]);
  });

  test('probes every target that is due, one not hindering the other', async () => {
    const story = await makeProbeStory({ a: [{ hang: true }], b: [chatAnswer('OK')] });
    await story.openCircuit();
    await story.openCircuit(0, B);
    const startedAt = story.clock.now();
    expect(await story.tick()).toEqual({
      probes: [
        { target: A, outcome: 'broken' },
        { target: B, outcome: 'works' },
      ],
      goesOn: true,
    });
    expect((await story.circuit(B)).changedAt).toBe(startedAt);
    await expectAtRest(story);
  });

  test('probes a target once: one that learns nothing, for want of a key, leaves the circuit due at once', async () => {
    const story = await makeProbeStory({}, WITH_KEY);
    await story.openCircuit();
    const until = story.clock.now();
    expect(await story.tick()).toEqual({ probes: [{ target: A, outcome: 'unknown' }], goesOn: true });
    expect(await story.circuit()).toMatchObject({ circuit: { state: 'open', until, openings: 1 } });
    expect(await story.probes()).toMatchObject([{ cost: 0n, receipt: { attempts: [{ failure: 'unauthorized' }] } }]);
    await expectAtRest(story);
  });

  test('with nothing open calls nobody, and stops the schedule', async () => {
    const story = await makeProbeStory({});
    await story.setCircuit({ state: 'closed' });
    expect(await story.tick()).toEqual({ probes: [], goesOn: false });
    expect(story.told).toEqual(['stop']);
  });

  test('that finds one opened while it stopped the schedule starts it again', async () => {
    const story = await makeProbeStory({});
    const stop = story.schedule.stop;
    story.schedule.stop = async () => {
      // It opens, its event starts the schedule, and only then does the stop arrive.
      await story.openCircuit(PERIOD_MS * 2);
      await story.schedule.start();
      await stop();
    };
    expect(await story.tick()).toEqual({ probes: [], goesOn: true });
    expect(story.told).toEqual(['start', 'stop', 'start']);
  });

  test('does not go on for a target that the configuration no longer has', async () => {
    const story = await makeProbeStory({});
    await story.openCircuit(0, 'gone/m-0');
    expect(await story.tick()).toEqual({ probes: [], goesOn: false });
  });

  test('that is stopped ends its call, gives the lease back and settles', async () => {
    const story = await makeProbeStory({ a: [{ hang: true }] });
    await story.openCircuit();
    const stop = new AbortController();
    story.clock.after(1_000, () => stop.abort('cancelled'));
    expect(await story.tick(stop.signal)).toEqual({ probes: [{ target: A, outcome: 'unknown' }], goesOn: true });
    expect(await story.circuit()).toMatchObject({ circuit: { state: 'open', until: story.clock.now(), openings: 1 } });
    expect(await story.probes()).toMatchObject([{ receipt: { outcome: 'cancelled' } }]);
    await expectAtRest(story);
  });
});

describe('a hand on the circuit', () => {
  test('that holds it open keeps the prober away, which waits for what was measured before', async () => {
    const story = await makeProbeStory({});
    await story.openCircuit();
    await overrideCircuit(A, { state: 'open', forMs: 10 * PERIOD_MS, reason: 'maintenance' }, story.ports);
    const before = await story.circuit();
    expect(await story.tick()).toEqual({ probes: [], goesOn: true });
    expect(await story.circuit()).toEqual(before);
    await story.clock.advance(10 * PERIOD_MS);
    expect(story.upstream.calls).toEqual([]);
  });

  test.each(['open', 'closed'] as const)('alone (%s), on a target that was well, needs no prober', async (state) => {
    const story = await makeProbeStory({});
    await overrideCircuit(A, { state, forMs: 10 * PERIOD_MS, reason: 'by hand' }, story.ports);
    expect(await story.tick()).toEqual({ probes: [], goesOn: false });
    await story.clock.advance(11 * PERIOD_MS);
    expect(await story.tick()).toEqual({ probes: [], goesOn: false });
  });

  test('laid on while the probe waited for its time keeps it away', async () => {
    const story = await makeProbeStory({});
    await story.openCircuit(PERIOD_MS / 2);
    story.clock.after(1_000, () => {
      void overrideCircuit(A, { state: 'open', forMs: PERIOD_MS, reason: 'maintenance' }, story.ports);
    });
    expect(await story.tick()).toEqual({ probes: [], goesOn: true });
    expect(await story.entries()).toEqual([]);
  });
});

describe('one prober', () => {
  test('of two rounds at once one calls, and the other one’s hold is settled at nothing', async () => {
    const story = await makeProbeStory({ a: [{ ...chatAnswer('OK'), afterMs: 100 }] });
    await story.openCircuit();
    const rounds = await story.clock.settle(
      Promise.all([1, 2, 3].map(() => tickProbes(story.ports, { ...NEVER_STOPPED, schedule: story.schedule }))),
    );
    expect(story.upstream.calls).toHaveLength(1);
    const outcomes = rounds.flatMap(({ probes }) => probes.map(({ outcome }) => outcome)).sort();
    expect(outcomes).toEqual(['taken', 'taken', 'works']);
    expect((await story.probes()).map(({ cost }) => cost).sort()).toEqual([0n, 0n, 600_000n]);
    await expectAtRest(story);
  });

  test('a user’s request that has the lease is not joined; its answer ends the round’s wait', async () => {
    const story = await makeProbeStory({ a: [{ ...chatAnswer('hi'), afterMs: 5_000 }] }, WITHOUT_B);
    await story.openCircuit();
    const round = Promise.withResolvers<ProbeTick>();
    story.clock.after(1_000, () =>
      round.resolve(tickProbes(story.ports, { ...NEVER_STOPPED, schedule: story.schedule })),
    );
    expect((await story.ask()).status).toBe(200);
    expect(await story.clock.settle(round.promise)).toEqual({ probes: [], goesOn: false });
    expect(story.upstream.calls).toHaveLength(1);
    expect(await story.probes()).toEqual([]);
  });

  test('a crashed prober leaves a lease that runs out, and then the round probes', async () => {
    const story = await makeProbeStory({ a: [chatAnswer('OK')] });
    const leaseUntil = story.clock.now() + CIRCUIT.leaseMs;
    await story.setCircuit({ state: 'half-open', prober: 'dead', leaseUntil, openings: 3 });
    await story.tick();
    expect(story.upstream.calls.map(({ at }) => at)).toEqual([leaseUntil]);
    expect(await story.circuit()).toMatchObject({ circuit: { state: 'closed' } });
  });
});

describe('what can go wrong', () => {
  const down = () => Promise.reject(new StoreUnavailable('down'));
  const withCircuits = (story: ProbeStory, change: (inner: CircuitStore) => Partial<CircuitStore>): void => {
    story.ports.circuits = { ...story.ports.circuits, ...change(story.ports.circuits) };
  };

  test('a budget without room: nobody is called, the circuit does not move, and the log says so', async () => {
    const story = await makeProbeStory({}, { ...CONFIG, budgets: { org: { monthly: '$0.0001' } } });
    const before = await story.openCircuit();
    expect(await story.tick()).toEqual({ probes: [{ target: A, outcome: 'refused' }], goesOn: true });
    expect(await story.circuit()).toEqual(before);
    expect(await story.entries()).toEqual([]);
    expect(await story.org()).toMatchObject({ committed: 0n, held: 0n });
    expect(story.log.lines).toContainEqual({
      level: 'warn',
      message: 'circuit not probed: refused',
      fields: expect.objectContaining({ target: A, 'error.type': 'budget_exceeded' }),
    });
  });

  test('a lease that the store does not acknowledge: nobody is called', async () => {
    const story = await makeProbeStory({});
    await story.openCircuit();
    withCircuits(story, () => ({ write: down }));
    expect(await story.tick()).toMatchObject({ probes: [{ outcome: 'taken' }], goesOn: true });
    expect(story.upstream.calls).toEqual([]);
    expect(await story.probes()).toMatchObject([{ cost: 0n }]);
    await expectAtRest(story);
  });

  test('a verdict that the store does not take: the lease runs out, and the next round goes on', async () => {
    const story = await makeProbeStory({ a: [chatAnswer('OK')] });
    await story.openCircuit();
    let writes = 0;
    withCircuits(story, ({ write }) => ({ write: (next) => (++writes === 2 ? down() : write(next)) }));
    expect(await story.tick()).toMatchObject({ probes: [{ outcome: 'works' }], goesOn: true });
    expect(await story.circuit()).toMatchObject({ circuit: { state: 'half-open' } });
    expect(story.log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(await story.tick()).toMatchObject({ probes: [{ outcome: 'works' }], goesOn: false });
    await expectAtRest(story);
  });

  test('a verdict that meets a change by hand is put on top of it', async () => {
    const story = await makeProbeStory({ a: [{ ...chatAnswer('OK'), afterMs: 1_000 }] });
    await story.openCircuit();
    story.clock.after(500, () => {
      void overrideCircuit(A, { state: 'open', forMs: PERIOD_MS, reason: 'maintenance' }, story.ports);
    });
    await story.tick();
    expect(await story.circuit()).toMatchObject({ circuit: { state: 'closed' }, override: { state: 'open' } });
  });

  test('a ledger that is down: the others are probed all the same, then the round fails', async () => {
    const story = await makeProbeStory({ b: [chatAnswer('OK')] });
    await story.openCircuit();
    await story.openCircuit(PERIOD_MS / 2, B);
    const { ledger } = story.ports;
    story.ports.ledger = { ...ledger, hold: down };
    story.clock.after(1_000, () => {
      story.ports.ledger = ledger;
    });
    await expect(story.tick()).rejects.toThrow('1 of 2 probes broke');
    expect(await story.circuit()).toMatchObject({ circuit: { state: 'open', openings: 1 } });
    expect(await story.circuit(B)).toMatchObject({ circuit: { state: 'closed' } });
  });

  test('circuits that can not be read: the round fails and leaves the schedule on', async () => {
    const story = await makeProbeStory({});
    withCircuits(story, () => ({ list: down }));
    await expect(story.tick()).rejects.toThrow(StoreUnavailable);
    expect(story.told).toEqual([]);
  });
});
