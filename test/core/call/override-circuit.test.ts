import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type EmbeddedStores, openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import { openCircuit, standingOf, untouchedCircuit } from '../../../lambdas/core/call/circuit.ts';
import { overrideCircuit } from '../../../lambdas/core/call/override-circuit.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const clock = makeFakeClock();
const TARGET = 'openai/gpt-5';

let stores: EmbeddedStores;
const ports = () => ({ circuits: stores.circuits, clock });
const read = async () => (await stores.circuits.read([TARGET]))[0] ?? untouchedCircuit(TARGET);

beforeEach(() => {
  stores = openEmbeddedStores({ file: ':memory:', clock, random: systemRandom });
});
afterEach(() => stores.close());

describe('a circuit set by hand', () => {
  test('is open for the time, and as it was before afterwards', async () => {
    await overrideCircuit(TARGET, { state: 'open', forMs: 60_000, reason: 'maintenance' }, ports());
    const record = await read();
    const now = clock.now();
    expect(standingOf(record, now + 59_999)).toEqual({ kind: 'open', until: now + 60_000, byHand: true });
    expect(standingOf(record, now + 60_000)).toEqual({ kind: 'closed' });
    expect(record.reason).toBe('maintenance');
  });

  test('is closed at once, and stays closed after the time, though it had been measured broken', async () => {
    await stores.circuits.write(openCircuit(untouchedCircuit(TARGET), clock.now(), 0, 'server_error 500'));
    expect(standingOf(await read(), clock.now()).kind).toBe('open');
    await overrideCircuit(TARGET, { state: 'closed', forMs: 1_000, reason: 'fixed' }, ports());
    const record = await read();
    expect(standingOf(record, clock.now()).kind).toBe('closed');
    expect(standingOf(record, clock.now() + 2_000).kind).toBe('closed');
  });

  test('is set also when a gateway moves it in between', async () => {
    let moves = 2;
    const circuits = {
      ...stores.circuits,
      read: async (targets: string[]) => {
        const records = await stores.circuits.read(targets);
        const [record] = records;
        if (moves-- > 0 && record !== undefined)
          await stores.circuits.write(openCircuit(record, clock.now(), 0, 'server_error'));
        return records;
      },
    };
    const written = await overrideCircuit(
      TARGET,
      { state: 'closed', forMs: 1_000, reason: 'fixed' },
      { circuits, clock },
    );
    expect(written).toMatchObject({ version: 3, circuit: { state: 'closed' } });
    expect(await read()).toEqual(written);
  });

  test('gives up when others are faster each time', async () => {
    const circuits = { ...stores.circuits, write: async () => false };
    expect(await overrideCircuit(TARGET, { state: 'open', forMs: 1, reason: '' }, { circuits, clock })).toBeUndefined();
  });
});
