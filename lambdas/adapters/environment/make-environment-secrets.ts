import type { Log, SecretStore } from '../../core/ports.ts';

/**
 * Secrets from the environment: `env:NAME`, as it is set now (nothing is cached). White space around a value is dropped:
 * it comes from files and would break the header. An empty value is none. `secret:NAME` needs the deployed stack.
 */
export const makeEnvironmentSecrets = (
  env: Readonly<Record<string, string | undefined>>,
  log: Pick<Log, 'warn'>,
): SecretStore => {
  const told = new Set<string>();
  const tellOnce = (reference: string, why: string): undefined => {
    if (told.has(reference)) return;
    told.add(reference);
    log.warn(why, { secret_reference: reference });
  };
  return {
    read: async (reference) => {
      const [, kind, name = ''] = /^(env|secret):(.+)$/s.exec(reference) ?? [];
      switch (kind) {
        case 'env': {
          const value = Object.hasOwn(env, name) ? env[name]?.trim() : undefined;
          return value ? value : tellOnce(reference, `The environment variable ${name} is not set`);
        }
        case 'secret':
          return tellOnce(
            reference,
            `The secret ${name} is in Secrets Manager, which only a deployed stack reads. Use env:NAME here`,
          );
        default:
          // Perhaps a key that was put where its name belongs: it must not get into the log.
          return tellOnce('', 'A secret reference is neither env:NAME nor secret:NAME');
      }
    },
  };
};
