import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { Agent, fetch as fetchBy, type RequestInit } from 'undici';
import { openDynamoStores } from '../../../lambdas/adapters/dynamodb/open-dynamo-stores.ts';
import { systemClock } from '../../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import type { TableNames } from '../../../lambdas/contract/tables.ts';
import type { AccountFigures } from '../../../lambdas/core/ledger.ts';
import type { Log } from '../../../lambdas/core/ports.ts';
import type { Emulator } from './emulator.ts';
import { askTollgate } from './run-tollgate.ts';

/** A stack's outputs, as `cdk deploy --outputs-file` writes them. */
export type Outputs = Record<string, string>;

export interface DeployedGateway {
  tables: TableNames;
  /** Makes a key of the team `search` with the command line. */
  makeKey(wanted?: { user?: string }): Promise<{ key: string; id: string }>;
  /** What a command of the command line says with `--json`. @throws {Error} with its words, when it fails */
  tollgate(words: readonly string[], input?: string): Promise<unknown>;
  /** The official SDKs with a key, which try once. */
  openai(key: string): OpenAI;
  anthropic(key: string): Anthropic;
  get(path: string, key: string): Promise<{ status: number; body: unknown }>;
  /** The month's account of a key, read from the table; undefined before the first hold. */
  account(keyId: string): Promise<AccountFigures | undefined>;
  /** The same once all that was held has been settled and projected. @throws {Error} when that does not come */
  settledAccount(keyId: string, requests: number): Promise<AccountFigures>;
  stores: ReturnType<typeof openDynamoStores>;
  close(): Promise<void>;
}

const PROJECTED_WITHIN_MS = 20_000;

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export const tablesOf = (outputs: Outputs): TableNames => {
  const name = (table: string): string => {
    const found = outputs[`Gateway${table}Table`];
    if (found === undefined) throw new Error(`no output names the table ${table}: ${JSON.stringify(outputs)}`);
    return found;
  };
  return {
    access: name('Access'),
    limits: name('Limits'),
    targets: name('Targets'),
    ledger: name('Ledger'),
    accounts: name('Accounts'),
    responses: name('Responses'),
  };
};

/** The gateway of a stack: called from outside through its REST URL, its tables read from inside. */
export const openDeployed = (emulator: Emulator, stack: string, outputs: Outputs): DeployedGateway => {
  // API Gateway tells its APIs apart by the host. The emulator's is no name that every resolver knows.
  const dispatcher = new Agent({
    connect: { lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]) },
  });
  const send = (url: string | URL, init?: RequestInit) => fetchBy(url, { ...init, dispatcher });
  const url = new URL(outputs['GatewayBaseUrl'] ?? '');
  const baseUrl = `http://${url.hostname.split('.')[0]}.execute-api.localhost:${emulator.port}${url.pathname}`;
  const tables = tablesOf(outputs);
  const stores = openDynamoStores({
    client: emulator.client,
    tables,
    clock: systemClock,
    random: systemRandom,
    log: silent,
  });
  const account: DeployedGateway['account'] = async (keyId) => {
    const period = new Date().toISOString().slice(0, 7);
    const [figures] = await stores.ledger.figures([`key#${keyId}#${period}`]);
    return figures;
  };
  const tollgate: DeployedGateway['tollgate'] = (words, input = '') =>
    askTollgate([...words, '--stack', stack], { env: emulator.env, input });
  const options = { maxRetries: 0, fetch: send as unknown as typeof fetch };

  return {
    tables,
    stores,
    account,
    makeKey: async ({ user = 'ada' } = {}) => {
      const words = ['keys', 'create', 'test', '--team', 'search', '--user', user, '--rights', 'read-usage'];
      return (await tollgate(words)) as { key: string; id: string };
    },
    tollgate,
    openai: (apiKey) => new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey, ...options }),
    anthropic: (apiKey) => new Anthropic({ baseURL: baseUrl, apiKey, ...options }),
    get: async (path, key) => {
      const response = await send(baseUrl + path, { headers: { authorization: `Bearer ${key}` } });
      return { status: response.status, body: await response.json() };
    },
    settledAccount: async (keyId, requests) => {
      const until = Date.now() + PROJECTED_WITHIN_MS;
      for (;;) {
        const figures = await account(keyId);
        if (figures !== undefined && figures.held === 0n && figures.requests === requests) return figures;
        if (Date.now() > until)
          throw new Error(`not projected: ${figures && `held ${figures.held}, ${figures.requests} requests`}`);
        await new Promise((wake) => setTimeout(wake, 100));
      }
    },
    async close() {
      stores.close();
      await dispatcher.close();
    },
  };
};
