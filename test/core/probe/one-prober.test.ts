import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeCircuitBoard } from '../../../lambdas/core/call/circuit-board.ts';
import { handleRequest } from '../../../lambdas/core/handle-request.ts';
import { tickProbes } from '../../../lambdas/core/probe/probe-circuits.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import type { Script } from '../call/scripted-upstream.ts';
import { CONFIG, chatAnswer } from '../story/story-fixture.ts';
import { A, makeProbeStory, PERIOD_MS, type ProbeStory } from './probe-fixture.ts';

/** `b` is well, so that nobody has to ask `a` for want of another. */
const B_IS_WELL = chatAnswer('from b');

const STORE_MS = 20;

/** No longer than a lease: a user's answer may take longer than that, and then a second call is right. */
const script: fc.Arbitrary<Script> = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: 25_000 }))
  .map(([isWell, afterMs]) => (isWell ? { ...chatAnswer('OK'), afterMs } : { status: 500, body: '', afterMs }));

interface Act {
  at: number;
  who: 'user' | 'round';
  /** Whether in a process of its own, which knows of the circuit only what the store says. */
  isFresh: boolean;
}
const act: fc.Arbitrary<Act> = fc.record({
  at: fc.integer({ min: 0, max: 90_000 }),
  who: fc.constantFrom('user', 'round'),
  isFresh: fc.boolean(),
});

const start = (story: ProbeStory, { who, isFresh }: Act): Promise<unknown> => {
  const ports = { ...story.ports };
  if (isFresh) ports.circuitBoard = makeCircuitBoard({ ...ports, store: ports.circuits });
  if (who === 'round') {
    const { signal } = new AbortController();
    return tickProbes(ports, { schedule: story.schedule, periodMs: PERIOD_MS, signal });
  }
  const request = new Request('http://gateway/', {
    method: 'POST',
    headers: { authorization: `Bearer ${story.key}` },
    body: JSON.stringify({ model: 'assistant', max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] }),
  });
  return handleRequest(request, openaiChat, ports).then(() => ports.circuitBoard.settled());
};

test('while a circuit is open, rounds and requests of any number of processes call its target one at a time', async () => {
  let contested = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(script, { minLength: 1, maxLength: 4 }),
      fc.array(act, { minLength: 2, maxLength: 12 }),
      async (scripts, acts) => {
        const story = await makeProbeStory({ a: scripts, b: [B_IS_WELL] }, CONFIG);
        const { clock, ports, upstream } = story;
        await story.openCircuit(10_000);
        // A store takes its time, so that others may come between a hold and its lease.
        const { hold } = ports.ledger;
        ports.ledger = { ...ports.ledger, hold: (asked) => clock.sleep(STORE_MS).then(() => hold(asked)) };
        let underWay = 0;
        let most = 0;
        ports.upstream = {
          send: async (call, signal) => {
            if (call.transport !== 'http' || new URL(call.url).hostname !== 'a') return upstream.send(call, signal);
            const { circuit } = await story.circuit(A);
            underWay += 1;
            if (circuit.state !== 'closed') most = Math.max(most, underWay);
            try {
              return await upstream.send(call, signal);
            } finally {
              underWay -= 1;
            }
          },
        };
        const done = acts.map(
          (one) =>
            new Promise<void>((resolve, reject) => {
              clock.after(one.at, () => void start(story, one).then(() => resolve(), reject));
            }),
        );
        await clock.settle(Promise.all(done));
        expect(most).toBeLessThanOrEqual(1);
        const entries = await story.entries();
        const sum = entries.reduce((total, { cost }) => total + cost, 0n);
        expect(entries.filter(({ state }) => state !== 'settled')).toEqual([]);
        expect(await story.org()).toMatchObject({ spent: sum, held: 0n });
        contested += (await story.probes()).filter(({ receipt }) => receipt.attempts.length === 0).length;
      },
    ),
    { numRuns: 50 },
  );
  // Else nobody ever came between a round and its lease, and the test has shown nothing.
  expect(contested).toBeGreaterThan(0);
}, 60_000);
