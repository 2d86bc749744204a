import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { type OpenSearchOptions, openOpenSearch } from '../../../lambdas/adapters/opensearch/open-search.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';

const withServer = async (
  answer: (incoming: IncomingMessage, body: string, outgoing: ServerResponse) => void,
  run: (openSearch: ReturnType<typeof openOpenSearch>) => Promise<void>,
  signing?: OpenSearchOptions['signing'],
): Promise<void> => {
  const server = createServer(async (incoming, outgoing) => {
    let body = '';
    for await (const chunk of incoming) body += chunk;
    answer(incoming, body, outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const openSearch = openOpenSearch({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...(signing && { signing }),
  });
  try {
    await run(openSearch);
  } finally {
    openSearch.close();
    server.closeAllConnections();
    server.close();
  }
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** The signature that AWS would reckon of a request as it came (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). */
const signatureOf = ({ method, url = '', headers }: IncomingMessage, body: string, secret: string): string => {
  const [path = '', query = ''] = url.split('?');
  const [, scope = '', signed = ''] =
    /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? [];
  const names = signed.split(';');
  const canonical = [
    method,
    path,
    query.split('&').sort().join('&'),
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    signed,
    sha256(body),
  ];
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical.join('\n'))].join('\n');
  return hmac(scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`), text).toString('hex');
};

test('requests are signed as AWS reckons it: host, session, query and body', async () => {
  const seen: string[] = [];
  await withServer(
    (incoming, body, outgoing) => {
      const { authorization = '' } = incoming.headers;
      seen.push(
        `${authorization.endsWith(`Signature=${signatureOf(incoming, body, 'a secret')}`)} ${incoming.headers['x-amz-security-token']}`,
      );
      expect(authorization).toMatch(
        /Credential=AKID\/\d{8}\/eu-central-1\/es\/aws4_request, SignedHeaders=[^,]*host;[^,]*x-amz-security-token/,
      );
      outgoing.end('{}');
    },
    async (openSearch) => {
      await openSearch.call({
        method: 'POST',
        path: '/index/_search',
        query: { refresh: 'true', conflicts: 'proceed' },
        body: { query: 'größe' },
        timeoutMs: 5_000,
      });
      await openSearch.call({
        method: 'POST',
        path: '/_msearch',
        body: [{ index: 'a' }, { size: 1 }],
        timeoutMs: 5_000,
      });
      await openSearch.call({ method: 'DELETE', path: '/index/_doc/aB3', timeoutMs: 5_000 });
    },
    {
      region: 'eu-central-1',
      credentials: async () => ({ accessKeyId: 'AKID', secretAccessKey: 'a secret', sessionToken: 'a session' }),
    },
  );
  expect(seen).toEqual(Array.from({ length: 3 }, () => 'true a session'));
});

test.each([401, 403, 429, 500, 503])(
  '%i is the server’s fault: unavailable, and its words stay there',
  async (status) => {
    await withServer(
      (_, __, outgoing) => outgoing.writeHead(status).end('{"error":"a question of somebody"}'),
      async (openSearch) => {
        const failed = await openSearch
          .call({ method: 'GET', path: '/', timeoutMs: 5_000 })
          .catch((error: unknown) => error);
        expect(failed).toBeInstanceOf(StoreUnavailable);
        expect(String(failed)).toBe(`StoreUnavailable: OpenSearch answered ${status}.`);
      },
    );
  },
);

test.each([
  ['what is no JSON', (_: unknown, __: unknown, outgoing: ServerResponse) => outgoing.end('<html>')],
  [
    'half an answer',
    (_: unknown, __: unknown, outgoing: ServerResponse) =>
      outgoing.writeHead(200, { 'content-length': '100' }).write('{', () => outgoing.destroy()),
  ],
  ['no answer in time', () => {}],
  ['an answer without an end', (_: unknown, __: unknown, outgoing: ServerResponse) => outgoing.write('{')],
  [
    'an answer of 17 MB',
    (_: unknown, __: unknown, outgoing: ServerResponse) => outgoing.end('"'.repeat(17 * 1024 * 1024)),
  ],
] as [string, (incoming: unknown, body: unknown, outgoing: ServerResponse) => void][])(
  '%s: unavailable',
  async (name, answer) => {
    await withServer(answer, async (openSearch) => {
      const timeoutMs = name.startsWith('no ') || name.endsWith('end') ? 50 : 5_000;
      await expect(openSearch.call({ method: 'GET', path: '/', timeoutMs })).rejects.toBeInstanceOf(StoreUnavailable);
    });
  },
);

test('a 404 or 400 is an answer', async () => {
  await withServer(
    (_, __, outgoing) => outgoing.writeHead(404).end('{"found":false}'),
    async (openSearch) => {
      expect(await openSearch.call({ method: 'GET', path: '/', timeoutMs: 5_000 })).toEqual({
        status: 404,
        body: { found: false },
      });
    },
  );
});
