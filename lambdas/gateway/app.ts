import { Hono } from 'hono/tiny';
import type { JsonValue } from '../core/conversation.ts';
import { isJsonObject } from '../core/decode/read-body.ts';
import type { AnySurfaceName, Surface } from '../core/dialect.ts';
import { refuse } from '../core/failures.ts';
import { handleRequest } from '../core/handle-request.ts';
import { handleLookup, surfaceNameOf } from '../core/lookups/lookup.ts';
import type { Ports } from '../core/ports.ts';
import { respondWithError, respondWithRefusal } from '../core/respond/respond-with-refusal.ts';

/** Those that ask a model, and whose language is spoken there. */
const INFERENCE: readonly [string, AnySurfaceName][] = [
  ['/v1/chat/completions', 'openai-chat'],
  ['/v1/responses', 'openai-responses'],
  ['/v1/embeddings', 'openai-embeddings'],
  ['/v1/messages', 'anthropic-messages'],
];

/** The routes (README, "Call it"). The same app behind every front door: Node server, Lambda. */
export const makeApp = (ports: Ports): Hono => {
  const app = new Hono();
  const surfaceOf = (request: Request): Promise<Surface> => ports.loadSurface(surfaceNameOf(request));

  for (const [path, surface] of INFERENCE)
    app.post(path, async (c) => handleRequest(c.req.raw, await ports.loadSurface(surface), ports));
  // What is asked for seldom is read when somebody does.
  app.post('/v1/messages/count_tokens', async (c) => {
    const { countTokens } = await import('../core/count-tokens/count-tokens.ts');
    return countTokens(c.req.raw, await ports.loadSurface('anthropic-messages'), ports);
  });
  app.post('/v1/quote', async (c) => {
    const { quoteRequest } = await import('../core/quote/quote-request.ts');
    const surface = await surfaceOf(c.req.raw);
    return quoteRequest(c.req.raw, surface, ports, surfaceOfBody(surface, ports));
  });
  app.get('/v1/models', async (c) => {
    const { listModels } = await import('../core/lookups/models.ts');
    return handleLookup(c.req.raw, ports, listModels(new URL(c.req.url).searchParams));
  });
  app.get('/v1/models/:id{.+}', async (c) => {
    const { showModel } = await import('../core/lookups/models.ts');
    return handleLookup(c.req.raw, ports, showModel(c.req.param('id')));
  });
  app.get('/v1/usage', async (c) => {
    const { showUsage } = await import('../core/lookups/usage.ts');
    return handleLookup(c.req.raw, ports, showUsage);
  });
  app.get('/v1/receipts/:id', async (c) => {
    const { showReceipt } = await import('../core/lookups/requests.ts');
    return handleLookup(c.req.raw, ports, showReceipt(c.req.param('id')));
  });
  app.post('/v1/requests/:id/cancel', async (c) => {
    const { cancelRequest } = await import('../core/lookups/requests.ts');
    return handleLookup(c.req.raw, ports, cancelRequest(c.req.param('id')));
  });
  app.post('/v1/feedback', async (c) => {
    const { giveFeedback } = await import('../core/feedback/give-feedback.ts');
    return handleLookup(c.req.raw, ports, giveFeedback(c.req.raw));
  });
  app.get('/health', () => showHealth(ports));

  app.notFound(async (c) => {
    const refusal = refuse(
      'not_found',
      `There is no ${c.req.method} ${new URL(c.req.url).pathname.slice(0, 200)} here.`,
      { shouldRetry: false },
    );
    return respondWithRefusal(refusal, await surfaceOf(c.req.raw), ports);
  });
  app.onError(async (error, c) => respondWithError(error, await surfaceOf(c.req.raw), ports));
  return app;
};

/** Chat and messages bodies have `messages`; those that have `input` alone are of OpenAI's other two routes, by what the alias makes. */
const surfaceOfBody =
  (surface: Surface, { gateway, loadSurface }: Ports) =>
  async (body: JsonValue): Promise<Surface> => {
    if (!isJsonObject(body) || body['input'] === undefined || body['messages'] !== undefined) return surface;
    const alias = gateway.aliases.get(String(body['model']));
    return alias?.targets.some(({ embedding }) => embedding !== undefined)
      ? loadSurface('openai-embeddings')
      : loadSurface('openai-responses');
  };

/** 200 while requests can be served: the store answers, and takes writes. */
const showHealth = async ({ ledger, storeHealth, log }: Ports): Promise<Response> => {
  try {
    await Promise.all([ledger.figures(['health']), storeHealth.check()]);
    return Response.json({ status: 'ok' });
  } catch (error) {
    log.error('health: the store does not answer, or takes no writes', { error });
    return Response.json({ status: 'store_unavailable' }, { status: 503, headers: { 'retry-after': '2' } });
  }
};
