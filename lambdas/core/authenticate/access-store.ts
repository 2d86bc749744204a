export type Right =
  /** May name another end user in `x-tollgate-user`, `user`, `metadata.user_id`. */
  | 'act-for-users'
  /** A duty rather than a right: every request must name an agent run. */
  | 'require-run'
  /** `GET /v1/usage` shows the amounts of the key's user, team and org. */
  | 'read-usage';

export interface KeyRecord {
  id: string;
  /** What people call it. */
  name: string;
  /** SHA-256 of the secret, hex. */
  hash: string;
  team: string;
  /** The key's own user. */
  user: string;
  /** Pinned: they win over tags that a request carries. */
  tags: Record<string, string>;
  /** Aliases this key may use; null = all. */
  aliases: string[] | null;
  rights: Right[];
  createdAt: number;
  expiresAt: number | null;
  /** A revocation may lie in the future: rotation's grace period. */
  revokedAt: number | null;
}

export interface AccessStore {
  findKey(id: string): Promise<KeyRecord | undefined>;
  /** @returns false when a key of that id exists; nothing is overwritten. */
  createKey(record: KeyRecord): Promise<boolean>;
  /** @returns false when there is no such key. An earlier revocation stays. */
  revokeKey(id: string, at: number): Promise<boolean>;
  /** By creation time. */
  listKeys(): Promise<KeyRecord[]>;
}
