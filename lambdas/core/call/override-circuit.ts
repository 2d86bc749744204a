import type { Clock } from '../ports.ts';
import { untouchedCircuit } from './circuit.ts';
import type { CircuitRecord, CircuitStore } from './circuit-store.ts';

const TRIES = 5;

/**
 * Opens or closes a circuit by hand until a time: nothing that is measured meanwhile moves it. Closing it also forgets what
 * was measured before, so that it stays closed when the override ends.
 *
 * @returns the record as written; undefined when the gateways moved it faster each time
 * @throws {StoreUnavailable}
 */
export const overrideCircuit = async (
  target: string,
  change: { state: 'open' | 'closed'; forMs: number; reason: string },
  { circuits, clock }: { circuits: CircuitStore; clock: Clock },
): Promise<CircuitRecord | undefined> => {
  for (let tries = 0; tries < TRIES; tries++) {
    const [found = untouchedCircuit(target)] = await circuits.read([target]);
    const now = clock.now();
    const next: CircuitRecord = {
      ...found,
      version: found.version + 1,
      circuit: change.state === 'closed' ? { state: 'closed' } : found.circuit,
      override: { state: change.state, until: now + change.forMs },
      reason: change.reason,
      changedAt: now,
    };
    if (await circuits.write(next)) return next;
  }
  return undefined;
};
