import { describe, expect, test } from '@jest/globals';
import type { AttemptReason } from '../../../lambdas/core/failures.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';
import { bedrock } from '../../../lambdas/providers/bedrock/bedrock.ts';
import { describeRecordings, recordedResponse, recordingOf } from '../../support/recordings.ts';

const target = (more: { baseUrl?: string; region?: string } = { region: 'us-west-2' }): Target => ({
  id: 'bedrock/nova@us-west-2',
  provider: { name: 'bedrock', kind: 'bedrock', baseUrl: more.baseUrl ?? '' },
  dialect: 'bedrock-converse',
  model: 'us.amazon.nova-micro-v1:0',
  ...(more.region !== undefined && { region: more.region }),
  price: {
    input: 1n,
    cachedInput: 1n,
    cacheWrite5m: 1n,
    cacheWrite1h: 1n,
    output: 1n,
    tiers: [],
    source: 'test',
  },
  capabilities: new Set(),
  contextTokens: 1,
  maxOutputTokens: 1,
  maxImageTokens: 1,
  maxDocumentTokens: 1,
  reasoningModel: false,
});

const CALL = { body: { messages: [] }, stream: true, requestId: 'r' };

describe('a call to Bedrock', () => {
  test("goes to the region's public endpoint with AWS credentials unless told otherwise", () => {
    expect(bedrock.call({ ...CALL, target: target() })).toEqual({
      transport: 'bedrock',
      region: 'us-west-2',
      model: 'us.amazon.nova-micro-v1:0',
      body: { messages: [] },
      stream: true,
    });
  });

  test('goes to the configured endpoint with the configured key', () => {
    const baseUrl = 'https://bedrock.{region}.example.com';
    const call = bedrock.call({ ...CALL, target: target({ baseUrl, region: 'eu-west-1' }), apiKey: 'k' });
    expect(call).toMatchObject({ endpoint: 'https://bedrock.eu-west-1.example.com', apiKey: 'k' });
  });

  test("without a region can't be made", () => {
    expect(() => bedrock.call({ ...CALL, target: target({}) })).toThrow('target bedrock/nova@us-west-2 has no region');
  });
});

describe('what errors mean', () => {
  const reasonFor = (status: number, type: string, message = 'm'): AttemptReason =>
    bedrock.mapError({ status, type, message }, {}).reason;

  test.each<[number, string, AttemptReason]>([
    [429, 'ThrottlingException', 'rate_limited'],
    [400, 'ServiceQuotaExceededException', 'rate_limited'],
    [429, 'ModelNotReadyException', 'overloaded'],
    [503, 'ServiceUnavailableException', 'overloaded'],
    [408, 'ModelTimeoutException', 'server_error'],
    [424, 'ModelErrorException', 'server_error'],
    [424, 'ModelStreamErrorException', 'server_error'],
    [500, 'InternalServerException', 'server_error'],
    [400, 'ValidationException', 'bad_request'],
    [404, 'ResourceNotFoundException', 'not_found'],
    [403, 'AccessDeniedException', 'unauthorized'],
    [403, 'UnrecognizedClientException', 'unauthorized'],
    [403, 'ExpiredTokenException', 'unauthorized'],
    [403, 'InvalidSignatureException', 'unauthorized'],
    [401, 'CredentialsProviderError', 'unauthorized'],
    [502, 'malformed_stream', 'malformed_answer'],
    [413, '', 'too_large'],
    [502, '', 'server_error'],
    [529, 'SomethingNew', 'overloaded'],
    [403, 'SomethingNew', 'unauthorized'],
  ])('%i %s is %s', (status, type, reason) => {
    expect(reasonFor(status, type)).toBe(reason);
  });

  test.each<[string, AttemptReason]>([
    ['Input is too long for requested model.', 'context_length'],
    ['The model returned the following errors: prompt is too long: 215000 tokens > 200000 maximum', 'context_length'],
    ['Too many input tokens. Max input tokens: 8192, request input token count: 9000', 'context_length'],
    ['input length and `max_tokens` exceed context limit: 190000 + 20000 > 204698', 'context_length'],
    ["This model's maximum context length is 8192 tokens. Please reduce the length of the prompt", 'context_length'],
    ['The provided model identifier is invalid.', 'not_found'],
    [
      'Invocation of model ID anthropic.claude-sonnet-4-20250514-v1:0 with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.',
      'not_found',
    ],
    ['Operation not allowed', 'unauthorized'],
    ['messages.1.content.0: the text field is blank', 'bad_request'],
    ['The value at toolConfig.tools.0.toolSpec.name failed a constraint', 'bad_request'],
  ])('a ValidationException that says "%s" is %s', (message, reason) => {
    expect(reasonFor(400, 'ValidationException', message)).toBe(reason);
  });

  test('"too many tokens, please wait" is a limit on rate, not on length', () => {
    expect(reasonFor(429, 'ThrottlingException', 'Too many tokens, please wait before trying again.')).toBe(
      'rate_limited',
    );
  });

  test('throttling moves on at once and leaves the circuit alone; a wait that a proxy names is kept', () => {
    const failure = bedrock.mapError(
      { status: 429, type: 'ThrottlingException', message: 'Too many requests' },
      { 'retry-after': '3' },
    );
    expect(failure).toMatchObject({ mayFallBack: true, countsAgainstCircuit: false, retryAfterMs: 3_000, status: 429 });
  });

  test('a model that ran out of time may be billed', () => {
    const timedOut = { status: 408, type: 'ModelTimeoutException', message: 'm' };
    expect(bedrock.mapError(timedOut, {}).mayBeBilled).toBe(true);
    expect(bedrock.mapError({ ...timedOut, type: 'InternalServerException' }, {}).mayBeBilled).toBe(false);
  });
});

describeRecordings('recorded errors', () => {
  test.each<[string, AttemptReason]>([
    ['br-err-400', 'not_found'],
    ['br-doc-throttle', 'rate_limited'],
  ])('%s is %s', (id, reason) => {
    const recording = recordingOf(id);
    const { status, headers } = recording.response;
    const error = bedrockConverse.decodeError(status, headers, recordedResponse(recording).toString('utf8'));
    expect(bedrock.mapError(error, headers)).toMatchObject({ reason, status });
  });
});
