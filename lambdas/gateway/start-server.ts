import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { LocalGateway } from '../wiring/open-local-gateway.ts';
import { makeApp } from './app.ts';

export interface RunningServer {
  /** `http://127.0.0.1:8787`; SDKs take it with `/v1`. */
  url: string;
  /**
   * Ends in order: takes no new connection, begins no audit of the cache, lets requests and an audit under way finish for at
   * most `drainMs`, cuts off the rest (requests are settled as `client-gone`), enters what is queued, closes the store.
   * Idempotent.
   */
  stop(drainMs: number): Promise<void>;
}

/** How long the settlements of requests that were cut off may take. */
const SETTLE_MS = 5_000;
const LOOK_EVERY_MS = 25;

/** The gateway as a plain Node HTTP server. @throws when the port is taken. */
export const startServer = async (
  gateway: LocalGateway,
  { host, port }: { host: string; port: number },
): Promise<RunningServer> => {
  const app = makeApp(gateway.ports);
  const answer = async (request: Request) => closingIfUnread(request, await app.fetch(request));
  const server = createAdaptorServer({ fetch: answer }) as Server;
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  let stopped: Promise<void> | undefined;
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    stop: (drainMs) => {
      stopped ??= stopInOrder(server, gateway, drainMs);
      return stopped;
    },
  };
};

/** Bytes of an unread body that are cheaper to take in than a new connection. */
const CHEAP_BODY_BYTES = 64 * 1024;

/**
 * A request refused before its body was read (too large, no key) leaves the rest of the body on the connection. Saying so
 * keeps the client from sending its next request into a connection that is about to be cut.
 */
const closingIfUnread = (request: Request, response: Response): Response => {
  if (response.status < 400 || (response.status !== 413 && request.bodyUsed)) return response;
  const length = request.headers.get('content-length');
  const isCheap = request.method === 'GET' || (length !== null && Number(length) <= CHEAP_BODY_BYTES);
  if (!isCheap) response.headers.set('connection', 'close');
  return response;
};

const stopInOrder = async (server: Server, gateway: LocalGateway, drainMs: number): Promise<void> => {
  const { clock } = gateway.ports;
  let isClosed = false;
  server.close(() => {
    isClosed = true;
  });
  gateway.beginNothing();
  // A call that is cut short is charged all that it may cost: an audit is given the time that requests are.
  const drained = new AbortController();
  let isAuditing = true;
  const audits = (gateway.ports.cache?.settled(drained.signal) ?? Promise.resolve()).finally(() => {
    isAuditing = false;
  });
  // A connection whose answer has just ended is kept alive by its client: it counts as idle only from then on.
  for (const until = clock.now() + drainMs; (!isClosed || isAuditing) && clock.now() < until; ) {
    server.closeIdleConnections();
    await clock.sleep(Math.min(LOOK_EVERY_MS, drainMs));
  }
  server.closeAllConnections();
  drained.abort();
  const enough = new AbortController();
  await Promise.race([Promise.all([audits, gateway.whenIdle()]), clock.sleep(SETTLE_MS, enough.signal)]);
  enough.abort();
  await gateway.close();
};
