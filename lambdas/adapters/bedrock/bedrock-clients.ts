import type { BedrockRuntimeClient, BedrockRuntimeClientConfig } from '@aws-sdk/client-bedrock-runtime';
import type { UpstreamCall } from '../../core/provider.ts';

export type BedrockCall = Extract<UpstreamCall, { transport: 'bedrock' }>;

export type AwsCredentials = NonNullable<BedrockRuntimeClientConfig['credentials']>;

export interface ClientOptions {
  /** The process's own (environment, profile, role) unless given. */
  credentials?: AwsCredentials;
  /** Time for DNS, TCP and TLS together. */
  connectTimeoutMs: number;
  /** Most connections to one endpoint; a call beyond them waits for one. */
  connections: number;
}

/** Rotated API keys leave their clients behind; a client without its connections is small. */
const MOST_CLIENTS = 64;

/** What differs between calls to Bedrock: who asks, where. */
type Where = Pick<BedrockCall, 'region' | 'endpoint' | 'apiKey'>;

/**
 * One SDK client a region, endpoint and credential, made when first asked for: the SDK is loaded then, so that a gateway
 * without Bedrock never pays for it. They share their connections, which are HTTP/1.1: what AWS's own Python SDK speaks
 * to Bedrock, and the only thing that a plain `http://` endpoint does.
 */
export const makeBedrockClients = (options: ClientOptions) => {
  const clients = new Map<string, BedrockRuntimeClient>();
  let loading: ReturnType<typeof load> | undefined;

  const load = async () => {
    const [sdk, { NodeHttpHandler }] = await Promise.all([
      import('./bedrock-sdk.ts'),
      import('@smithy/node-http-handler'),
    ]);
    const agent = { keepAlive: true, maxSockets: options.connections };
    const requestHandler = new NodeHttpHandler({
      connectionTimeout: options.connectTimeoutMs,
      // The caller times the first token, the gaps and the whole.
      requestTimeout: 0,
      socketTimeout: 0,
      httpAgent: agent,
      httpsAgent: agent,
    });
    return { sdk, requestHandler };
  };

  const authentication = (apiKey: string | undefined): BedrockRuntimeClientConfig => {
    if (apiKey !== undefined) return { token: { token: apiKey }, authSchemePreference: ['httpBearerAuth'] };
    if (options.credentials === undefined) return {};
    return { credentials: options.credentials, authSchemePreference: ['sigv4'] };
  };

  const makeClient = (
    { sdk, requestHandler }: Awaited<ReturnType<typeof load>>,
    { region, endpoint, apiKey }: Where,
  ): BedrockRuntimeClient =>
    new sdk.BedrockRuntimeClient({
      region,
      // Tollgate retries itself, with one budget for all targets; the SDK's adaptive mode would make calls wait.
      maxAttempts: 1,
      retryMode: 'standard',
      requestHandler,
      ...(endpoint !== undefined && { endpoint }),
      ...authentication(apiKey),
    });

  const loaded = () => {
    loading ??= load().catch((error: unknown) => {
      // A failed import may succeed next time.
      loading = undefined;
      throw error;
    });
    return loading;
  };

  return {
    async clientFor(where: Where) {
      const { sdk, requestHandler } = await loaded();
      const key = JSON.stringify([where.region, where.endpoint ?? null, where.apiKey ?? null]);
      const client = clients.get(key) ?? makeClient({ sdk, requestHandler }, where);
      // The most recently used is last; the first is the one to go.
      clients.delete(key);
      clients.set(key, client);
      const [oldest] = clients.keys();
      if (clients.size > MOST_CLIENTS && oldest !== undefined) clients.delete(oldest);
      return { sdk, client };
    },
    /** Breaks every connection. */
    async close(): Promise<void> {
      clients.clear();
      if (loading !== undefined) (await loading).requestHandler.destroy();
    },
  };
};
