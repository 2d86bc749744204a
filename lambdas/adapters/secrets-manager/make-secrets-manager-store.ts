import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import type { Clock, Log, SecretStore } from '../../core/ports.ts';

export interface SecretsManagerOptions {
  /** Of the SDK's client; the function's own region, role and endpoint unless given. */
  client?: { region?: string; endpoint?: string; credentials?: { accessKeyId: string; secretAccessKey: string } };
  clock: Clock;
  log: Pick<Log, 'warn' | 'error'>;
}

/** A rotated key is seen after this at the latest, without a vendor's word. */
const FRESH_MS = 15 * 60_000;
/** A refresh, or a look for a secret that was not there, asks no more often than this: a wrong key costs one read, not one a call. */
const REFRESH_MS = 10_000;
const PREFIX = 'secret:';

interface Kept {
  value: string | undefined;
  at: number;
}

/**
 * Provider keys from Secrets Manager: `secret:NAME`, its text whole. Kept in memory, read anew after a quarter of an hour or
 * when a vendor turns the key down; calls that need the same secret share a read. A read that fails leaves the last value
 * in use. White space around a value is dropped; an empty one is none. `env:NAME` is the local server's.
 */
export const makeSecretsManagerStore = ({ client: options = {}, clock, log }: SecretsManagerOptions): SecretStore => {
  const client = new SecretsManagerClient({ ...options, maxAttempts: 3 });
  const kept = new Map<string, Kept>();
  const reading = new Map<string, Promise<string | undefined>>();

  const fetchValue = async (name: string): Promise<string | undefined> => {
    try {
      const { SecretString: text } = await client.send(new GetSecretValueCommand({ SecretId: name }));
      const value = text?.trim();
      if (!value) log.warn('The secret is empty, or not text', { secret_reference: PREFIX + name });
      return value || undefined;
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
      log.warn('There is no such secret. "tollgate secrets put" makes it', { secret_reference: PREFIX + name });
      return undefined;
    }
  };

  const readAnew = (name: string): Promise<string | undefined> => {
    const before = kept.get(name);
    const keep = (value: string | undefined, at: number): string | undefined => {
      kept.set(name, { value, at });
      return value;
    };
    const work = fetchValue(name)
      .then((value) => keep(value, clock.now()))
      .catch((error: unknown) => {
        if (before?.value === undefined) throw error;
        log.error('secret not read; the last value stays in use', { secret_reference: PREFIX + name, error });
        return keep(before.value, clock.now() - FRESH_MS + REFRESH_MS);
      })
      .finally(() => reading.delete(name));
    reading.set(name, work);
    return work;
  };

  return {
    read: async (reference, { refresh = false } = {}) => {
      if (!reference.startsWith(PREFIX)) {
        // Perhaps a key that was put where its name belongs: it must not get into the log.
        log.warn('A deployed gateway reads secret:NAME and nothing else');
        return undefined;
      }
      const name = reference.slice(PREFIX.length);
      const found = kept.get(name);
      const ageMs = found === undefined ? Number.POSITIVE_INFINITY : clock.now() - found.at;
      const mayAge = refresh || found?.value === undefined ? REFRESH_MS : FRESH_MS;
      // A clock that was set back makes ages negative: read again.
      if (found !== undefined && ageMs >= 0 && ageMs < mayAge) return found.value;
      return reading.get(name) ?? readAnew(name);
    },
  };
};
