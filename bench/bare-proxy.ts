/**
 * The floor: a reverse proxy made of the libraries that Tollgate's server is made of (Hono's Node adapter in front, undici
 * behind) and of nothing else. No keys, no limits, no ledger, no look at the body. Prints `{"url"}` when ready.
 *
 *     node bench/bare-proxy.ts --upstream http://127.0.0.1:PORT
 */
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { Agent, request as send } from 'undici';

const { values } = parseArgs({ options: { upstream: { type: 'string' } } });
const upstream = values.upstream;
if (upstream === undefined) throw new Error('bare-proxy: --upstream URL is missing');

const dispatcher = new Agent({ connections: 256, pipelining: 1, keepAliveTimeout: 60_000 });
const app = new Hono();

app.post('*', async (context) => {
  const reply = await send(`${upstream}${context.req.path}`, {
    method: 'POST',
    dispatcher,
    headers: { 'content-type': 'application/json', authorization: 'Bearer upstream-key' },
    body: await context.req.text(),
    signal: context.req.raw.signal,
  });
  const type = reply.headers['content-type'];
  const headers = { 'content-type': typeof type === 'string' ? type : 'application/octet-stream' };
  if (headers['content-type'].startsWith('text/event-stream')) {
    return new Response(Readable.toWeb(reply.body) as ReadableStream<Uint8Array>, {
      status: reply.statusCode,
      headers,
    });
  }
  return new Response(await reply.body.text(), { status: reply.statusCode, headers });
});

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }));
});
process.on('SIGTERM', () => {
  server.close();
  process.exit(0);
});
