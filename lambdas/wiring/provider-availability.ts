import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ProviderSettings } from '../core/target.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the AWS SDK's default chain finds credentials without asking a metadata service. */
const AWS_VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_PROFILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_BEARER_TOKEN_BEDROCK',
];

/** Whether a provider's key is set here. Aliases do without the others, and `npm start` says so. */
export const isProviderAvailable =
  (env: Environment) =>
  ({ kind, apiKey }: ProviderSettings): boolean => {
    if (apiKey !== undefined) return apiKey.startsWith('env:') && Boolean(env[apiKey.slice('env:'.length)]?.trim());
    return kind !== 'bedrock' || AWS_VARIABLES.some((name) => Boolean(env[name])) || existsSync(credentialsFile(env));
  };

const credentialsFile = (env: Environment): string =>
  env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(homedir(), '.aws', 'credentials');
