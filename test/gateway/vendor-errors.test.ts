/** What a provider's own errors cost, and what of them reaches a client that speaks its language. */
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { Behaviour } from '../support/fault-upstream.ts';
import { startUpstream } from '../support/fault-upstream.ts';
import {
  anthropicVendor,
  azureVendor,
  bedrockVendor,
  breakingOff,
  geminiVendor,
  openaiVendor,
  responsesVendor,
  startVendorGateway,
  type Vendor,
} from '../support/vendors.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const open = async (vendor: Vendor, behave: Behaviour) => {
  const opened = await startVendorGateway(vendor, behave);
  cleanups.push(opened.stop);
  const { url, key } = opened.gateway;
  const ask = async (more: object = {}) => {
    const reply = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: 'Hello' }], ...more }),
    });
    const text = await reply.text();
    const receipt = (await (
      await fetch(`${url}/v1/receipts/${reply.headers.get('x-request-id')}`, { headers: { 'x-api-key': key } })
    ).json()) as { cost_usd: string; usage_estimated?: boolean; attempts: { message?: string; failure?: string }[] };
    return { reply, text, receipt };
  };
  return {
    ...opened,
    ask,
    openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 }),
    anthropic: new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 }),
  };
};

const thrownBy = async (promise: Promise<unknown>): Promise<Record<string, unknown> & Error> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(Error);
  return thrown as Record<string, unknown> & Error;
};

const sending =
  (status: number, body: unknown, type = 'application/json'): Behaviour =>
  (_, response) => {
    response.writeHead(status, { 'content-type': type }).end(typeof body === 'string' ? body : JSON.stringify(body));
  };

const hello = { model: 'assistant', messages: [{ role: 'user' as const, content: 'Hello' }] };

describe.each([false, true])('what costs nothing (stream: %s)', (stream) => {
  test('a redirect: not followed, told to the operator, and no host of anybody’s network to the client', async () => {
    const inner = await startUpstream(sending(200, {}));
    cleanups.push(inner.stop);
    const location = `${inner.baseUrl.replace('//', '//user:secret@')}/chat/completions?token=secret`;
    const { ask, gateway, upstream } = await open(openaiVendor, (_, response) => {
      response.writeHead(301, { location }).end('<html>');
    });
    const { reply, text, receipt } = await ask({ stream });
    expect(reply.status).toBe(502);
    expect(reply.headers.get('x-should-retry')).toBe('false');
    expect(text).toContain('redirect');
    expect(text).toContain('base URL');
    for (const hidden of ['127.0.0.1', 'secret']) expect(text + JSON.stringify(receipt)).not.toContain(hidden);
    expect(receipt).toMatchObject({ cost_usd: '0', attempts: [{ failure: 'server_error' }] });
    const line = gateway.logged.find(({ message }) => message === 'no answer by its status');
    expect(line).toMatchObject({
      target: 'vendor/vendor-model',
      status: 301,
      leads_to: `${inner.baseUrl}/chat/completions`,
    });
    expect(JSON.stringify(gateway.logged)).not.toContain('token=secret');
    expect([inner.requests.length, upstream.requests.length]).toEqual([0, 1]);
  });

  test.each([204, 205, 304])('a %i', async (status) => {
    const { ask } = await open(openaiVendor, (_, response) => {
      response.writeHead(status).end();
    });
    const { reply, text, receipt } = await ask({ stream });
    expect(reply.status).toBe(502);
    expect(text).toContain(`HTTP ${status}`);
    expect(receipt).toMatchObject({ cost_usd: '0' });
  });

  test('a 202 without an answer, which a 200 without one may well cost', async () => {
    const type = stream ? 'text/event-stream' : 'text/plain';
    const none = await open(openaiVendor, sending(202, '', type));
    expect((await none.ask({ stream })).receipt).toMatchObject({ cost_usd: '0' });
    const broken = await open(openaiVendor, sending(200, '', type));
    expect(Number((await broken.ask({ stream })).receipt.cost_usd)).toBeGreaterThan(0.001);
  });

  test.each<[Vendor, unknown, string]>([
    [openaiVendor, { error: { message: 'Insufficient Balance', type: 'unknown_error' } }, 'Insufficient Balance'],
    [openaiVendor, { object: 'error', message: 'no capacity', type: 'x', code: '3505' }, 'no capacity'],
    [anthropicVendor, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'Overloaded'],
    [geminiVendor, [{ error: { code: 503, message: 'model busy', status: 'UNAVAILABLE' } }], 'model busy'],
  ])('an error in the body of a 200, in the vendor’s words (%#)', async (vendor, body, words) => {
    const { ask } = await open(vendor, sending(200, body));
    const { text, receipt } = await ask({ stream });
    expect(text).toContain(words);
    expect(receipt).toMatchObject({ cost_usd: '0' });
    expect(receipt.attempts[0]?.message).toContain(words);
  });

  test('a model that wrote no call (Groq): a 400 with what it wrote, for the client alone', async () => {
    const message = 'Failed to call a function.';
    const { openai, ask, gateway } = await open(
      openaiVendor,
      sending(400, {
        error: { message, type: 'invalid_request_error', code: 'tool_use_failed', failed_generation: '<f>{oops</f>' },
      }),
    );
    const error = await thrownBy(openai.chat.completions.create({ ...hello, stream }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({
      code: 'tool_use_failed',
      error: { failed_generation: '<f>{oops</f>', tollgate: { code: 'invalid_request' } },
      message: expect.stringContaining(message),
    });
    const { receipt } = await ask({ stream });
    expect(receipt).toMatchObject({ cost_usd: '0', attempts: [{ failure: 'malformed_answer' }] });
    expect(JSON.stringify([receipt, gateway.logged])).not.toContain('oops');
  });
});

describe('what is billed is what was counted', () => {
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  // At $1 and $10 a million.
  const cost_usd = '0.00006';
  test.each<[string, boolean, number, object]>([
    ['no choice in it', false, 200, { id: 'c', object: 'chat.completion', choices: [], usage }],
    ['an error under a 200', false, 200, { error: { message: 'late' }, usage }],
    ['an error', false, 500, { error: { message: 'late' }, usage }],
    ['an error in the place of a stream', true, 200, { error: { message: 'late' }, usage }],
    [
      'a whole answer in the place of a stream',
      true,
      200,
      { id: 'c', choices: [{ index: 0, message: { content: 'Hi' }, finish_reason: 'stop' }], usage },
    ],
  ])('%s', async (_, stream, status, body) => {
    const { ask } = await open(openaiVendor, sending(status, body));
    const { reply, receipt } = await ask({ stream });
    expect(reply.status).toBe(502);
    expect(receipt).toMatchObject({ cost_usd });
    expect(receipt.usage_estimated ?? false).toBe(false);
  });

  test.each<[Vendor, object]>([
    [anthropicVendor, { type: 'message', usage: { input_tokens: 10, output_tokens: 5 } }],
    [geminiVendor, { candidates: 0, usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5 } }],
    [bedrockVendor, { usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15 } }],
    [responsesVendor, { status: 'odd', usage: { input_tokens: 10, output_tokens: 5 } }],
  ])('by every vendor (%#)', async (vendor, body) => {
    const { ask } = await open(vendor, sending(200, body));
    const { reply, receipt } = await ask();
    expect(reply.status).toBe(502);
    expect(receipt).toMatchObject({ cost_usd });
  });

  test('a 200 that is no answer and counts nothing may have cost its ceiling', async () => {
    const { ask } = await open(openaiVendor, sending(200, { choices: [] }));
    const { receipt } = await ask();
    expect(Number(receipt.cost_usd)).toBeGreaterThan(0.001);
  });
});

test.each<[Vendor, string]>([
  [openaiVendor, 'event: error\ndata: upstream timed out\n\n'],
  [openaiVendor, 'event: error\ndata: {"message":"upstream timed out"}\n\n'],
  [openaiVendor, 'event: error\ndata: {"object":"error","type":"x","message":"upstream timed out"}\n\n'],
  [anthropicVendor, 'event: error\ndata: upstream timed out\n\n'],
  [geminiVendor, 'event: error\ndata: upstream timed out\n\n'],
  [responsesVendor, 'event: error\ndata: upstream timed out\n\n'],
])(
  'a stream’s first event that is an error in no dialect’s shape: its words, for nothing (%#)',
  async (vendor, text) => {
    const { ask } = await open(vendor, sending(200, text, 'text/event-stream'));
    const answer = await ask({ stream: true });
    expect(answer.text).toContain('upstream timed out');
    expect(answer.receipt).toMatchObject({ cost_usd: '0', attempts: [{ failure: 'server_error' }] });
  },
);

describe('the vendor’s own fields', () => {
  test.each([openaiVendor, responsesVendor])(
    'code, param and type of OpenAI’s refusal reach its SDK (%#)',
    async (vendor) => {
      const error = { message: 'no', type: 'invalid_request_error', param: 'temperature', code: 'unsupported_value' };
      const { openai } = await open(vendor, sending(400, { error }));
      for (const promise of [
        openai.chat.completions.create(hello),
        openai.responses.create({ model: 'assistant', input: 'Hello' }),
      ])
        expect(await thrownBy(promise)).toMatchObject({
          status: 400,
          code: 'unsupported_value',
          param: 'temperature',
          type: 'invalid_request_error',
          error: { tollgate: { code: 'invalid_request' } },
        });
    },
  );

  test('Azure’s filter: the code, the field, and what it found', async () => {
    const innererror = { code: 'ResponsibleAIPolicyViolation', content_filter_result: { hate: { filtered: true } } };
    const message = 'The response was filtered due to the prompt triggering Azure OpenAI’s content management policy.';
    const { openai, anthropic } = await open(
      azureVendor,
      sending(400, {
        error: { message, type: null, param: 'prompt', code: 'content_filter', status: 400, innererror },
      }),
    );
    expect(await thrownBy(openai.chat.completions.create(hello))).toMatchObject({
      status: 400,
      code: 'content_filter',
      param: 'prompt',
      type: 'invalid_request_error',
      error: { innererror },
    });
    // Words of another dialect mean nothing to this client.
    const other = await thrownBy(anthropic.messages.create({ ...hello, max_tokens: 9 }));
    expect(JSON.stringify(other['error'])).not.toContain('innererror');
    expect(other).toMatchObject({ status: 400, type: 'invalid_request_error' });
  });

  test('a filter of another vendor has OpenAI’s code on OpenAI’s surface', async () => {
    const { openai } = await open(
      anthropicVendor,
      sending(400, {
        type: 'error',
        error: { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' },
      }),
    );
    expect(await thrownBy(openai.chat.completions.create(hello))).toMatchObject({
      code: 'content_filter',
      error: { tollgate: { code: 'invalid_request' } },
    });
  });

  test('are told without keys and internal hosts, and never deeper or longer than an error is', async () => {
    let deep: object = { at: 'the bottom' };
    for (let i = 0; i < 50; i += 1) deep = { deep };
    const { openai } = await open(
      openaiVendor,
      sending(400, {
        error: {
          message: 'no',
          code: 'odd',
          innererror: { host: 'db.corp.internal:5432', key: 'provider-key', other: 'sk-abcdefghijkl', deep },
          tollgate: { code: 'forged' },
        },
      }),
    );
    const error = await thrownBy(openai.chat.completions.create(hello));
    const text = JSON.stringify(error['error']);
    for (const hidden of ['db.corp', 'provider-key', 'sk-abc', 'the bottom', 'forged'])
      expect(text).not.toContain(hidden);
    expect(error).toMatchObject({ code: 'odd', error: { innererror: { host: '[internal host]', key: '[key]' } } });
  });

  test('of one that is too long, the common ones are left', async () => {
    const { openai } = await open(
      openaiVendor,
      sending(400, {
        error: { message: 'no', much: Array.from({ length: 150 }, () => 'x'.repeat(900)), code: 'odd', param: 'p' },
      }),
    );
    const error = await thrownBy(openai.chat.completions.create(hello));
    expect(error).toMatchObject({ code: 'odd', param: 'p' });
    expect(JSON.stringify(error['error']).length).toBeLessThan(2_000);
  });

  test('an account that is used up: its own word, and the SDK does not try again', async () => {
    const error = {
      message: 'You exceeded your current quota.',
      type: 'insufficient_quota',
      param: null,
      code: 'insufficient_quota',
    };
    const { openai, upstream } = await open(openaiVendor, sending(429, { error }));
    const thrown = await thrownBy(openai.withOptions({ maxRetries: 2 }).chat.completions.create(hello));
    expect(thrown).toBeInstanceOf(OpenAI.RateLimitError);
    expect(thrown).toMatchObject({
      code: 'insufficient_quota',
      error: { tollgate: { code: 'rate_limit_exceeded' } },
      message: expect.stringContaining('You exceeded your current quota.'),
    });
    expect(thrown.message).not.toContain('rate limit');
    const headers = thrown['headers'] as Headers;
    expect([headers.get('x-should-retry'), headers.get('retry-after')]).toEqual(['false', null]);
    expect(upstream.requests).toHaveLength(1);
  });

  test('Anthropic’s type survives inside its own stream, and is no OpenAI’s', async () => {
    const { anthropic, openai } = await open(
      anthropicVendor,
      breakingOff(anthropicVendor, { pieces: ['Hi'] }, (response) =>
        response.end(anthropicVendor.streamError('Overloaded')),
      ),
    );
    const read = async (stream: AsyncIterable<unknown>) => {
      for await (const _event of stream);
    };
    const own = await thrownBy(
      anthropic.messages.create({ ...hello, max_tokens: 9, stream: true }).then((stream) => read(stream)),
    );
    expect(own).toMatchObject({ type: 'overloaded_error' });
    const other = await thrownBy(
      openai.chat.completions.create({ ...hello, stream: true }).then((stream) => read(stream)),
    );
    expect(other).toMatchObject({ code: 'all_targets_failed' });
  });
});
