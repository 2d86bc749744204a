import { at, type Gateway, type Reply, request, requestStream } from './http.ts';

/** `skipped`: it could not be told, and why. */
export type Verdict = { outcome: 'ok' | 'failed' | 'skipped'; detail: string };

export interface Check {
  name: string;
  run(gateway: Gateway, model: string): Promise<Verdict>;
}

const ok = (detail: string): Verdict => ({ outcome: 'ok', detail });
const failed = (detail: string): Verdict => ({ outcome: 'failed', detail });
const skipped = (detail: string): Verdict => ({ outcome: 'skipped', detail });

/** A stream that took this long and came in one piece was held back by something. */
const TELLING_MS = 500;
const OUTPUT_LIMIT = 64;

const ask = (model: string, text: string) => ({
  model,
  max_tokens: OUTPUT_LIMIT,
  messages: [{ role: 'user', content: text }],
});

const unexpected = (reply: Reply): string => {
  const message = at(reply.json, 'error', 'message');
  return `got ${reply.status}${typeof message === 'string' ? `: ${message.slice(0, 200)}` : ''}`;
};

export const checkHealth: Check = {
  name: 'health',
  run: async (gateway) => {
    const reply = await request(gateway, { path: '/health' });
    return reply.status === 200 ? ok(`200 in ${reply.durationMs} ms`) : failed(`expected 200, ${unexpected(reply)}`);
  },
};

const plain: Check = {
  name: 'plain answer',
  run: async (gateway, model) => {
    const reply = await request(gateway, {
      path: '/v1/chat/completions',
      body: ask(model, 'Answer with the word ready.'),
    });
    if (reply.status !== 200) return failed(`expected 200, ${unexpected(reply)}`);
    const text = at(reply.json, 'choices', 0, 'message', 'content');
    if (typeof text !== 'string') return failed('the answer has no choices[0].message.content');
    if (at(reply.json, 'model') !== model)
      return failed(`asked for ${model}, the answer names ${at(reply.json, 'model')}`);
    if (typeof at(reply.json, 'usage', 'completion_tokens') !== 'number') return failed('the answer has no usage');
    if (!reply.headers.has('x-request-id')) return failed('the answer has no x-request-id');
    return ok(`${reply.durationMs} ms from ${reply.headers.get('x-tollgate-model') ?? 'unknown'}`);
  },
};

const messages: Check = {
  name: 'messages answer',
  run: async (gateway, model) => {
    const reply = await request(gateway, {
      path: '/v1/messages',
      headers: { 'anthropic-version': '2023-06-01' },
      body: ask(model, 'Answer with the word ready.'),
    });
    if (reply.status !== 200) return failed(`expected 200, ${unexpected(reply)}`);
    if (at(reply.json, 'type') !== 'message' || !Array.isArray(at(reply.json, 'content')))
      return failed('the answer is not of type "message" with a content');
    return ok(`${reply.durationMs} ms`);
  },
};

const stream: Check = {
  name: 'stream in increments',
  run: async (gateway, model) => {
    const { status, headers, pieces } = await requestStream(gateway, {
      path: '/v1/chat/completions',
      body: { ...ask(model, 'Count from one to forty, one number a word.'), stream: true },
    });
    const text = pieces.map((piece) => piece.text).join('');
    if (status !== 200) return failed(`expected 200, got ${status}: ${text.slice(0, 200)}`);
    if (!(headers.get('content-type') ?? '').includes('text/event-stream'))
      return failed(`expected text/event-stream, got ${headers.get('content-type')}`);
    if (!/^data: ?\[DONE\]\r?$/m.test(text)) return failed('the stream did not end with [DONE]');
    const withContent = pieces.filter((piece) => /"content": ?"[^"]/.test(piece.text));
    const first = withContent[0]?.atMs ?? 0;
    const last = pieces.at(-1)?.atMs ?? 0;
    if (withContent.length === 0) return failed('the stream held no content');
    if (withContent.length > 1 && last > first)
      return ok(`first content after ${first} ms, the last of ${withContent.length} pieces after ${last} ms`);
    if (last < TELLING_MS) return skipped(`it was all there after ${last} ms: too fast to tell`);
    return failed(`it came in one piece after ${last} ms: something on the way holds it back`);
  },
};

const badRequest: Check = {
  name: 'error of a bad request',
  run: async (gateway, model) => {
    const reply = await request(gateway, { path: '/v1/chat/completions', body: { model, messages: 'none' } });
    if (reply.status !== 400) return failed(`expected 400, ${unexpected(reply)}`);
    if (typeof at(reply.json, 'error', 'message') !== 'string' || typeof at(reply.json, 'error', 'type') !== 'string')
      return failed('the error has not OpenAI’s shape');
    const anthropic = await request(gateway, {
      path: '/v1/messages',
      headers: { 'anthropic-version': '2023-06-01' },
      body: { model, messages: 'none' },
    });
    if (anthropic.status !== 400 || at(anthropic.json, 'type') !== 'error')
      return failed(`expected Anthropic's 400, ${unexpected(anthropic)}`);
    return ok('400 in the shape of each surface');
  },
};

const unknownModel: Check = {
  name: 'error of an unknown model',
  run: async (gateway) => {
    const reply = await request(gateway, { path: '/v1/chat/completions', body: ask('no-such-model-here', 'Hello') });
    if (reply.status !== 404) return failed(`expected 404, ${unexpected(reply)}`);
    return ok('404');
  },
};

const badKey: Check = {
  name: 'a bad key is refused',
  run: async (gateway, model) => {
    for (const key of ['tg_wrong', `${gateway.key.slice(0, -1)}${gateway.key.endsWith('0') ? '1' : '0'}`]) {
      const reply = await request({ ...gateway, key }, { path: '/v1/chat/completions', body: ask(model, 'Hello') });
      if (reply.status !== 401) return failed(`expected 401, ${unexpected(reply)}`);
      if (typeof at(reply.json, 'error', 'message') !== 'string') return failed('the 401 has not OpenAI’s shape');
    }
    return ok('401');
  },
};

const limits: Check = {
  name: 'rate limits are told',
  run: async (gateway, model) => {
    const reply = await request(gateway, { path: '/v1/chat/completions', body: ask(model, 'Hello') });
    if (reply.status !== 200) return failed(`expected 200, ${unexpected(reply)}`);
    const told = ['requests', 'tokens'].flatMap((what) => {
      const remaining = reply.headers.get(`x-ratelimit-remaining-${what}`);
      const limit = reply.headers.get(`x-ratelimit-limit-${what}`);
      return remaining === null || limit === null ? [] : [`${remaining} of ${limit} ${what} left`];
    });
    return told.length > 0 ? ok(told.join(', ')) : skipped('no x-ratelimit headers: this key has no limits');
  },
};

const receipt: Check = {
  name: 'receipt and usage',
  run: async (gateway, model) => {
    const reply = await request(gateway, { path: '/v1/chat/completions', body: ask(model, 'Hello') });
    const id = reply.headers.get('x-request-id');
    if (reply.status !== 200 || id === null) return failed(`expected 200 with x-request-id, ${unexpected(reply)}`);
    const found = await request(gateway, { path: `/v1/receipts/${encodeURIComponent(id)}` });
    if (found.status !== 200 || at(found.json, 'id') !== id) return failed(`the receipt: ${unexpected(found)}`);
    const usage = await request(gateway, { path: '/v1/usage' });
    const spent = at(usage.json, 'totals', 'spent_usd');
    if (usage.status !== 200 || spent === undefined) return failed(`the usage: ${unexpected(usage)}`);
    return ok(`cost $${at(found.json, 'cost_usd')}, the key's month $${spent}`);
  },
};

/** After health and models, in this order. */
export const CHECKS: readonly Check[] = [plain, messages, stream, badRequest, unknownModel, badKey, limits, receipt];

/** The aliases that the key may use. */
export const readModels = async (gateway: Gateway): Promise<{ verdict: Verdict; models: string[] }> => {
  const reply = await request(gateway, { path: '/v1/models' });
  const data = at(reply.json, 'data');
  if (reply.status !== 200 || !Array.isArray(data))
    return { verdict: failed(`expected 200 with a list, ${unexpected(reply)}`), models: [] };
  const models = data.map((one) => at(one, 'id')).filter((id) => typeof id === 'string');
  if (models.length === 0) return { verdict: failed('this key may use no model'), models };
  return { verdict: ok(models.length > 8 ? `${models.length} models` : models.join(', ')), models };
};
