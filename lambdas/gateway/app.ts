import { Hono } from 'hono/tiny';
import { refuse } from '../core/failures.ts';
import { handleRequest } from '../core/handle-request.ts';
import { handleLookup } from '../core/lookups/lookup.ts';
import { listModels, showModel } from '../core/lookups/models.ts';
import { cancelRequest, showReceipt } from '../core/lookups/requests.ts';
import { showUsage } from '../core/lookups/usage.ts';
import type { Ports } from '../core/ports.ts';
import { quoteRequest } from '../core/quote/quote-request.ts';
import { respondWithError, respondWithRefusal } from '../core/respond/respond-with-refusal.ts';

/** The routes (README, "Call it"). The same app behind every front door: Node server, Lambda. */
export const makeApp = (ports: Ports): Hono => {
  const app = new Hono();
  const openai = ports.surfaces['openai-chat'];
  const anthropic = ports.surfaces['anthropic-messages'];
  const surfaceOf = (request: Request) => (request.headers.has('anthropic-version') ? anthropic : openai);

  app.post('/v1/chat/completions', (c) => handleRequest(c.req.raw, openai, ports));
  app.post('/v1/messages', (c) => handleRequest(c.req.raw, anthropic, ports));
  app.post('/v1/quote', (c) => quoteRequest(c.req.raw, surfaceOf(c.req.raw), ports));
  app.get('/v1/models', (c) => handleLookup(c.req.raw, ports, listModels));
  app.get('/v1/models/:id{.+}', (c) => handleLookup(c.req.raw, ports, showModel(c.req.param('id'))));
  app.get('/v1/usage', (c) => handleLookup(c.req.raw, ports, showUsage));
  app.get('/v1/receipts/:id', (c) => handleLookup(c.req.raw, ports, showReceipt(c.req.param('id'))));
  app.post('/v1/requests/:id/cancel', (c) => handleLookup(c.req.raw, ports, cancelRequest(c.req.param('id'))));
  app.get('/health', () => showHealth(ports));

  app.notFound((c) => {
    const refusal = refuse(
      'not_found',
      `There is no ${c.req.method} ${new URL(c.req.url).pathname.slice(0, 200)} here.`,
      { shouldRetry: false },
    );
    return respondWithRefusal(refusal, surfaceOf(c.req.raw), ports);
  });
  app.onError((error, c) => respondWithError(error, surfaceOf(c.req.raw), ports));
  return app;
};

/** 200 while requests can be served: the store answers. */
const showHealth = async ({ ledger, log }: Ports): Promise<Response> => {
  try {
    await ledger.figures(['health']);
    return Response.json({ status: 'ok' });
  } catch (error) {
    log.error('health: the store does not answer', { error });
    return Response.json({ status: 'store_unavailable' }, { status: 503, headers: { 'retry-after': '2' } });
  }
};
