import { describe, expect, test } from '@jest/globals';
import type { JsonObject, ProviderError } from '../../../lambdas/core/conversation.ts';
import type { AttemptReason } from '../../../lambdas/core/failures.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { azureOpenai } from '../../../lambdas/providers/azure-openai/azure-openai.ts';

const callOf = (provider: { baseUrl?: string; apiVersion?: string } = {}, body: JsonObject = { model: 'my chat' }) =>
  azureOpenai.call({
    target: {
      provider: { name: 'azure', kind: 'azure-openai', baseUrl: 'https://me.openai.azure.com', ...provider },
      model: 'my chat',
    } as Target,
    body,
    stream: true,
    apiKey: 'key-1',
    requestId: 'req_1',
  });

const urlOf = (provider: Parameters<typeof callOf>[0]): string => {
  const call = callOf(provider);
  return call.transport === 'http' ? call.url : '';
};

describe('the call', () => {
  test('without a version goes to the v1 API, which finds the deployment by the body’s model', () => {
    expect(callOf()).toEqual({
      transport: 'http',
      url: 'https://me.openai.azure.com/openai/v1/chat/completions',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        'x-ms-client-request-id': 'req_1',
        'api-key': 'key-1',
      },
      body: '{"model":"my chat"}',
      stream: true,
    });
  });

  test('with a version the path names the deployment', () => {
    expect(urlOf({ apiVersion: '2024-10-21' })).toBe(
      'https://me.openai.azure.com/openai/deployments/my%20chat/chat/completions?api-version=2024-10-21',
    );
  });

  test.each([
    'https://a.example/',
    'https://a.example/openai',
    'https://a.example/openai/v1/',
    'https://a.example/openai/deployments',
  ])('%s means its root', (baseUrl) => {
    expect(urlOf({ baseUrl })).toBe('https://a.example/openai/v1/chat/completions');
  });
});

test.each([
  ['2024-02-01', '{"stream":true}'],
  ['2024-09-01-preview', '{"stream":true,"stream_options":{"include_usage":true}}'],
  ['2024-10-21', '{"stream":true,"stream_options":{"include_usage":true}}'],
])('API version %s is asked only what it knows', (apiVersion, sent) => {
  const body = { stream: true, stream_options: { include_usage: true } };
  expect(callOf({ apiVersion }, body)).toMatchObject({ body: sent });
});

const decode = (status: number, error: object, headers: Record<string, string> = {}): ProviderError =>
  openaiChat.decodeError(status, headers, JSON.stringify({ error }));
const mapOf = (status: number, error: object, headers: Record<string, string> = {}) =>
  azureOpenai.mapError(decode(status, error), headers);

const FILTERED = {
  message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
  type: null,
  param: 'prompt',
  code: 'content_filter',
  status: 400,
  innererror: {
    code: 'ResponsibleAIPolicyViolation',
    content_filter_result: {
      hate: { filtered: true, severity: 'high' },
      jailbreak: { filtered: false, detected: false },
    },
  },
};

describe('what an error means', () => {
  test.each<[AttemptReason, number, object]>([
    ['content_filter', 400, FILTERED],
    ['content_filter', 400, { ...FILTERED, code: null }],
    [
      'unauthorized',
      401,
      { code: '401', message: 'Access denied due to invalid subscription key or wrong API endpoint.' },
    ],
    ['unauthorized', 403, { code: '403', message: 'Access denied due to Virtual Network/Firewall rules.' }],
    ['not_found', 404, { code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' }],
    ['not_found', 404, { code: '404', message: 'Resource not found' }],
    [
      'not_found',
      400,
      {
        code: 'OperationNotSupported',
        message: 'The chatCompletion operation does not work with the specified model, text-embedding-3-small.',
      },
    ],
    ['not_found', 400, { code: 'BadRequest', message: 'API version not supported' }],
    [
      'rate_limited',
      429,
      { code: '429', message: 'Requests to the ChatCompletions_Create Operation have exceeded call rate limit.' },
    ],
    ['rate_limited', 429, { code: 'RateLimitReached', message: 'Your requests have exceeded token rate limit.' }],
    [
      'context_length',
      400,
      { code: 'context_length_exceeded', message: "This model's maximum context length is 8192 tokens." },
    ],
    ['server_error', 408, { code: 'Timeout', message: 'The operation was timeout.' }],
    ['server_error', 500, { code: 'InternalServerError', message: 'The server had an error.' }],
    [
      'overloaded',
      503,
      { code: 'ServiceUnavailable', message: 'The service is temporarily unable to process your request.' },
    ],
    ['bad_request', 400, { code: null, message: "Invalid value for 'n'" }],
  ])('%s: %i %j', (reason, status, error) => {
    expect(mapOf(status, error).reason).toBe(reason);
  });

  test('a filtered prompt is the client’s: no retry, no other target, the vendor’s words kept', () => {
    expect(mapOf(400, FILTERED)).toMatchObject({
      isRetryable: false,
      mayFallBack: false,
      countsAgainstCircuit: false,
      message: FILTERED.message,
    });
  });

  test('a wait in milliseconds is kept to the millisecond', () => {
    const failure = mapOf(429, { code: '429', message: 'm' }, { 'retry-after-ms': '1234', 'retry-after': '2' });
    expect(failure.retryAfterMs).toBe(1_234);
  });
});

describe('what its filters add', () => {
  const relay = () => openaiChat.relayStream({ requestId: 'r', alias: 'assistant', createdAt: 1, streamUsage: false });
  const chunk = (more: object) => ({
    type: '',
    data: JSON.stringify({ id: 'c', model: 'gpt', object: 'chat.completion.chunk', ...more }),
  });
  const filters = [{ prompt_index: 0, content_filter_results: { hate: { filtered: false } } }];

  test('to the front of a stream goes on with the first chunk that has a choice', () => {
    const stream = relay();
    expect(stream.push(chunk({ choices: [], prompt_filter_results: filters })).text).toBe('');
    const { text } = stream.push(chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Hi' } }] }));
    expect(JSON.parse(text.slice('data: '.length))).toEqual({
      id: 'c',
      model: 'assistant',
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta: { role: 'assistant', content: 'Hi' } }],
      prompt_filter_results: filters,
    });
    const next = stream.push(chunk({ choices: [{ index: 0, delta: { content: '!' } }] })).text;
    expect(next).not.toContain('prompt_filter_results');
  });

  test('a choice that was filtered away ends the answer as filtered', () => {
    const body = { id: 'c', choices: [{ index: 0, finish_reason: 'content_filter', content_filter_results: {} }] };
    expect(openaiChat.decodeAnswer(body)).toMatchObject({ parts: [], stop: { reason: 'content-filter' } });
  });
});
