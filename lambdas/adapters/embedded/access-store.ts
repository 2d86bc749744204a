import type { AccessStore, KeyRecord } from '../../core/authenticate/access-store.ts';
import type { Database } from './database.ts';

interface KeyRow {
  id: string;
  name: string;
  hash: string;
  team: string;
  user: string;
  tags: string;
  aliases: string | null;
  rights: string;
  created_at: bigint;
  expires_at: bigint | null;
  revoked_at: bigint | null;
}

/** Keys survive a power cut once they have been shown to anybody: their writes wait for the disk. */
export const makeEmbeddedAccessStore = (database: Database): AccessStore => ({
  findKey: (id) =>
    database.read((connection) => {
      const row = connection.get<KeyRow>('SELECT * FROM access_keys WHERE id = ?', id);
      return row === undefined ? undefined : toRecord(row);
    }),

  createKey: (record) =>
    database.writeDurably((connection) => {
      const changed = connection.run(
        `INSERT INTO access_keys (id, name, hash, team, user, tags, aliases, rights, created_at, expires_at, revoked_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
        record.id,
        record.name,
        record.hash,
        record.team,
        record.user,
        JSON.stringify(record.tags),
        record.aliases === null ? null : JSON.stringify(record.aliases),
        JSON.stringify(record.rights),
        record.createdAt,
        record.expiresAt,
        record.revokedAt,
      );
      return changed === 1;
    }),

  revokeKey: (id, at) =>
    database.writeDurably(
      (connection) =>
        connection.run(
          'UPDATE access_keys SET revoked_at = min(coalesce(revoked_at, ?1), ?1) WHERE id = ?2',
          at,
          id,
        ) === 1,
    ),

  listKeys: () =>
    database.read((connection) =>
      connection.all<KeyRow>('SELECT * FROM access_keys ORDER BY created_at, id').map(toRecord),
    ),
});

const toRecord = (row: KeyRow): KeyRecord => ({
  id: row.id,
  name: row.name,
  hash: row.hash,
  team: row.team,
  user: row.user,
  tags: JSON.parse(row.tags) as KeyRecord['tags'],
  aliases: row.aliases === null ? null : (JSON.parse(row.aliases) as string[]),
  rights: JSON.parse(row.rights) as KeyRecord['rights'],
  createdAt: Number(row.created_at),
  expiresAt: row.expires_at === null ? null : Number(row.expires_at),
  revokedAt: row.revoked_at === null ? null : Number(row.revoked_at),
});
