import type { Database } from './database.ts';

/**
 * The number of a policy: the next one whenever the caps differ from those of the last start, so that whoever started last
 * has the newest. Going back to an earlier policy is a change like any other.
 */
export const numberPolicy = (database: Database, fingerprint: string): Promise<number> =>
  database.write((connection) => {
    const row = connection.get<{ version: bigint; fingerprint: string }>('SELECT * FROM policy WHERE id = 1');
    if (row?.fingerprint === fingerprint) return Number(row.version);
    const version = Number(row?.version ?? 0n) + 1;
    connection.run(
      `INSERT INTO policy (id, version, fingerprint) VALUES (1, ?1, ?2)
       ON CONFLICT (id) DO UPDATE SET version = ?1, fingerprint = ?2`,
      version,
      fingerprint,
    );
    return version;
  });
