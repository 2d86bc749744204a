/**
 * Recorded provider traffic through the whole gateway: the official SDKs ask, a small upstream answers over HTTP with what
 * the provider answered, cut in awkward places. What arrives on either side is compared with the recording by meaning.
 */
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { JsonObject } from '../../lambdas/core/conversation.ts';
import type { SurfaceName } from '../../lambdas/core/dialect.ts';
import { asksOf } from '../support/asked.ts';
import type { Asked } from '../support/asked-items.ts';
import {
  aliasOf,
  clientBody,
  codecOf,
  configOf,
  conversationOf,
  MODEL_LIMIT,
  modelOf,
  readable,
  recordedSaid,
  recordings,
  SURFACES,
  withGivenIds,
} from '../support/recorded-exchanges.ts';
import { EXCEPTIONS, exceptionFor } from '../support/recording-exceptions.ts';
import {
  describeRecordings,
  isStreamed,
  type Recording,
  recordedBody,
  recordedRequest,
  recordingOf,
  scenarios,
} from '../support/recordings.ts';
import { type ReplayUpstream, startReplayUpstream } from '../support/replay-upstream.ts';
import {
  type Said,
  saidInChunks,
  saidInCompletion,
  saidInMessage,
  saidInResponse,
  saidInResponseEvents,
} from '../support/said.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

interface Exchange {
  /** What the client's SDK made of the answer; an error is what it raised. */
  said?: Said;
  error?: { name: string; status: number | undefined; headers: Headers | undefined; message: string };
  /** The assistant's message as an application keeps it for the next request. */
  message?: JsonObject;
  /** The same on the surface whose answers are items. */
  output?: JsonObject[];
  dropped: string | null;
  requestId: string;
}

let upstream: ReplayUpstream;
let gateway: TestGateway;

type Raw = { data: unknown; response: Response };

const askOpenai = async (body: JsonObject): Promise<Exchange> => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  const { data, response } = (await client.chat.completions.create(body as never).withResponse()) as Raw;
  const head = { dropped: response.headers.get('x-tollgate-dropped'), requestId: requestIdOf(response.headers) };
  if (body['stream'] !== true) {
    const [choice] = (data as OpenAI.ChatCompletion).choices;
    return { ...head, said: saidInCompletion(data), message: choice?.message as unknown as JsonObject };
  }
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of data as AsyncIterable<OpenAI.ChatCompletionChunk>) chunks.push(chunk);
  const said = saidInChunks(chunks);
  const calls = said.calls.map(({ id, name, input }) => ({
    id,
    type: 'function',
    function: { name, arguments: JSON.stringify(input) },
  }));
  const message = { role: 'assistant', content: said.text || null, ...(calls.length > 0 && { tool_calls: calls }) };
  return { ...head, said, message: message as JsonObject };
};

const askResponses = async (body: JsonObject): Promise<Exchange> => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  const { data, response } = (await client.responses.create(body as never).withResponse()) as Raw;
  const head = { dropped: response.headers.get('x-tollgate-dropped'), requestId: requestIdOf(response.headers) };
  if (body['stream'] !== true)
    return { ...head, said: saidInResponse(data), output: (data as { output: JsonObject[] }).output };
  const events: OpenAI.Responses.ResponseStreamEvent[] = [];
  for await (const event of data as AsyncIterable<OpenAI.Responses.ResponseStreamEvent>) events.push(event);
  const said = saidInResponseEvents(events);
  const last = events.at(-1);
  if (last?.type !== 'response.completed' && last?.type !== 'response.incomplete') throw new Error('no whole answer');
  // OpenAI encrypts the reasoning anew each time that it tells it.
  expect({ ...saidInResponse(last.response), signatures: said.signatures }).toEqual(said);
  return { ...head, said, output: last.response.output as unknown as JsonObject[] };
};

const askAnthropic = async (body: JsonObject): Promise<Exchange> => {
  const client = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
  const { data, response } = (
    body['stream'] === true
      ? await client.messages.stream(body as never).withResponse()
      : await client.messages.create(body as never).withResponse()
  ) as { data: unknown; response: Response };
  const message = (
    body['stream'] === true ? await (data as ReturnType<typeof client.messages.stream>).finalMessage() : data
  ) as Anthropic.Message;
  return {
    dropped: response.headers.get('x-tollgate-dropped'),
    requestId: requestIdOf(response.headers),
    said: saidInMessage(message),
    message: { role: 'assistant', content: message.content } as unknown as JsonObject,
  };
};

const requestIdOf = (headers: Headers | undefined): string => headers?.get('x-request-id') ?? '';

const ASK: Record<SurfaceName, (body: JsonObject) => Promise<Exchange>> = {
  'openai-chat': askOpenai,
  'openai-responses': askResponses,
  'anthropic-messages': askAnthropic,
};

/** Sends a body with the surface's official SDK. */
const ask = async (surface: SurfaceName, body: JsonObject): Promise<Exchange> => {
  try {
    return await ASK[surface](body);
  } catch (error) {
    if (!(error instanceof OpenAI.APIError || error instanceof Anthropic.APIError)) throw error;
    const headers = error.headers as Headers | undefined;
    return {
      error: { name: error.constructor.name, status: error.status, headers, message: error.message },
      dropped: null,
      requestId: requestIdOf(headers),
    };
  }
};

const exchanges = new Map<string, Promise<Exchange>>();
/** Each recording goes through each surface once, however many tests look at it. */
const exchangeOf = (recording: Recording, surface: SurfaceName): Promise<Exchange> => {
  const alias = aliasOf(recording, surface);
  const known = exchanges.get(alias) ?? ask(surface, clientBody(recording, surface));
  exchanges.set(alias, known);
  return known;
};

const lastRequest = (recording: Recording, surface: SurfaceName) =>
  upstream.requests.get(aliasOf(recording, surface))?.at(-1);

/** What the provider should be asked: the recorded request, with a limit that the surface or the provider can't do without. */
const expectedAsk = (recording: Recording, body: JsonObject): Asked => {
  const asked = asksOf(codecOf(recording).name, recordedRequest(recording), isStreamed(recording));
  const named = ((body['max_tokens'] ?? body['max_output_tokens']) as number | undefined) ?? null;
  const needed = /^(openai-|gemini)/.test(codecOf(recording).name) ? null : MODEL_LIMIT;
  return { ...asked, limit: asked.limit ?? named ?? needed };
};

const without = <T extends object>(whole: T, fields: readonly string[]): Partial<T> =>
  Object.fromEntries(Object.entries(whole).filter(([name]) => !fields.includes(name))) as Partial<T>;

/** Equal but for what the table of exceptions names; what it names must differ, or the table is out of date. */
const expectSame = <T extends object>(got: T, expected: T, id: string, surface: SurfaceName): void => {
  const isAsked = 'sampling' in expected;
  const lost = exceptionFor(id, surface)
    .map((field) => (field === 'stopSequences' && isAsked ? 'stop' : field))
    .filter((field) => field in expected);
  expect(without(got, lost)).toEqual(without(expected, lost));
  const unneeded = lost.filter((field) => {
    try {
      expect(got[field as keyof T]).toEqual(expected[field as keyof T]);
      return true;
    } catch {
      return false;
    }
  });
  expect({ unneeded }).toEqual({ unneeded: [] });
};

const cases = (some: readonly Recording[]) =>
  some.flatMap((recording) => SURFACES.map((surface) => [recording.id, surface, recording] as const));

/** An error inside a stream, before there is any content. */
const FAILED = 'rs-v-error-stream';
const answered = recordings.filter(({ id, response }) => response.status === 200 && id !== FAILED);
const refused = recordings.filter(({ response }) => response.status !== 200);

/** The second body with what was answered in the place of what was recorded as answered. */
const withAnswer = (first: JsonObject, second: JsonObject, { message, output }: Exchange): JsonObject => {
  const field = output === undefined ? 'messages' : 'input';
  const before = (first[field] as JsonObject[]).length;
  const list = second[field] as JsonObject[];
  const rest = list.slice(before);
  const isOfModel = ({ role, type }: JsonObject) =>
    role === 'assistant' || type === 'function_call' || type === 'reasoning';
  const replaced = rest.findIndex((item) => !isOfModel(item));
  expect(replaced).toBeGreaterThan(0);
  return {
    ...second,
    [field]: [...list.slice(0, before), ...(output ?? [message as JsonObject]), ...rest.slice(replaced)],
  };
};

const isStreamPath = (path: string): boolean => /-stream$|:streamGenerateContent/.test(path);

/** The Gemini API's own, also of a recording that went to Vertex AI. */
const pathOf = ({ provider, request }: Recording): string => {
  const query = request?.query ? `?${request.query}` : '';
  const path = request?.path ?? '';
  return (provider === 'google' ? path.replace(/^.*(?=\/models\/)/, '/v1beta') : path) + query;
};

/** Calls that came without an id get one that is theirs alone; which, the recording can't say. */
const withMadeUpIds = (expected: Said, said: Said | undefined): Said => {
  const ids = said?.calls.map(({ id }) => id) ?? [];
  expect(new Set(ids).size).toBe(ids.length);
  const isMadeUp = (id: string | undefined): id is string => id !== undefined && /^call_[A-Za-z0-9]{24}$/.test(id);
  return {
    ...expected,
    calls: expected.calls.map((call, at) => (call.id === '' && isMadeUp(ids[at]) ? { ...call, id: ids[at] } : call)),
  };
};

describeRecordings('recorded traffic through the gateway', () => {
  beforeAll(async () => {
    upstream = await startReplayUpstream((alias) => recordingOf(alias.replace(/\.[a-z]+-[a-z]+$/, '')));
    gateway = await startGateway(configOf(upstream.url), { env: { PROVIDER_KEY: 'provider-key' } });
  });

  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
    // biome-ignore lint/suspicious/noConsole: the table is to be seen in the run's output
    console.table(
      EXCEPTIONS.map(({ ids, surface, lost, why }) => ({ ids: ids.join(' '), surface, lost: lost.join(' '), why })),
    );
  });

  test('every recorded chat of seven providers is here', () => {
    expect(recordings).toHaveLength(83);
    expect(recordings.filter(({ request }) => request !== null)).toHaveLength(70);
    expect(EXCEPTIONS.flatMap(({ ids }) => ids).filter((id) => !recordings.some((one) => one.id === id))).toEqual([]);
  });

  test.each(cases(recordings.filter(({ request }) => request !== null)))(
    '%s over %s: the provider is asked what was recorded',
    async (id, surface, recording) => {
      await exchangeOf(recording, surface);
      const arrived = lastRequest(recording, surface);
      const path = arrived?.path ?? '';
      const asked = asksOf(codecOf(recording).name, arrived?.body, isStreamPath(path));
      expectSame(asked, expectedAsk(recording, clientBody(recording, surface)), id, surface);
      const isInPath = ['bedrock', 'google', 'azure'].includes(recording.provider);
      if (isInPath) expect(path).toBe(pathOf(recording));
      if (!isInPath || recording.provider === 'azure') expect(arrived?.body['model']).toBe(modelOf(recording));
      const keys = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'].map((name) => arrived?.headers[name]);
      expect(keys.join()).toContain('provider-key');
    },
  );

  test.each(cases(answered))('%s over %s: the client reads all that was answered', async (id, surface, recording) => {
    const { said, error } = await exchangeOf(recording, surface);
    expect(error).toBeUndefined();
    const { streamUsage } = conversationOf(recording);
    const asksUsage = streamUsage || !isStreamed(recording);
    const expected = withMadeUpIds(readable(recordedSaid(recording), surface, asksUsage), said);
    expectSame(said as Said, expected, id, surface);
  });

  test.each(cases(answered))(
    '%s over %s: nothing is left out untold, nothing is told in vain',
    async (id, surface, recording) => {
      const { dropped } = await exchangeOf(recording, surface);
      expect({ dropped: dropped !== null }).toEqual({ dropped: exceptionFor(id, surface).includes('dropped') });
    },
  );

  test.each(cases(answered))('%s over %s: the receipt has the provider’s counts', async (_, surface, recording) => {
    const { requestId } = await exchangeOf(recording, surface);
    const reply = await fetch(`${gateway.url}/v1/receipts/${requestId}`, { headers: { 'x-api-key': gateway.key } });
    const receipt = (await reply.json()) as { usage: Record<string, number>; usage_estimated?: boolean; state: string };
    const { usage } = recordedSaid(recording);
    expect([receipt.state, receipt.usage_estimated ?? false]).toEqual(['settled', usage === null]);
    if (usage === null) return;
    expect({
      input: receipt.usage['input_tokens'],
      cached: receipt.usage['cached_input_tokens'],
      cacheWrite: (receipt.usage['cache_write_5m_tokens'] ?? 0) + (receipt.usage['cache_write_1h_tokens'] ?? 0),
      output: receipt.usage['output_tokens'],
    }).toEqual(usage);
  });

  const CLASSES: Record<number, string> = {
    400: 'BadRequestError',
    404: 'NotFoundError',
    429: 'RateLimitError',
    502: 'InternalServerError',
  };

  test.each(cases(refused))(
    '%s over %s: the SDK raises the provider’s error as its own',
    async (id, surface, recording) => {
      const { error } = await exchangeOf(recording, surface);
      const { status, headers } = recording.response;
      // docs/decisions/004: what only the operator can act on is a 502 that asks for no retry.
      const expected = exceptionFor(id, surface).includes('status') ? 502 : status;
      expect([error?.status, error?.name]).toEqual([expected, CLASSES[expected]]);
      // Google tells the wait in the body.
      const waitSeconds = headers['retry-after'] ?? (recording.provider === 'google' ? '35' : '1');
      if (status === 429) expect(error?.headers?.get('retry-after')).toBe(waitSeconds);
      else expect(error?.headers?.get('x-should-retry')).toBe('false');
      const { error: told, message } = recordedBody(recording) as { error?: { message: string }; message?: string };
      if (expected !== 502 && status !== 429) expect(error?.message).toContain(told?.message ?? message);
    },
  );

  test.each(SURFACES)(
    'an error in a stream before any content is an error reply over %s, to be retried by nobody',
    async (surface) => {
      const { error, requestId } = await exchangeOf(recordingOf(FAILED), surface);
      // The provider's account has no credit left.
      expect([error?.status, error?.name]).toEqual([429, 'RateLimitError']);
      expect(error?.message).toContain('You exceeded your current quota');
      const reply = await fetch(`${gateway.url}/v1/receipts/${requestId}`, { headers: { 'x-api-key': gateway.key } });
      expect(await reply.json()).toMatchObject({ state: 'settled', outcome: 'failed' });
    },
  );

  describe('whole conversations, the client sending back what it was answered', () => {
    const roundTrips = scenarios()
      .filter(({ steps }) => steps.length > 1 && steps.every((id) => recordings.some((one) => one.id === id)))
      .flatMap(({ id, steps }) => SURFACES.map((surface) => [id, surface, steps.map(recordingOf)] as const));

    test('there are ten', () => expect(roundTrips).toHaveLength(30));

    test.each(roundTrips)('%s over %s: the last request means what was recorded', async (_, surface, steps) => {
      const [first, second] = steps as [Recording, Recording];
      const body = withAnswer(
        clientBody(first, surface),
        clientBody(second, surface),
        await exchangeOf(first, surface),
      );
      const given = (await exchangeOf(first, surface)).said?.calls.map(({ id }) => id) ?? [];
      const { said } = await ask(surface, withGivenIds(body, second, given));
      const arrived = lastRequest(second, surface);
      const asked = asksOf(codecOf(second).name, arrived?.body, isStreamPath(arrived?.path ?? ''));
      expectSame(asked, expectedAsk(second, body), second.id, surface);
      const expected = withMadeUpIds(readable(recordedSaid(second), surface, true), said);
      expectSame(said as Said, expected, second.id, surface);
    });
  });
});
