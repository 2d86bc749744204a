/** Which stores `tollgate cache` asks where a gateway is deployed. That they answer like this is test/real's to prove. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { SEARCH_OUTPUTS } from '../../../lambdas/contract/stack-outputs.ts';
import { runCli } from '../../support/run-cli.ts';
import { gatewayOutputs, jsonAnswer, type ScriptedAws, startScriptedAws } from '../../support/scripted-aws.ts';

let aws: ScriptedAws;
let search: Server;
let endpoint: string;
/** What has been asked of the index: method and path, with what it was signed by. */
let searched: { what: string; authorization: string; body: string }[];
/** By path, what it answers; `{}` to all else. */
let answers: Record<string, { status?: number; body: object }>;

beforeAll(async () => {
  aws = await startScriptedAws();
  search = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const path = (request.url ?? '').split('?')[0] ?? '';
    searched.push({ what: `${request.method} ${path}`, authorization: request.headers.authorization ?? '', body });
    const answer = answers[path] ?? { body: {} };
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  });
  search.listen(0, '127.0.0.1');
  await once(search, 'listening');
  endpoint = `http://127.0.0.1:${(search.address() as AddressInfo).port}`;
});
afterAll(() => {
  aws.stop();
  search.closeAllConnections();
  search.close();
});

const withIndex = (outputs: Record<string, string> = {}): Record<string, string> => ({
  ...gatewayOutputs('Gateway'),
  [`Gateway${SEARCH_OUTPUTS.endpoint}`]: endpoint,
  [`Gateway${SEARCH_OUTPUTS.region}`]: 'eu-central-1',
  [`Gateway${SEARCH_OUTPUTS.prefix}`]: 'gw',
  ...outputs,
});

beforeEach(() => {
  searched = [];
  answers = {
    '/gw-questions/_delete_by_query': { body: { deleted: 3, total: 3, version_conflicts: 0, failures: [] } },
    '/gw-questions/_stats/docs': { body: { _all: { total: { docs: { deleted: 0 } } } } },
  };
  aws.stacks = { 'Tollgate-dev': withIndex() };
  aws.answers = {
    GetItem: jsonAnswer(200, {}),
    UpdateItem: jsonAnswer(200, {}),
    Query: jsonAnswer(200, { Items: [], Count: 0 }),
    BatchGetItem: jsonAnswer(200, { Responses: {} }),
    Scan: jsonAnswer(200, { Items: [], Count: 0, ScannedCount: 0 }),
  };
  aws.asked = [];
});

const cache = (...words: string[]) => runCli(['cache', ...words, '--json'], { env: aws.env });

test('a purge takes out answers, then questions, signed for the index’s own region, and then what is left of them', async () => {
  const { status, stdout, stderr } = await cache('purge', '--user', 'ada', '--alias', 'assistant');
  expect([status, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toMatchObject({ answers: 0, questions: 3, wiped: true });
  expect(aws.asked.map(({ action }) => action)).toEqual(expect.arrayContaining(['UpdateItem', 'Scan']));
  expect(aws.asked.filter(({ action }) => action === 'Scan').map(({ body }) => body['TableName'])).toEqual([
    'Gateway-ResponsesTable',
  ]);
  expect([...new Set(searched.map(({ what }) => what))]).toEqual([
    'POST /gw-purges/_doc',
    'POST /gw-questions/_refresh',
    'POST /gw-questions/_delete_by_query',
    'POST /gw-questions/_flush',
    'POST /gw-questions/_forcemerge',
    'GET /gw-questions/_stats/docs',
  ]);
  expect(JSON.parse(searched[0]?.body ?? '')).toMatchObject({ user: 'ada', alias: 'assistant' });
  for (const { authorization } of searched)
    expect(authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=test\/\d{8}\/eu-central-1\/es\/aws4_request/);
});

test('where answers can not be taken out no question is', async () => {
  aws.answers['UpdateItem'] = jsonAnswer(400, { __type: 'ValidationException', message: 'no' });
  expect((await cache('purge', '--all')).status).toBe(1);
  expect(searched).toEqual([]);
}, 30_000);

test('an index that does not answer is told, with what has gone', async () => {
  answers['/gw-purges/_doc'] = { status: 503, body: {} };
  const { status, stderr } = await cache('purge', '--all');
  expect(status).toBe(1);
  expect(JSON.parse(stderr).error.message).toMatch(/OpenSearch answered 503\. 0 answers went.*Purge again/);
});

test('a gateway without an index has only answers: purge and stats say so', async () => {
  aws.stacks = { 'Tollgate-dev': gatewayOutputs('Gateway') };
  expect(JSON.parse((await cache('purge', '--all')).stdout)).toMatchObject({ questions: null, wiped: true });
  expect(JSON.parse((await cache('stats')).stdout)).toMatchObject({ answers: [], questions: null });
  expect(searched).toEqual([]);
});

test('stats count the index’s questions', async () => {
  answers['/gw-questions/_search'] = {
    body: {
      aggregations: {
        groups: {
          buckets: [
            { key: { team: 'search', alias: 'assistant', embedder: 'e/1' }, doc_count: 7, oldest: { value: 1_000 } },
          ],
        },
      },
    },
  };
  expect(JSON.parse((await cache('stats')).stdout).questions).toEqual([
    { team: 'search', alias: 'assistant', embedder: 'e/1', entries: 7, oldest_at: '1970-01-01T00:00:01.000Z' },
  ]);
});

test('half an index in the outputs is no index to pass over in silence', async () => {
  const { [`Gateway${SEARCH_OUTPUTS.prefix}`]: _, ...half } = withIndex();
  aws.stacks = { 'Tollgate-dev': half };
  const { status, stderr } = await cache('purge', '--user', 'ada');
  expect([status, stderr]).toEqual([1, expect.stringContaining('SearchPrefix missing')]);
  expect(aws.asked.some(({ action }) => action === 'UpdateItem')).toBe(false);
});
