import type { Database } from './database.ts';

/**
 * Leaves nothing in the files of what was deleted from these tables. `secure_delete` alone does not: where SQLite moves rows
 * from page to page, older copies stay in the unused parts of pages (52 pieces of 6,000 rows, seen in the bytes of a file that
 * rows were put into and deleted from at random). So the rows that are left are taken out and put back, which zeroes every
 * page, and the log with its older pages is emptied. They wait in the same file, which grows by that once (zeroed pages, used
 * again): a temporary table would lie in another, where nothing overwrites it, or in memory, where it may have no room. Writers
 * wait for one table at a time: 1.0 s for 50,000 rows of 2 KB on two busy cores, and they wait for up to 2 s.
 *
 * @throws {StoreUnavailable} where it could not be done while others were at work; it may be done again at any time
 */
export const wipeTables = async (database: Database, tables: readonly string[]): Promise<void> => {
  for (const table of tables)
    await database.write((connection) => {
      connection.run(`CREATE TABLE main.wiped AS SELECT * FROM main.${table}`);
      connection.run(`DELETE FROM main.${table}`);
      connection.run(`INSERT INTO main.${table} SELECT * FROM main.wiped`);
      connection.run('DROP TABLE main.wiped');
    });
  await database.emptyLog();
};
