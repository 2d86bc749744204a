import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { type OpenSearchOptions, openOpenSearch } from '../../../lambdas/adapters/opensearch/open-search.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { signatureOf } from '../../support/aws-signature.ts';

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

test('a connection that was closed while nobody asked is made anew, and the request is asked again', async () => {
  const asked: string[] = [];
  const used = new WeakSet<object>();
  await withServer(
    (incoming, _, outgoing) => {
      asked.push(`${incoming.url} ${used.has(incoming.socket) ? 'again' : 'first'}`);
      // As it is seen by a process that was frozen when the server closed it.
      if (used.has(incoming.socket)) incoming.socket.resetAndDestroy();
      else outgoing.end('{}');
      used.add(incoming.socket);
    },
    async (openSearch) => {
      for (const path of ['/a', '/b'])
        expect(await openSearch.call({ method: 'GET', path, timeoutMs: 5_000 })).toEqual({ status: 200, body: {} });
    },
  );
  expect(asked).toEqual(['/a first', '/b again', '/b first']);
});

test('a new connection that is closed is not asked again', async () => {
  let asked = 0;
  await withServer(
    (incoming) => {
      asked += 1;
      incoming.socket.resetAndDestroy();
    },
    async (openSearch) =>
      expect(openSearch.call({ method: 'GET', path: '/', timeoutMs: 5_000 })).rejects.toBeInstanceOf(StoreUnavailable),
  );
  expect(asked).toBe(1);
});

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
