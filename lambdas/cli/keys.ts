import type { KeyRecord } from '../core/authenticate/access-store.ts';
import { type IssuedKey, issueKey, type NewKey, revokeKey, rotateKey } from '../core/authenticate/manage-keys.ts';
import type { Ports } from '../core/ports.ts';
import { CommandFailed, fields, isoTime, type Output, printable, shortTime, table } from './output.ts';

type KeyPorts = Pick<Ports, 'access' | 'clock' | 'random'>;

const SHOWN_ONCE = 'Keep the key now: only its hash is stored, and it can not be shown again.';
/** Gateways remember a key for up to this long. */
const STOPS_WITHIN = 'within 30 seconds everywhere';

export const createKey = async (wanted: NewKey, ports: KeyPorts, warnings: readonly string[] = []): Promise<Output> => {
  const issued = await issueKey(wanted, ports);
  return {
    text: `${describeIssued(issued)}\n\n${SHOWN_ONCE}`,
    data: { key: issued.key, ...keyData(issued.record, ports.clock.now()) },
    warnings,
  };
};

export const listKeys = async ({ access, clock }: KeyPorts): Promise<Output> => {
  const records = await access.listKeys();
  const now = clock.now();
  const rows = records.map((record) => [
    record.id,
    record.name,
    record.team,
    record.user,
    record.aliases?.join(',') ?? 'all',
    standingText(record, now),
    shortTime(record.createdAt),
  ]);
  return {
    text:
      records.length === 0
        ? 'No keys.'
        : table([['ID', 'NAME', 'TEAM', 'USER', 'MODELS', 'STATE', 'CREATED'], ...rows]),
    data: records.map((record) => keyData(record, now)),
  };
};

export const endKey = async (id: string, ports: KeyPorts): Promise<Output> => {
  const revoked = await revokeKey(id, ports);
  if (!revoked.ok) throw new CommandFailed(revoked.problem);
  return {
    text: `Revoked the key ${id} (${printable(revoked.value.name)}). It stops ${STOPS_WITHIN}.`,
    data: keyData(revoked.value, ports.clock.now()),
  };
};

export const replaceKey = async (
  id: string,
  change: { graceMs: number; expiresAt?: number },
  ports: KeyPorts,
): Promise<Output> => {
  const rotated = await rotateKey(id, change, ports);
  if (!rotated.ok) throw new CommandFailed(rotated.problem);
  const { old, ...issued } = rotated.value;
  const now = ports.clock.now();
  const until = old.revokedAt ?? now;
  const oldEnds = until <= now ? `stops ${STOPS_WITHIN}` : `goes on until ${shortTime(until)}`;
  return {
    text: `${describeIssued(issued)}\n\n${SHOWN_ONCE}\nThe old key ${id} ${oldEnds}.`,
    data: { key: issued.key, ...keyData(issued.record, now), replaces: keyData(old, now) },
  };
};

const describeIssued = ({ key, record }: IssuedKey): string =>
  fields([
    ['key', key],
    ['id', record.id],
    ['name', record.name],
    ['team', record.team],
    ['user', record.user],
    ['models', record.aliases?.join(', ') ?? 'all'],
    ...(Object.keys(record.tags).length > 0 ? [['tags', tagText(record)] as const] : []),
    ...(record.rights.length > 0 ? [['rights', record.rights.join(', ')] as const] : []),
    ['expires', record.expiresAt === null ? 'never' : shortTime(record.expiresAt)],
  ]);

const tagText = ({ tags }: KeyRecord): string =>
  Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');

/** A key without its secret and without the secret's hash. */
const keyData = (record: KeyRecord, now: number) => ({
  id: record.id,
  name: record.name,
  team: record.team,
  user: record.user,
  tags: record.tags,
  models: record.aliases,
  rights: record.rights,
  state: standing(record, now),
  created_at: isoTime(record.createdAt),
  expires_at: record.expiresAt === null ? null : isoTime(record.expiresAt),
  revoked_at: record.revokedAt === null ? null : isoTime(record.revokedAt),
});

/** `ending`: it works, and its revocation is set. */
const standing = ({ revokedAt, expiresAt }: KeyRecord, now: number): 'active' | 'ending' | 'revoked' | 'expired' => {
  if (revokedAt !== null && revokedAt <= now) return 'revoked';
  if (expiresAt !== null && expiresAt <= now) return 'expired';
  return revokedAt === null ? 'active' : 'ending';
};

const standingText = (record: KeyRecord, now: number): string => {
  const state = standing(record, now);
  const at = {
    active: record.expiresAt,
    ending: record.revokedAt,
    revoked: record.revokedAt,
    expired: record.expiresAt,
  };
  const time = at[state];
  if (time === null) return state;
  return `${state}${state === 'active' || state === 'ending' ? ' until' : ''} ${shortTime(time)}`;
};
