import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openDynamoStores } from '../../lambdas/adapters/dynamodb/open-dynamo-stores.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { TABLES, type TableName } from '../../lambdas/contract/tables.ts';
import { issueKey } from '../../lambdas/core/authenticate/manage-keys.ts';
import prod from '../../stages/prod.config.ts';
import { type Bundle, bundleFunctions } from '../../test/real/support/bundle-gateway.ts';
import { CLIENT, type DynamoWorld, makeDynamoWorld } from '../../test/real/support/dynamo-world.ts';
import { startDynamoDb } from '../../test/real/support/dynamodb-local.ts';
import { type RunningLambda, runLambda } from '../../test/real/support/run-lambda.ts';
import { describedResources, type Resources, withoutHash } from './template.ts';

/**
 * What docs/cost.md counts and measures: the bundles that `cdk deploy` ships, under AWS's runtime client, on DynamoDB
 * Local, with the budgets and limits of the production stage and a provider that answers at once.
 */
export interface ReferenceDeployment {
  world: DynamoWorld;
  bundles: Record<string, Bundle>;
  /** What the gateway asked of Secrets Manager. */
  secretReads(): number;
  /** Bytes of bodies that the provider got. */
  providerBytes(): number;
  /** Starts an environment of a function. @param memoryMb what Lambda would tell Node of its memory; absent = nothing */
  start(functionId: string, memoryMb?: number): Promise<RunningLambda>;
  /** The reference request as API Gateway sends it. */
  event(): object;
  /** The largest body that the front door lets through, with an image in it, in Anthropic's format. */
  largestEvent(): object;
  /** Sets the tables' clock forward. */
  pass(ms: number): void;
  stop(): Promise<void>;
}

/** Of the reference request. */
export const PROMPT_CHARACTERS = 4_000;
export const ANSWER_TOKENS = 300;
/** Base64 of an image that with its request comes near the 6 MB of a Lambda event. */
const IMAGE_CHARACTERS = 5_800_000;

const listen = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** The production stage with one provider, ours. */
const configOf = (vendorUrl: string): GatewayConfig => ({
  ...prod,
  providers: { vendor: { kind: 'openai-compatible', baseUrl: `${vendorUrl}/v1`, apiKey: 'secret:tollgate/vendor' } },
  models: {
    assistant: {
      targets: [
        {
          provider: 'vendor',
          model: 'reference-model-2026-11-01',
          price: { inputPerMTok: '0.1', outputPerMTok: '0.4' },
          contextTokens: 1_000_000,
          maxOutputTokens: 8_192,
          maxImageTokens: 2_000,
          capabilities: ['tools', 'vision', 'streaming'],
        },
      ],
    },
  },
});

const chunk = (delta: object, more: object = {}): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-reference',
    object: 'chat.completion.chunk',
    created: 1_795_000_000,
    model: 'reference-model-2026-11-01',
    choices: [{ index: 0, delta, finish_reason: null }],
    ...more,
  })}\n\n`;

const USAGE = { prompt_tokens: 1_000, completion_tokens: ANSWER_TOKENS, total_tokens: 1_000 + ANSWER_TOKENS };
const STREAM = [
  chunk({ role: 'assistant', content: '' }),
  ...Array.from({ length: ANSWER_TOKENS }, (_, i) => chunk({ content: ` word${i % 10}` })),
  chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
  chunk({}, { choices: [], usage: USAGE }),
  'data: [DONE]\n\n',
];

/** What Lambda's runtime for Node tells V8 of a function's memory: nine tenths for what lives, a twentieth for what is new. */
const heapFlags = (memoryMb: number): string[] => [
  `--max-old-space-size=${Math.floor(memoryMb * 0.9)}`,
  `--max-semi-space-size=${Math.max(1, Math.floor(memoryMb * 0.05))}`,
];

export const openReferenceDeployment = async (): Promise<ReferenceDeployment> => {
  let providerBytes = 0;
  let secretReads = 0;
  let offsetMs = 0;
  const vendor = createServer((request, response) => {
    request.on('data', (bytes: Buffer) => {
      providerBytes += bytes.length;
    });
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of STREAM) response.write(piece);
      response.end();
    });
  });
  const secrets = createServer((request, response) => {
    secretReads += 1;
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      response.end(JSON.stringify({ Name: 'tollgate/vendor', SecretString: 'the-provider-key' }));
    });
  });
  const [vendorUrl, secretsUrl] = await Promise.all([listen(vendor), listen(secrets)]);
  const dynamo = await startDynamoDb();
  const world = await makeDynamoWorld(dynamo, { ...systemClock, now: () => Date.now() + offsetMs });
  const bundles = bundleFunctions(configOf(vendorUrl));
  const outdir = mkdtempSync(join(tmpdir(), 'tollgate-reference-'));
  const resources = describedResources(outdir);
  rmSync(outdir, { recursive: true, force: true });
  const key = await makeKey(world, dynamo.endpoint);
  world.proxy.forget();

  const eventOf = (path: string, headers: Record<string, string>, body: object): object => ({
    httpMethod: 'POST',
    path,
    headers: null,
    multiValueHeaders: Object.fromEntries(
      Object.entries({ 'content-type': 'application/json', ...headers }).map(([name, value]) => [name, [value]]),
    ),
    multiValueQueryStringParameters: null,
    body: JSON.stringify(body),
    isBase64Encoded: false,
  });
  const started: RunningLambda[] = [];
  const shims = mkdtempSync(join(tmpdir(), 'tollgate-shim-'));

  return {
    world,
    bundles,
    secretReads: () => secretReads,
    providerBytes: () => providerBytes,
    start: async (functionId, memoryMb) => {
      const bundle = bundles[functionId];
      if (bundle === undefined) throw new Error(`no function ${functionId}: ${Object.keys(bundles).join(', ')}`);
      const lambda = await runLambda(
        streams(bundle.folder) ? bundle.folder : shimOf(bundle.folder, mkdtempSync(join(shims, 'shim-'))),
        {
          ...variablesOf(resources, functionId),
          AWS_REGION: CLIENT.region,
          // Nothing else of AWS is there, and nothing else is asked while no budget comes near its cap.
          AWS_ENDPOINT_URL: NOWHERE,
          AWS_ENDPOINT_URL_DYNAMODB: world.proxy.endpoint,
          AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsUrl,
          ...Object.fromEntries(
            (Object.keys(TABLES) as TableName[]).map((name) => [TABLES[name].nameVariable, world.tables[name]]),
          ),
        },
        memoryMb === undefined ? [] : heapFlags(memoryMb),
      );
      started.push(lambda);
      return lambda;
    },
    event: () =>
      eventOf(
        '/v1/chat/completions',
        { authorization: `Bearer ${key}` },
        {
          model: 'assistant',
          stream: true,
          max_tokens: 1_000,
          messages: [{ role: 'user', content: 'word '.repeat(PROMPT_CHARACTERS / 5) }],
        },
      ),
    largestEvent: () =>
      eventOf(
        '/v1/messages',
        { 'x-api-key': key, 'anthropic-version': '2023-06-01' },
        {
          model: 'assistant',
          stream: true,
          max_tokens: 1_000,
          messages: [
            {
              role: 'user',
              content: [
                {
                  type: 'image',
                  source: {
                    type: 'base64',
                    media_type: 'image/png',
                    data: 'iVBORw0KGgoA'.padEnd(IMAGE_CHARACTERS, 'A'),
                  },
                },
                { type: 'text', text: 'What is this?' },
              ],
            },
          ],
        },
      ),
    pass: (ms) => {
      offsetMs += ms;
    },
    stop: async () => {
      for (const lambda of started) await lambda.stop();
      for (const server of [vendor, secrets]) {
        server.closeAllConnections();
        server.close();
      }
      await world.end();
      await dynamo.stop();
      rmSync(shims, { recursive: true, force: true });
    },
  };
};

/** A port on which nobody listens. */
const NOWHERE = 'http://127.0.0.1:9';

/** What the template tells a function; what refers to a resource is an ARN of nothing. */
const variablesOf = (resources: Resources, functionId: string): Record<string, string> => {
  const found = Object.entries(resources).find(([id]) => withoutHash(id) === functionId);
  const { Variables = {} } = (found?.[1].Properties['Environment'] ?? {}) as { Variables?: Record<string, unknown> };
  return Object.fromEntries(
    Object.entries(Variables).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : `arn:aws:reference:us-east-1:000000000000:${name}`,
    ]),
  );
};

const streams = (folder: string): boolean =>
  readdirSync(folder).some((file) => readFileSync(join(folder, file), 'utf8').includes('streamifyResponse'));

/** The runtime client's way without its native part only streams: a function that doesn't gets a stream of one piece. */
export const shimOf = (folder: string, shim: string): string => {
  writeFileSync(
    join(shim, 'index.mjs'),
    `import { handler as whole } from ${JSON.stringify(pathToFileURL(join(folder, 'index.mjs')).href)};
export const handler = globalThis.awslambda.streamifyResponse(async (event, out, context) => {
  out.end(JSON.stringify(await whole(event, context)));
});
`,
  );
  return shim;
};

/** Of the team and the user that the production stage has budgets for. */
const makeKey = async (world: DynamoWorld, endpoint: string): Promise<string> => {
  const stores = openDynamoStores({
    client: { ...CLIENT, endpoint },
    tables: world.tables,
    clock: systemClock,
    random: systemRandom,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
  const wanted = {
    name: 'reference',
    team: 'search',
    user: 'ada',
    tags: {},
    aliases: null,
    expiresAt: null,
    rights: [],
  };
  const { key } = await issueKey(wanted, { access: stores.access, clock: systemClock, random: systemRandom });
  stores.close();
  return key;
};

/** Sends an event to a function that streams and reads the answer. @throws {Error} when its status is not 200 */
export const ask = async (lambda: RunningLambda, event: object): Promise<{ bytes: number }> => {
  const { prelude, body, ended } = lambda.invoke(event);
  let text = '';
  for await (const piece of body) text += piece;
  const { statusCode } = await prelude;
  const error = await ended;
  if (statusCode !== 200 || error !== undefined) throw new Error(`${statusCode} ${error ?? ''}: ${text.slice(0, 500)}`);
  return { bytes: Buffer.byteLength(text) };
};
