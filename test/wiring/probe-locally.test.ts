import { describe, expect, test } from '@jest/globals';
import { PROBE_EVERY_MS } from '../../lambdas/contract/probing.ts';
import { untouchedCircuit } from '../../lambdas/core/call/circuit.ts';
import { makeCircuitBoard } from '../../lambdas/core/call/circuit-board.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { makeLocalProber } from '../../lambdas/wiring/probe-locally.ts';
import { fails, makeMemoryCircuitStore } from '../core/call/call-fixture.ts';
import type { Script } from '../core/call/scripted-upstream.ts';
import { A, makeProbeStory } from '../core/probe/probe-fixture.ts';
import { CONFIG, chatAnswer } from '../core/story/story-fixture.ts';

const [target] = CONFIG.models['assistant']?.targets ?? [];
if (target === undefined) throw new Error('the fixture has no target');
const ONE_TARGET = { ...CONFIG, models: { assistant: { targets: [target], attempts: 5 } } };

/** A server's process: its requests see the circuits that the prober watches. */
const setUp = async (scripts: Script[]) => {
  const story = await makeProbeStory({ a: scripts }, ONE_TARGET);
  const prober = makeLocalProber(story.ports.circuits);
  story.ports.circuitBoard = makeCircuitBoard({ ...story.ports, store: prober.circuits });
  return { ...story, prober };
};

const FIVE_FAILURES = Array.from({ length: 5 }, () => fails(500));

describe('the prober of a local server', () => {
  test('has no timer while every circuit is closed', async () => {
    const { prober, ports, clock } = await setUp([]);
    prober.begin(ports);
    await clock.flush();
    expect(clock.timers()).toBe(0);
  });

  test('probes what requests have opened when it is due, closes it, and rests', async () => {
    const { prober, ports, clock, circuit, ask, probes } = await setUp([...FIVE_FAILURES, chatAnswer('OK')]);
    prober.begin(ports);
    await ask();
    await ports.circuitBoard.settled();
    expect(await circuit()).toMatchObject({ circuit: { state: 'open' } });
    await clock.advance(2 * PROBE_EVERY_MS);
    expect(await circuit()).toMatchObject({ circuit: { state: 'closed' } });
    expect(await probes()).toHaveLength(1);
    expect(clock.timers()).toBe(0);
  });

  test('goes on, less and less often, while the target stays broken', async () => {
    const { prober, ports, clock, ask, probes, circuit } = await setUp([fails(500)]);
    prober.begin(ports);
    await ask();
    await clock.advance(10 * PROBE_EVERY_MS);
    // Open for 30, 60, 120 and 240 seconds, and a tenth more of each.
    expect(await probes()).toHaveLength(4);
    expect(await circuit()).toMatchObject({ circuit: { state: 'open', openings: 5 } });
    await prober.stop();
    expect(clock.timers()).toBe(0);
  });

  test('begins with what an earlier process has left open', async () => {
    const { prober, ports, clock, openCircuit, circuit } = await setUp([chatAnswer('OK')]);
    await openCircuit(-60_000);
    prober.begin(ports);
    await clock.advance(1);
    expect(await circuit(A)).toMatchObject({ circuit: { state: 'closed' } });
  });

  test('a round that fails is followed by the next', async () => {
    const { prober, ports, clock, openCircuit, circuit, log } = await setUp([chatAnswer('OK')]);
    await openCircuit();
    const { list } = ports.circuits;
    let isDown = true;
    const down = () => Promise.reject(new StoreUnavailable('down'));
    prober.begin({ ...ports, circuits: { ...ports.circuits, list: () => (isDown ? down() : list()) } });
    await clock.advance(PROBE_EVERY_MS / 2);
    isDown = false;
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    await clock.advance(PROBE_EVERY_MS / 2);
    expect(await circuit()).toMatchObject({ circuit: { state: 'closed' } });
  });

  test('one that opens in the very moment in which the last round ends is not forgotten', async () => {
    for (let hops = 0; hops < 24; hops++) {
      const { ports, clock } = await setUp([chatAnswer('OK')]);
      // Answers at once, so that every moment can be hit.
      const circuits = makeMemoryCircuitStore();
      const prober = makeLocalProber(circuits);
      const open = async () => {
        for (let hop = 0; hop < hops; hop++) await null;
        const circuit = { state: 'open', until: clock.now(), openings: 1 } as const;
        await prober.circuits.write({ ...untouchedCircuit(A), version: 1, circuit });
      };
      let lists = 0;
      const list = async () => {
        const found = [...circuits.records.values()];
        lists += 1;
        // The last look, after the schedule was stopped.
        if (lists === 3) void open();
        return found;
      };
      prober.begin({ ...ports, circuits: { ...circuits, read: circuits.read, list } });
      await clock.advance(2 * PROBE_EVERY_MS);
      expect({ hops, record: circuits.records.get(A) }).toMatchObject({
        hops,
        record: { circuit: { state: 'closed' } },
      });
    }
  });

  test('a stop ends a probe under way, which is settled, and starts no other', async () => {
    const { prober, ports, clock, openCircuit, entries, upstream } = await setUp([{ hang: true }]);
    await openCircuit();
    prober.begin(ports);
    await clock.advance(1_000);
    expect(upstream.calls).toHaveLength(1);
    await clock.settle(prober.stop());
    expect(await entries()).toMatchObject([{ state: 'settled', receipt: { outcome: 'cancelled' } }]);
    await prober.circuits.write({ ...(await openCircuit()), version: 99 });
    await clock.advance(5 * PROBE_EVERY_MS);
    expect(upstream.calls).toHaveLength(1);
  });
});
