import { untouchedCircuit } from '../../core/call/circuit.ts';
import type { CircuitRecord, CircuitStore } from '../../core/call/circuit-store.ts';
import type { Database } from './database.ts';
import { writeVersioned } from './write-versioned.ts';

/** One record a target, written only by who has seen the version before it. A target never written reads as closed, version 0. */
export const makeEmbeddedCircuitStore = (database: Database): CircuitStore => ({
  read: (targets) =>
    database.read((connection) =>
      targets.map((target) => {
        const row = connection.get<{ record: string }>('SELECT record FROM circuits WHERE target = ?', target);
        return row === undefined ? untouchedCircuit(target) : toRecord(row);
      }),
    ),

  write: (next) =>
    writeVersioned(database, 'circuits', { target: next.target }, next.version, { record: JSON.stringify(next) }),

  list: () =>
    database.read((connection) =>
      connection.all<{ record: string }>('SELECT record FROM circuits ORDER BY target').map(toRecord),
    ),
});

const toRecord = ({ record }: { record: string }): CircuitRecord => JSON.parse(record) as CircuitRecord;
