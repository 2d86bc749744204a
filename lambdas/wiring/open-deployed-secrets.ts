import type { GatewayConfig } from '../contract/config.ts';
import type { Clock, Log, SecretStore } from '../core/ports.ts';

/**
 * The provider keys that a deployed configuration names. Where it names none, as on Bedrock with the function's own role,
 * nothing reads any, and Secrets Manager's client is not loaded.
 */
export const openDeployedSecrets = async (
  { providers }: Pick<GatewayConfig, 'providers'>,
  { clock, log }: { clock: Clock; log: Log },
): Promise<SecretStore> => {
  if (!Object.values(providers).some((provider) => 'apiKey' in provider)) return { read: async () => undefined };
  const { makeSecretsManagerStore } = await import('../adapters/secrets-manager/make-secrets-manager-store.ts');
  return makeSecretsManagerStore({ clock, log });
};
