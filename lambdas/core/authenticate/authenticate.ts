import { type Refusal, refuse } from '../failures.ts';
import type { Ports } from '../ports.ts';
import type { KeyRecord, Right } from './access-store.ts';
import { parseApiKey, secretMatches } from './api-key.ts';

/** Whom a request acts for. */
export interface Caller {
  keyId: string;
  org: string;
  team: string;
  /** The key's own user; a request may name another where the key has `act-for-users`. */
  user: string;
  tags: Record<string, string>;
  /** null = every alias. */
  aliases: ReadonlySet<string> | null;
  rights: ReadonlySet<Right>;
}

export type Authenticated = { ok: true; caller: Caller } | { ok: false; refusal: Refusal };

/**
 * Bearer key or `x-api-key` → the caller. A malformed key falls to its checksum before the store is asked. Unknown id,
 * wrong secret and revoked key get the same words, so that nothing can be learned by trying.
 *
 * @throws {StoreUnavailable}
 */
export const authenticate = async (
  headers: Headers,
  ports: Pick<Ports, 'access' | 'clock' | 'gateway'>,
): Promise<Authenticated> => {
  const presented = presentedKey(headers);
  if (presented === undefined)
    return denied('No API key in the request. Send one as "authorization: Bearer tg_…" or "x-api-key: tg_…".');
  const parsed = parseApiKey(presented);
  if (parsed === undefined)
    return denied(
      'The API key is malformed: a Tollgate key is "tg_", an id, "_" and a secret with its checksum. Check that it was copied whole.',
    );
  const record = await ports.access.findKey(parsed.id);
  const now = ports.clock.now();
  if (record === undefined || !secretMatches(parsed.secret, record.hash) || isRevoked(record, now))
    return denied(`The API key ${parsed.id} is unknown or revoked. Ask whoever runs this gateway for a new one.`);
  if (record.expiresAt !== null && record.expiresAt <= now)
    return {
      ok: false,
      refusal: refuse(
        'key_expired',
        `The API key ${record.id} expired on ${new Date(record.expiresAt).toISOString()}. Ask for a new one.`,
      ),
    };
  return { ok: true, caller: callerOf(record, ports.gateway.org) };
};

const presentedKey = (headers: Headers): string | undefined => {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(headers.get('authorization') ?? '')?.[1];
  return bearer ?? headers.get('x-api-key')?.trim() ?? undefined;
};

const isRevoked = (record: KeyRecord, now: number): boolean => record.revokedAt !== null && record.revokedAt <= now;

const denied = (message: string): Authenticated => ({
  ok: false,
  refusal: refuse('invalid_api_key', message, { shouldRetry: false }),
});

const callerOf = (record: KeyRecord, org: string): Caller => ({
  keyId: record.id,
  org,
  team: record.team,
  user: record.user,
  tags: record.tags,
  aliases: record.aliases === null ? null : new Set(record.aliases),
  rights: new Set(record.rights),
});

export const mayUse = (caller: Caller, alias: string): boolean => caller.aliases === null || caller.aliases.has(alias);
