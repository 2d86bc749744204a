import { expect, test } from '@jest/globals';
import { CIRCUIT } from '../../../lambdas/core/call/call-policy.ts';
import { closeCircuit, leaseProbe, openCircuit, untouchedCircuit } from '../../../lambdas/core/call/circuit.ts';
import { makeCircuitBoard } from '../../../lambdas/core/call/circuit-board.ts';
import { overrideCircuit } from '../../../lambdas/core/call/override-circuit.ts';
import { chatAnswer, makeStory } from './story-fixture.ts';

const TRIP_MS = 200;

/** A story whose stores of circuits and accounts answer after a trip. */
const makeFarStory = async () => {
  const story = await makeStory({ a: [chatAnswer('a'), chatAnswer('a')], b: [chatAnswer('b')] });
  const { ports, clock } = story;
  const { circuits, ledger } = ports;
  const far = <T>(work: () => Promise<T>): Promise<T> => clock.sleep(TRIP_MS).then(work);
  const store = { ...circuits, read: (ids: string[]) => far(() => circuits.read(ids)) };
  ports.circuitBoard = makeCircuitBoard({ ...ports, store, targets: ['a/m-1', 'b/m-1'] });
  ports.ledger = {
    ...ledger,
    hold: (request) => far(() => ledger.hold(request)),
    open: (entry) => far(() => ledger.open(entry)),
  };
  await clock.settle(ports.circuitBoard.refresh());
  return story;
};

test('the first request after a rest knows what was shut meanwhile, and waits no longer for it than for its admission', async () => {
  const story = await makeFarStory();
  const { clock, upstream, ports } = story;
  expect((await story.ask()).headers.get('x-tollgate-model')).toBe('a/m-1');
  await overrideCircuit('a/m-1', { state: 'open', forMs: 300_000, reason: 'off' }, { circuits: ports.circuits, clock });
  await clock.advance(CIRCUIT.outdatedMs);
  const askedAt = clock.now();
  expect((await story.ask()).headers.get('x-tollgate-model')).toBe('b/m-1');
  expect((upstream.calls.at(-1)?.at ?? 0) - askedAt).toBe(2 * TRIP_MS);
});

test('a conversation that was planned before a prober closed the circuit does not come home out of its turn, only to leave again', async () => {
  const story = await makeFarStory();
  const { clock, ports } = story;
  const { circuits, circuitBoard } = ports;
  const opened = openCircuit(untouchedCircuit('a/m-1'), clock.now(), 0, 'server_error 500');
  await circuits.write(opened);
  await clock.settle(circuitBoard.refresh());
  const ask = async () => {
    // A session whose place is 0.71: it comes home with the last step.
    const reply = await story.ask({}, { headers: { 'x-tollgate-session': 'session-0' } });
    return reply.headers.get('x-tollgate-model');
  };
  expect(await ask()).toBe('b/m-1');

  await clock.advance(CIRCUIT.openMs);
  const leased = leaseProbe(opened, clock.now(), 'of another process');
  expect(await circuits.write(leased)).toBe(true);
  expect(await circuits.write(closeCircuit(leased, clock.now(), 'probe answered'))).toBe(true);
  // Planned by an open circuit that is due; by the time of the call it is known to be closed.
  expect(await ask()).toBe('b/m-1');
  const [entry] = await story.entries();
  expect(entry?.receipt.plan).toMatchObject({
    targets: ['a/m-1', 'b/m-1'],
    passedOver: [{ target: 'a/m-1', reason: 'circuit closed a moment ago' }],
  });
  // Planned by its slow start.
  expect(await ask()).toBe('b/m-1');
  await clock.advance(CIRCUIT.slowStart.at(-1)?.untilMs ?? 0);
  expect([await ask(), await ask()]).toEqual(['a/m-1', 'a/m-1']);
});
