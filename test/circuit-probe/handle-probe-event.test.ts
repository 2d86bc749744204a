import { expect, test } from '@jest/globals';
import { handleProbeEvent, type ProbeEvent } from '../../lambdas/circuit-probe/handle-probe-event.ts';
import { makeMemoryLog } from '../core/call/call-fixture.ts';

const setUp = (start: () => Promise<void> = async () => {}, goesOn = false) => {
  const done: string[] = [];
  const prober = {
    log: { ...makeMemoryLog(), beginInvocation() {} },
    schedule: {
      start: () => {
        done.push('start');
        return start();
      },
      stop: async () => void done.push('stop'),
    },
    tick: async () => {
      done.push('tick');
      return { probes: [], goesOn };
    },
    measure: async () => void done.push('measure'),
  };
  return { done, handle: (event: ProbeEvent) => handleProbeEvent(event, prober) };
};

const opened = (...targets: string[]): ProbeEvent => ({
  Records: targets.map((target) => ({ dynamodb: { Keys: { pk: { S: `target#${target}` } } } })),
});

test('a batch of openings starts the schedule, and probes nothing itself', async () => {
  const { done, handle } = setUp();
  expect(await handle(opened('a/m', 'b/m', 'a/m'))).toEqual({ opened: ['target#a/m', 'target#b/m'] });
  expect(done).toEqual(['start', 'measure']);
});

test('a schedule that can not be started fails the batch, which then comes again', async () => {
  const { handle } = setUp(() => Promise.reject(new Error('denied')));
  await expect(handle(opened('a/m'))).rejects.toThrow('denied');
});

test.each<[string, ProbeEvent]>([
  ['as EventBridge sends it', { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} } as ProbeEvent],
  ['by hand', {}],
])('a tick %s is a round', async (_, event) => {
  const { done, handle } = setUp();
  expect(await handle(event)).toEqual({ probes: [], goesOn: false });
  expect(done).toEqual(['measure', 'tick', 'measure']);
});

test('while a circuit is open each round measures once; the last one measures what it has come to', async () => {
  const { done, handle } = setUp(undefined, true);
  await handle({});
  expect(done).toEqual(['measure', 'tick']);
});
