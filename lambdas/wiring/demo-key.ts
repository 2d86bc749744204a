import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccessStore } from '../core/authenticate/access-store.ts';
import { makeApiKey, parseApiKey, secretMatches } from '../core/authenticate/api-key.ts';
import type { Clock, Random } from '../core/ports.ts';

/**
 * The key that `npm start` prints. It is the only key ever written down whole, in a file beside the local store that only
 * its owner may read, so that the next start prints the same one. A revoked or foreign one is replaced.
 */
export const readDemoKey = async (
  dataDir: string,
  access: AccessStore,
  { clock, random }: { clock: Clock; random: Random },
): Promise<string> => {
  const file = dataDir === ':memory:' ? undefined : join(dataDir, 'demo-key');
  const kept = file === undefined ? undefined : readIfThere(file);
  if (kept !== undefined && (await isValid(kept, access))) return kept;
  const { key, id, hash } = makeApiKey(random);
  await access.createKey({
    id,
    name: 'demo',
    hash,
    team: 'demo',
    user: 'demo',
    tags: {},
    aliases: null,
    rights: ['act-for-users', 'read-usage'],
    createdAt: clock.now(),
    expiresAt: null,
    revokedAt: null,
  });
  if (file !== undefined) {
    // A file of its own first: one that is there already would keep its mode, and a crash could leave half a key.
    writeFileSync(`${file}.new`, `${key}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  return key;
};

const isValid = async (key: string, access: AccessStore): Promise<boolean> => {
  const parsed = parseApiKey(key);
  const record = parsed && (await access.findKey(parsed.id));
  return (
    record !== undefined &&
    parsed !== undefined &&
    record.revokedAt === null &&
    secretMatches(parsed.secret, record.hash)
  );
};

const readIfThere = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};
