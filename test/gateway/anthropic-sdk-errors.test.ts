/** The official `@anthropic-ai/sdk` package, unchanged, with a base URL and a key, raises each error as its own class. */
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, test } from '@jest/globals';
import { answering, anthropicVendor, refusing, startVendorGateway, VENDORS } from '../support/vendors.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What an application writes: base URL and key. `once` keeps the SDK from trying again, where a test counts or can't wait. */
const open = async (...options: Parameters<typeof startVendorGateway>) => {
  const opened = await startVendorGateway(...options);
  cleanups.push(opened.stop);
  const { url, key } = opened.gateway;
  const client = new Anthropic({ baseURL: url, apiKey: key });
  return { ...opened, client, once: client.withOptions({ maxRetries: 0 }) };
};

const thrownBy = async (promise: Promise<unknown>): Promise<InstanceType<typeof Anthropic.APIError>> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(Anthropic.APIError);
  return thrown as InstanceType<typeof Anthropic.APIError>;
};

/** What the gateway put beside Anthropic's own fields. */
const detailsOf = (error: { error: unknown }) =>
  (error.error as { error: { type: string; message: string; tollgate: { code: string; param?: string } } }).error;

const hello = { model: 'assistant', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello' }] };

describe.each(VENDORS)('a provider that speaks %s', (_, vendor) => {
  const errors: [number, number, new (...args: never[]) => Error][] = [
    [400, 400, Anthropic.BadRequestError],
    [404, 404, Anthropic.NotFoundError],
    [429, 429, Anthropic.RateLimitError],
    [500, 502, Anthropic.InternalServerError],
  ];
  test.each(errors.flatMap((error) => [[false, ...error] as const, [true, ...error] as const]))(
    '(stream: %s) a provider’s %i is raised as a %i',
    async (stream, status, raised, errorClass) => {
      const { once } = await open(vendor, refusing(vendor, status, 'the provider’s words', { 'retry-after': '7' }));
      const error = await thrownBy(once.messages.create({ ...hello, stream }));
      expect(error).toBeInstanceOf(errorClass);
      expect(error.status).toBe(raised);
      expect(error.requestID).toMatch(/^req_/);
      expect(error.message).toContain('the provider’s words');
      expect(error.headers?.get('retry-after')).toBe(status === 429 || status === 500 ? '7' : null);
    },
  );

  test('a provider that turns down the gateway’s key: a 502, which the SDK does not try again', async () => {
    const { client, upstream } = await open(vendor, refusing(vendor, 401, 'no such key'));
    const error = await thrownBy(client.messages.create(hello));
    expect(error).toBeInstanceOf(Anthropic.InternalServerError);
    expect(error.headers?.get('x-should-retry')).toBe('false');
    expect(upstream.requests).toHaveLength(1);
  });

  test('a failure that passes: the SDK tries again and gets its answer', async () => {
    let count = 0;
    const well = answering(vendor, { pieces: ['There.'] });
    const ill = refusing(vendor, 500, 'not now');
    const { client, upstream } = await open(vendor, (request, response) => {
      count += 1;
      return (count === 1 ? ill : well)(request, response);
    });
    const message = await client.messages.create(hello);
    expect(message.content).toMatchObject([{ type: 'text', text: 'There.' }]);
    expect(upstream.requests).toHaveLength(2);
  });
});

describe('what the gateway itself refuses', () => {
  const refused = (logged: Record<string, unknown>[]) => logged.filter(({ message }) => message === 'refused');

  test('400: BadRequestError, with the field at fault', async () => {
    const { client } = await open(anthropicVendor, answering(anthropicVendor, {}));
    const error = await thrownBy(client.messages.create({ ...hello, max_tokens: -1 }));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(detailsOf(error)).toMatchObject({
      type: 'invalid_request_error',
      tollgate: { code: 'invalid_request', param: 'max_tokens' },
    });
  });

  test('401: AuthenticationError, of a key that is none and of one that is not known', async () => {
    const { client, gateway } = await open(anthropicVendor, answering(anthropicVendor, {}));
    const wrong = gateway.key.slice(0, -3) + (gateway.key.endsWith('aaa') ? 'bbb' : 'aaa');
    for (const apiKey of ['sk-ant-x', wrong]) {
      const error = await thrownBy(client.withOptions({ apiKey }).messages.create(hello));
      expect(error).toBeInstanceOf(Anthropic.AuthenticationError);
      expect(detailsOf(error).type).toBe('authentication_error');
      expect(error.message).not.toContain(apiKey);
    }
  });

  test('a key as a bearer token, as the SDK sends an authToken, is taken too', async () => {
    const { gateway } = await open(anthropicVendor, answering(anthropicVendor, { pieces: ['Hi'] }));
    const client = new Anthropic({ baseURL: gateway.url, authToken: gateway.key, apiKey: null });
    expect((await client.messages.create(hello)).content).toMatchObject([{ text: 'Hi' }]);
  });

  test('403: PermissionDeniedError, of another alias and of a key that has expired', async () => {
    const { client, gateway } = await open(anthropicVendor, answering(anthropicVendor, {}));
    for (const record of [{ aliases: ['other'] }, { expiresAt: 1 }]) {
      const apiKey = await gateway.makeKey(record);
      const error = await thrownBy(client.withOptions({ apiKey }).messages.create(hello));
      expect(error).toBeInstanceOf(Anthropic.PermissionDeniedError);
      expect(detailsOf(error).type).toBe('permission_error');
    }
  });

  test('404: NotFoundError, which names what there is', async () => {
    const { client } = await open(anthropicVendor, answering(anthropicVendor, {}));
    const error = await thrownBy(client.messages.create({ ...hello, model: 'claude-nothing' }));
    expect(error).toBeInstanceOf(Anthropic.NotFoundError);
    expect(detailsOf(error).type).toBe('not_found_error');
    expect(detailsOf(error).message).toContain('"assistant"');
  });

  test('413: an error of that status', async () => {
    const { client } = await open(anthropicVendor, answering(anthropicVendor, {}));
    const content = 'x'.repeat(6_500_000);
    const error = await thrownBy(client.messages.create({ ...hello, messages: [{ role: 'user', content }] }));
    expect(error.status).toBe(413);
    expect(detailsOf(error).type).toBe('request_too_large');
  });

  test('429 of a rate limit: RateLimitError that says when to come back', async () => {
    const { once } = await open(anthropicVendor, answering(anthropicVendor, { pieces: ['Hi'] }), {
      limits: { perKey: { requestsPerMinute: 1 } },
    });
    await once.messages.create(hello);
    const error = await thrownBy(once.messages.create(hello));
    expect(error).toBeInstanceOf(Anthropic.RateLimitError);
    expect(detailsOf(error)).toMatchObject({ type: 'rate_limit_error', tollgate: { code: 'rate_limit_exceeded' } });
    expect(Number(error.headers?.get('retry-after'))).toBeGreaterThan(0);
  });

  test('429 of a budget: RateLimitError, and x-should-retry keeps the SDK from asking again', async () => {
    const { client, gateway, upstream } = await open(anthropicVendor, answering(anthropicVendor, {}), {
      budgets: { perKey: { monthly: '$0.000001' } },
    });
    const error = await thrownBy(client.messages.create(hello));
    expect(error).toBeInstanceOf(Anthropic.RateLimitError);
    expect(detailsOf(error).tollgate.code).toBe('budget_exceeded');
    expect(error.headers?.get('x-should-retry')).toBe('false');
    expect(refused(gateway.logged)).toHaveLength(1);
    expect(upstream.requests).toHaveLength(0);
  });

  test('a request id is on every error, in the header and in the body', async () => {
    const { client, gateway } = await open(anthropicVendor, answering(anthropicVendor, {}));
    const error = await thrownBy(client.messages.create({ ...hello, model: 'nothing' }));
    expect(refused(gateway.logged)[0]).toMatchObject({ request_id: error.requestID });
    expect(error.error).toMatchObject({ request_id: error.requestID });
  });
});
