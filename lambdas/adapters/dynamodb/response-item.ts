import { canonicalText } from '../../core/audit/canonical-text.ts';
import type { CachedAnswer } from '../../core/cache/cache-stores.ts';
import { ENTRY_VERSION } from '../../core/cache/pack-entry.ts';
import { digestOf } from '../../core/digest.ts';
import { type Item, toItem } from './attributes.ts';
import type { Dynamo, Written } from './dynamo.ts';
import { storeTime } from './purge-marks-item.ts';
import { expiresAt } from './retention.ts';

export const PREFIX = 'cache#';
/** Of an item: attributes' names and values. */
const MOST_BYTES = 400 * 1024;
/** Names, numbers and the key, with room to spare. */
const OTHER_BYTES = 512;
/** What is claimed and not written within it never will be. */
const CLAIM_LIFE_MS = 5 * 60_000;
/** A request that was sent arrives within it, or is refused: its signature has grown old. */
const TOMBSTONE_LIFE_MS = 15 * 60_000;

/** Digests: nothing that a name holds can lead to another's item. Their text is checked as well, in the entry itself. */
export const keyOf = (tenant: string, key: string): Item =>
  toItem({
    pk: `${PREFIX}${digestOf(canonicalText(['tenant', tenant]), 30)}#${digestOf(canonicalText(['key', key]), 30)}`,
  });

export const fits = ({ team, user, alias }: CachedAnswer, body: Uint8Array): boolean =>
  body.length + Buffer.byteLength(team + user + alias) + OTHER_BYTES <= MOST_BYTES;

/**
 * Takes the key for an answer that is about to be written: from now on a purge finds it. Fails where there is one of a
 * request that came later, or of this very one; not where that has expired.
 */
export const claim = (dynamo: Dynamo, entry: CachedAnswer, nonce: string, nowMs: number): Promise<Written> => {
  const { tenant, key, team, user, alias, createdAt } = entry;
  return dynamo.update({
    TableName: dynamo.names.responses,
    Key: keyOf(tenant, key),
    UpdateExpression:
      'SET nonce = :nonce, team = :team, #user = :user, #alias = :alias, createdAt = :createdAt, expiresAt = :until, expires = :expires REMOVE body, bytes, version',
    ConditionExpression: 'attribute_not_exists(pk) OR createdAt < :createdAt OR expiresAt <= :now',
    ExpressionAttributeNames: { '#user': 'user', '#alias': 'alias' },
    ExpressionAttributeValues: {
      ...toItem({
        ':nonce': nonce,
        ':team': team,
        ':user': user,
        ':alias': alias,
        ':createdAt': createdAt,
        ':until': nowMs + CLAIM_LIFE_MS,
        ':now': nowMs,
      }),
      ':expires': expiresAt(nowMs + CLAIM_LIFE_MS),
    },
  });
};

/** Fails where a purge, or somebody else's claim, has taken the key since. */
export const fill = (dynamo: Dynamo, entry: CachedAnswer, body: Uint8Array, nonce: string): Promise<Written> =>
  dynamo.update({
    TableName: dynamo.names.responses,
    Key: keyOf(entry.tenant, entry.key),
    UpdateExpression: 'SET version = :version, body = :body, bytes = :bytes, expiresAt = :until, expires = :expires',
    ConditionExpression: 'nonce = :nonce',
    ExpressionAttributeValues: {
      ...toItem({
        ':version': ENTRY_VERSION,
        ':bytes': body.length,
        ':until': entry.expiresAt,
        ':nonce': nonce,
      }),
      ':body': { B: body },
      ':expires': expiresAt(entry.expiresAt),
    },
  });

/**
 * Takes everything out of an item and leaves it to expire, with the time of its request: a write of before the purge that
 * arrives only now finds it and fails. Deleted, it would let that write through.
 */
export const bury = (
  dynamo: Dynamo,
  pk: Item,
  condition: { expression: string; names?: Record<string, string>; values: Item },
): Promise<Written> => {
  const until = storeTime(dynamo) + TOMBSTONE_LIFE_MS;
  return dynamo.update({
    TableName: dynamo.names.responses,
    Key: pk,
    UpdateExpression:
      'SET expiresAt = :buriedUntil, expires = :expires REMOVE nonce, team, #user, #alias, version, body, bytes',
    ConditionExpression: condition.expression,
    ExpressionAttributeNames: { ...condition.names, '#user': 'user', '#alias': 'alias' },
    ExpressionAttributeValues: {
      ...condition.values,
      ...toItem({ ':buriedUntil': until }),
      ':expires': expiresAt(until),
    },
  });
};
