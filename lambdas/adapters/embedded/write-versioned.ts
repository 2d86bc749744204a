import type { SQLInputValue } from 'node:sqlite';
import type { Database } from './database.ts';

type Columns = Readonly<Record<string, SQLInputValue>>;

/**
 * Writes one row only over the version before it: whoever has not seen that changes nothing.
 *
 * @param table, and the names of columns: the code's own
 * @param version of what is written; 1: there must be none yet
 * @returns whether it was written
 * @throws {StoreUnavailable}
 */
export const writeVersioned = (
  database: Database,
  table: string,
  key: Columns,
  version: number,
  columns: Columns,
): Promise<boolean> =>
  database.write((connection) => {
    const next = { version, ...columns };
    const values = [...Object.values(next), ...Object.values(key)];
    const changed =
      version === 1
        ? connection.run(
            `INSERT INTO ${table} (${[...Object.keys(next), ...Object.keys(key)].join(', ')})
             VALUES (${values.map(() => '?').join(', ')}) ON CONFLICT DO NOTHING`,
            ...values,
          )
        : connection.run(
            `UPDATE ${table} SET ${assign(next, ', ')} WHERE ${assign(key, ' AND ')} AND version = ?`,
            ...values,
            version - 1,
          );
    return changed === 1;
  });

const assign = (columns: Columns, joint: string): string =>
  Object.keys(columns)
    .map((name) => `${name} = ?`)
    .join(joint);
