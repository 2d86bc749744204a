/**
 * Recorded provider traffic through the whole gateway: the official SDKs ask, a small upstream answers over HTTP with what
 * the provider answered, cut in awkward places. What arrives on either side is compared with the recording by meaning.
 */
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { JsonObject } from '../../lambdas/core/conversation.ts';
import type { SurfaceName } from '../../lambdas/core/dialect.ts';
import { type Asked, asksOf } from '../support/asked.ts';
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
import { type Said, saidInChunks, saidInCompletion, saidInMessage } from '../support/said.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

interface Exchange {
  /** What the client's SDK made of the answer; an error is what it raised. */
  said?: Said;
  error?: { name: string; status: number | undefined; headers: Headers | undefined; message: string };
  /** The assistant's message as an application keeps it for the next request. */
  message?: JsonObject;
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

/** Sends a body with the surface's official SDK. */
const ask = async (surface: SurfaceName, body: JsonObject): Promise<Exchange> => {
  try {
    return await (surface === 'openai-chat' ? askOpenai(body) : askAnthropic(body));
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
  const named = (body['max_tokens'] as number | undefined) ?? null;
  const needed = codecOf(recording).name === 'openai-chat' ? null : MODEL_LIMIT;
  return { ...asked, limit: asked.limit ?? named ?? needed };
};

const without = <T extends object>(whole: T, fields: readonly string[]): Partial<T> =>
  Object.fromEntries(Object.entries(whole).filter(([name]) => !fields.includes(name))) as Partial<T>;

/** Equal but for what the table of exceptions names; what it names must differ, or the table is out of date. */
const expectSame = <T extends object>(got: T, expected: T, id: string, surface: SurfaceName): void => {
  const lost = exceptionFor(id, surface).filter((field) => field in expected);
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

const answered = recordings.filter(({ response }) => response.status === 200);
const refused = recordings.filter(({ response }) => response.status !== 200);

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

  test('every recorded chat of five providers is here', () => {
    expect(recordings).toHaveLength(65);
    expect(recordings.filter(({ request }) => request !== null)).toHaveLength(54);
    expect(EXCEPTIONS.flatMap(({ ids }) => ids).filter((id) => !recordings.some((one) => one.id === id))).toEqual([]);
  });

  test.each(cases(recordings.filter(({ request }) => request !== null)))(
    '%s over %s: the provider is asked what was recorded',
    async (id, surface, recording) => {
      await exchangeOf(recording, surface);
      const arrived = lastRequest(recording, surface);
      const path = arrived?.path ?? '';
      const asked = asksOf(codecOf(recording).name, arrived?.body, path.endsWith('/converse-stream'));
      expectSame(asked, expectedAsk(recording, clientBody(recording, surface)), id, surface);
      if (recording.provider === 'bedrock') expect(path).toBe(recording.request?.path);
      else expect(arrived?.body['model']).toBe(modelOf(recording));
      expect([arrived?.headers.authorization, arrived?.headers['x-api-key']].join()).toContain('provider-key');
    },
  );

  test.each(cases(answered))('%s over %s: the client reads all that was answered', async (id, surface, recording) => {
    const { said, error } = await exchangeOf(recording, surface);
    expect(error).toBeUndefined();
    const { streamUsage } = conversationOf(recording);
    const asksUsage = streamUsage || !isStreamed(recording);
    expectSame(said as Said, readable(recordedSaid(recording), surface, asksUsage), id, surface);
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
      if (status === 429) expect(error?.headers?.get('retry-after')).toBe(headers['retry-after'] ?? '1');
      else expect(error?.headers?.get('x-should-retry')).toBe('false');
      const { error: told, message } = recordedBody(recording) as { error?: { message: string }; message?: string };
      if (expected !== 502 && status !== 429) expect(error?.message).toContain(told?.message ?? message);
    },
  );

  describe('whole conversations, the client sending back what it was answered', () => {
    const roundTrips = scenarios()
      .filter(({ steps }) => steps.length > 1 && steps.every((id) => recordings.some((one) => one.id === id)))
      .flatMap(({ id, steps }) => SURFACES.map((surface) => [id, surface, steps.map(recordingOf)] as const));

    test('there are seven', () => expect(roundTrips).toHaveLength(14));

    test.each(roundTrips)('%s over %s: the last request means what was recorded', async (_, surface, steps) => {
      const [first, second] = steps as [Recording, Recording];
      const { message } = await exchangeOf(first, surface);
      const before = (clientBody(first, surface)['messages'] as JsonObject[]).length;
      const body = clientBody(second, surface);
      const messages = [...(body['messages'] as JsonObject[])];
      expect(messages[before]).toMatchObject({ role: 'assistant' });
      messages[before] = message as JsonObject;
      const { said } = await ask(surface, { ...body, messages });
      const arrived = lastRequest(second, surface);
      const asked = asksOf(codecOf(second).name, arrived?.body, arrived?.path.endsWith('-stream'));
      expectSame(asked, expectedAsk(second, body), second.id, surface);
      expectSame(said as Said, readable(recordedSaid(second), surface, true), second.id, surface);
    });
  });
});
