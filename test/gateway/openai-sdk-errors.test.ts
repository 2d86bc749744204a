/** The official `openai` package, unchanged, with a base URL and a key, raises each error as its own class. */
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { answering, openaiVendor, refusing, startVendorGateway, VENDORS } from '../support/vendors.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What an application writes: base URL and key. `once` keeps the SDK from trying again, where a test counts or can't wait. */
const open = async (...options: Parameters<typeof startVendorGateway>) => {
  const opened = await startVendorGateway(...options);
  cleanups.push(opened.stop);
  const { url, key } = opened.gateway;
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
  return { ...opened, client, once: client.withOptions({ maxRetries: 0 }) };
};

const thrownBy = async (promise: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OpenAI.APIError);
  return thrown as InstanceType<typeof OpenAI.APIError>;
};

const hello = { model: 'assistant', messages: [{ role: 'user' as const, content: 'Hello' }] };

describe.each(VENDORS)('a provider that speaks %s', (_, vendor) => {
  const errors: [number, number, new (...args: never[]) => Error][] = [
    [400, 400, OpenAI.BadRequestError],
    [404, 404, OpenAI.NotFoundError],
    [429, 429, OpenAI.RateLimitError],
    [500, 502, OpenAI.InternalServerError],
  ];
  test.each(errors.flatMap((error) => [[false, ...error] as const, [true, ...error] as const]))(
    '(stream: %s) a provider’s %i is raised as a %i',
    async (stream, status, raised, errorClass) => {
      const { once } = await open(vendor, refusing(vendor, status, 'the provider’s words', { 'retry-after': '7' }));
      const error = await thrownBy(once.chat.completions.create({ ...hello, stream }));
      expect(error).toBeInstanceOf(errorClass);
      expect(error.status).toBe(raised);
      expect(error.requestID).toMatch(/^req_/);
      expect(error.message).toContain('the provider’s words');
      expect(error.headers?.get('retry-after')).toBe(status === 429 || status === 500 ? '7' : null);
    },
  );

  test('a provider that turns down the gateway’s key: a 502, which the SDK does not try again', async () => {
    const { client, upstream } = await open(vendor, refusing(vendor, 401, 'no such key'));
    const error = await thrownBy(client.chat.completions.create(hello));
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error.headers?.get('x-should-retry')).toBe('false');
    expect(upstream.requests).toHaveLength(1);
    const { authorization, ...headers } = upstream.requests[0]?.headers ?? {};
    const key = headers['x-api-key'] ?? headers['api-key'] ?? headers['x-goog-api-key'];
    expect(`${authorization} ${String(key)}`).toContain('provider-key');
  });

  test('a failure that passes: the SDK tries again and gets its answer', async () => {
    let count = 0;
    const well = answering(vendor, { pieces: ['There.'] });
    const ill = refusing(vendor, 500, 'not now');
    const { client, upstream } = await open(vendor, (request, response) => {
      count += 1;
      return (count === 1 ? ill : well)(request, response);
    });
    const answer = await client.chat.completions.create(hello);
    expect(answer.choices[0]?.message.content).toBe('There.');
    expect(upstream.requests).toHaveLength(2);
  });
});

describe('what the gateway itself refuses', () => {
  const refusedCount = (logged: Record<string, unknown>[]) =>
    logged.filter(({ message }) => message === 'refused').length;

  test('400: BadRequestError, with the field at fault', async () => {
    const { client } = await open(openaiVendor, answering(openaiVendor, {}));
    const error = await thrownBy(client.chat.completions.create({ ...hello, max_tokens: -1 }));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      code: 'invalid_request',
      param: 'max_tokens',
      type: 'invalid_request_error',
    });
  });

  test('401: AuthenticationError, of a key that is none and of one that is not known', async () => {
    const { client, gateway } = await open(openaiVendor, answering(openaiVendor, {}));
    const wrong = gateway.key.slice(0, -3) + (gateway.key.endsWith('aaa') ? 'bbb' : 'aaa');
    for (const apiKey of ['sk-openai', wrong]) {
      const error = await thrownBy(client.withOptions({ apiKey }).chat.completions.create(hello));
      expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
      expect(error.message).not.toContain(apiKey);
    }
  });

  test('403: PermissionDeniedError, of another alias and of a key that has expired', async () => {
    const { client, gateway } = await open(openaiVendor, answering(openaiVendor, {}));
    for (const record of [{ aliases: ['other'] }, { expiresAt: 1 }]) {
      const apiKey = await gateway.makeKey(record);
      const error = await thrownBy(client.withOptions({ apiKey }).chat.completions.create(hello));
      expect(error).toBeInstanceOf(OpenAI.PermissionDeniedError);
    }
  });

  test('404: NotFoundError, which names what there is', async () => {
    const { client } = await open(openaiVendor, answering(openaiVendor, {}));
    const error = await thrownBy(client.chat.completions.create({ ...hello, model: 'gpt-nothing' }));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model' });
    expect(error.message).toContain('"assistant"');
  });

  test('413: an APIError of that status', async () => {
    const { client } = await open(openaiVendor, answering(openaiVendor, {}));
    const content = 'x'.repeat(6_500_000);
    const error = await thrownBy(client.chat.completions.create({ ...hello, messages: [{ role: 'user', content }] }));
    expect(error).toMatchObject({ status: 413, code: 'request_too_large' });
  });

  test('429 of a rate limit: RateLimitError that says when to come back', async () => {
    const { once } = await open(openaiVendor, answering(openaiVendor, { pieces: ['Hi'] }), {
      limits: { perKey: { requestsPerMinute: 1 } },
    });
    await once.chat.completions.create(hello);
    const error = await thrownBy(once.chat.completions.create(hello));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    expect(Number(error.headers?.get('retry-after'))).toBeGreaterThan(0);
  });

  test('429 of a budget: RateLimitError, and x-should-retry keeps the SDK from asking again', async () => {
    const { client, gateway, upstream } = await open(openaiVendor, answering(openaiVendor, {}), {
      budgets: { perKey: { monthly: '$0.000001' } },
    });
    const error = await thrownBy(client.chat.completions.create(hello));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ code: 'budget_exceeded', type: 'insufficient_quota' });
    expect(error.headers?.get('x-should-retry')).toBe('false');
    expect(refusedCount(gateway.logged)).toBe(1);
    expect(upstream.requests).toHaveLength(0);
  });

  test('a request id is on every error', async () => {
    const { client, gateway } = await open(openaiVendor, answering(openaiVendor, {}));
    const error = await thrownBy(client.chat.completions.create({ ...hello, model: 'nothing' }));
    expect(gateway.logged.find(({ message }) => message === 'refused')).toMatchObject({ request_id: error.requestID });
  });
});
