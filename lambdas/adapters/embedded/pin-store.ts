import { NO_OVERRIDES, type PinOverrides, type PinRecord, type PinStore } from '../../core/pins/pin-store.ts';
import type { Database } from './database.ts';

interface PinRow {
  record: string;
}

/** One record a pin, and one of all overrides, each written only by who has seen the version before it. */
export const makeEmbeddedPinStore = (database: Database): PinStore => ({
  read: (pins) =>
    database.read((connection) =>
      pins.map((pin) => {
        const row = connection.get<PinRow>('SELECT record FROM pins WHERE pin = ?', pin);
        return row && toRecord(row);
      }),
    ),

  write: (next) =>
    database.write((connection) => {
      const record = JSON.stringify(next);
      const changed =
        next.version === 1
          ? connection.run(
              'INSERT INTO pins (pin, version, record) VALUES (?, 1, ?) ON CONFLICT (pin) DO NOTHING',
              next.pin,
              record,
            )
          : connection.run(
              'UPDATE pins SET version = ?, record = ? WHERE pin = ? AND version = ?',
              next.version,
              record,
              next.pin,
              next.version - 1,
            );
      return changed === 1;
    }),

  readOverrides: () =>
    database.read((connection) => {
      const row = connection.get<PinRow>('SELECT record FROM pin_overrides');
      return row === undefined ? NO_OVERRIDES : (JSON.parse(row.record) as PinOverrides);
    }),

  writeOverrides: (next) =>
    database.write((connection) => {
      const record = JSON.stringify(next);
      const changed =
        next.version === 1
          ? connection.run(
              'INSERT INTO pin_overrides (id, version, record) VALUES (1, 1, ?) ON CONFLICT (id) DO NOTHING',
              record,
            )
          : connection.run(
              'UPDATE pin_overrides SET version = ?, record = ? WHERE version = ?',
              next.version,
              record,
              next.version - 1,
            );
      return changed === 1;
    }),

  list: () =>
    database.read((connection) => connection.all<PinRow>('SELECT record FROM pins ORDER BY pin').map(toRecord)),
});

const toRecord = ({ record }: PinRow): PinRecord => JSON.parse(record) as PinRecord;
