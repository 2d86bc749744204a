import { makeLog } from '../../lambdas/adapters/system/log.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import type { KeyRecord } from '../../lambdas/core/authenticate/access-store.ts';
import { makeApiKey } from '../../lambdas/core/authenticate/api-key.ts';
import { type RunningServer, startServer } from '../../lambdas/gateway/start-server.ts';
import { type LocalGateway, openLocalGateway } from '../../lambdas/wiring/open-local-gateway.ts';

export interface TestGateway {
  url: string;
  /** The demo key: team `demo`, user `demo`, all aliases, all rights. */
  key: string;
  gateway: LocalGateway;
  server: RunningServer;
  /** What was logged, a parsed record a line. */
  logged: Record<string, unknown>[];
  makeKey(record?: Partial<KeyRecord>): Promise<string>;
  stop(): Promise<void>;
}

/** The real gateway on a free port: Node server, embedded store, every stage as `npm start` wires it. */
export const startGateway = async (
  config: GatewayConfig,
  { dataDir = ':memory:', env = {} }: { dataDir?: string; env?: Record<string, string> } = {},
): Promise<TestGateway> => {
  const logged: Record<string, unknown>[] = [];
  const stream = { on: () => {}, destroyed: false, write: (line: string) => logged.push(JSON.parse(line)) };
  const log = makeLog({ level: 'debug', stream: stream as unknown as NodeJS.WriteStream });
  const opened = await openLocalGateway({ config, dataDir, env, log });
  if (!opened.ok) throw new Error(opened.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  const { gateway } = opened;
  const server = await startServer(gateway, { host: '127.0.0.1', port: 0 });
  return {
    url: server.url,
    key: gateway.demoKey,
    gateway,
    server,
    logged,
    makeKey: async (record) => {
      const { key, id, hash } = makeApiKey(gateway.ports.random);
      await gateway.ports.access.createKey({
        id,
        name: 'test',
        hash,
        team: 'search',
        user: 'ada',
        tags: {},
        aliases: null,
        rights: [],
        createdAt: 0,
        expiresAt: null,
        revokedAt: null,
        ...record,
      });
      return key;
    },
    stop: () => server.stop(100),
  };
};
