import {
  CreateSecretCommand,
  InvalidRequestException,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';

export type PutSecret =
  | { kind: 'created' | 'updated' }
  /** Deleted, and kept for some days: neither can it be written nor its name be used again. */
  | { kind: 'being-deleted' };

/**
 * Makes the secret, or gives the one that is there a new value. Whoever may do only one of the two can do that one. Sent
 * again, it does nothing twice: the SDK marks each request with a token of its own.
 *
 * @throws the SDK's error
 */
export const putSecret = async (
  { name, value, description }: { name: string; value: string; description: string },
  options: Pick<SecretsManagerClientConfig, 'region' | 'credentials'>,
): Promise<PutSecret> => {
  const client = new SecretsManagerClient({ ...options, maxAttempts: 3 });
  const update = async (): Promise<PutSecret> => {
    await client.send(new PutSecretValueCommand({ SecretId: name, SecretString: value }));
    return { kind: 'updated' };
  };
  try {
    // Made first: for a secret that is not there yet, only this request is judged by a policy that names it by its ARN.
    await client.send(new CreateSecretCommand({ Name: name, SecretString: value, Description: description }));
    return { kind: 'created' };
  } catch (error) {
    if (isBeingDeleted(error)) return { kind: 'being-deleted' };
    if (error instanceof ResourceExistsException) return await update().catch(orBeingDeleted);
    if (!isDenied(error)) throw error;
    // May write what is there, perhaps. If not, what was denied first is what is to be told.
    return await update().catch((second: unknown) => {
      if (isBeingDeleted(second)) return orBeingDeleted(second);
      throw isDenied(second) || isAbsent(second) ? error : second;
    });
  } finally {
    client.destroy();
  }
};

const orBeingDeleted = (error: unknown): PutSecret => {
  if (isBeingDeleted(error)) return { kind: 'being-deleted' };
  throw error;
};

const isBeingDeleted = (error: unknown): boolean =>
  error instanceof InvalidRequestException && /deletion/.test(error.message);

const isDenied = (error: unknown): boolean => error instanceof Error && error.name === 'AccessDeniedException';

const isAbsent = (error: unknown): boolean => error instanceof Error && error.name === 'ResourceNotFoundException';
