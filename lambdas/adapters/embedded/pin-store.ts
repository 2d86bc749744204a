import { NO_OVERRIDES, type PinOverrides, type PinRecord, type PinStore } from '../../core/pins/pin-store.ts';
import type { Database } from './database.ts';
import { writeVersioned } from './write-versioned.ts';

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

  write: (next) => writeVersioned(database, 'pins', { pin: next.pin }, next.version, { record: JSON.stringify(next) }),

  readOverrides: () =>
    database.read((connection) => {
      const row = connection.get<PinRow>('SELECT record FROM pin_overrides');
      return row === undefined ? NO_OVERRIDES : (JSON.parse(row.record) as PinOverrides);
    }),

  writeOverrides: (next) =>
    writeVersioned(database, 'pin_overrides', { id: 1 }, next.version, { record: JSON.stringify(next) }),

  list: () =>
    database.read((connection) => connection.all<PinRow>('SELECT record FROM pins ORDER BY pin').map(toRecord)),
});

const toRecord = ({ record }: PinRow): PinRecord => JSON.parse(record) as PinRecord;
