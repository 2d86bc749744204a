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
   * Ends in order: takes no new connection, lets requests under way finish for at most `drainMs`, cuts off the rest (they
   * are settled as `client-gone`), enters what is queued, closes the store. Idempotent.
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
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
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

const stopInOrder = async (server: Server, gateway: LocalGateway, drainMs: number): Promise<void> => {
  const { clock } = gateway.ports;
  let isClosed = false;
  server.close(() => {
    isClosed = true;
  });
  // A connection whose answer has just ended is kept alive by its client: it counts as idle only from then on.
  for (const until = clock.now() + drainMs; !isClosed && clock.now() < until; ) {
    server.closeIdleConnections();
    await clock.sleep(Math.min(LOOK_EVERY_MS, drainMs));
  }
  server.closeAllConnections();
  const enough = new AbortController();
  await Promise.race([gateway.whenIdle(), clock.sleep(SETTLE_MS, enough.signal)]);
  enough.abort();
  await gateway.close();
};
