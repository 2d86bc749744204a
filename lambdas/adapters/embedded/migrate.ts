import type { DatabaseSync } from 'node:sqlite';

/** One step of the schema, as SQL. Steps are never changed once released, only added. */
export type Migration = string;

/**
 * Brings the schema forward, all steps or none. The number of steps done is the file's `user_version`.
 *
 * @throws {Error} when the file was written by a later version, whose rows this one could misread.
 */
export const migrate = (database: DatabaseSync, migrations: readonly Migration[]): void => {
  if (schemaVersion(database) === migrations.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    // Read again under the lock: another process may have done it meanwhile.
    const version = schemaVersion(database);
    if (version > migrations.length)
      throw Object.assign(
        new Error(
          `The database file has schema ${version}, this version of Tollgate knows up to ${migrations.length}: it was written by a later one.`,
        ),
        { code: 'ERR_TOLLGATE_SCHEMA' },
      );
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
};

/** Steps of the schema that the file has. */
export const schemaVersion = (database: DatabaseSync): number =>
  Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
