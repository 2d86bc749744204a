/** Every provider's errors, from the bytes of a reply or an event to what becomes of the call and what a client reads. */
import { describe, expect, test } from '@jest/globals';
import { finalRefusal } from '../../lambdas/core/call/final-refusal.ts';
import { failureOfStreamError } from '../../lambdas/core/call/upstream-failure.ts';
import type { JsonValue } from '../../lambdas/core/conversation.ts';
import type { Dialect, Surface, WireEvent } from '../../lambdas/core/dialect.ts';
import type { AttemptFailure, AttemptReason } from '../../lambdas/core/failures.ts';
import type { Provider } from '../../lambdas/core/provider.ts';
import type { Target } from '../../lambdas/core/target.ts';
import { anthropicMessages } from '../../lambdas/dialects/anthropic-messages/codec.ts';
import { bedrockConverse } from '../../lambdas/dialects/bedrock-converse/codec.ts';
import { gemini as geminiDialect } from '../../lambdas/dialects/gemini/codec.ts';
import { openaiChat } from '../../lambdas/dialects/openai-chat/codec.ts';
import { openaiResponses } from '../../lambdas/dialects/openai-responses/codec.ts';
import { anthropic } from '../../lambdas/providers/anthropic/anthropic.ts';
import { bedrock } from '../../lambdas/providers/bedrock/bedrock.ts';
import { gemini } from '../../lambdas/providers/gemini/gemini.ts';
import { openai } from '../../lambdas/providers/openai/openai.ts';
import { openaiCompatible } from '../../lambdas/providers/openai-compatible/openai-compatible.ts';

type Vendor = [Provider, Dialect];
const OPENAI: Vendor = [openai, openaiChat];
const COMPATIBLE: Vendor = [openaiCompatible, openaiChat];
const ANTHROPIC: Vendor = [anthropic, anthropicMessages];
const BEDROCK: Vendor = [bedrock, bedrockConverse];
const GEMINI: Vendor = [gemini, geminiDialect];

const said = 'the vendor said so';
const openaiError = (type: string, code: string | number | null = null, message = said) => ({
  error: { message, type, param: null, code },
});
const anthropicError = (type: string, message = said) => ({ type: 'error', error: { type, message } });
const geminiError = (code: number, status: string, message = said) => ({ error: { code, message, status } });

/** Provider, status, body, headers, reason. */
const REPLIES: [Vendor, number, JsonValue, Record<string, string>, AttemptReason][] = [
  [OPENAI, 400, openaiError('invalid_request_error'), {}, 'bad_request'],
  [OPENAI, 400, openaiError('invalid_request_error', 'context_length_exceeded'), {}, 'context_length'],
  [OPENAI, 400, openaiError('invalid_request_error', 'content_policy_violation'), {}, 'content_filter'],
  [OPENAI, 401, openaiError('invalid_request_error', 'invalid_api_key'), {}, 'unauthorized'],
  [OPENAI, 403, openaiError('request_forbidden', 'unsupported_country_region_territory'), {}, 'unauthorized'],
  [OPENAI, 404, openaiError('invalid_request_error', 'model_not_found'), {}, 'not_found'],
  [OPENAI, 408, openaiError('timeout'), {}, 'server_error'],
  [OPENAI, 413, openaiError('invalid_request_error'), {}, 'too_large'],
  [OPENAI, 429, openaiError('requests', 'rate_limit_exceeded'), {}, 'rate_limited'],
  [OPENAI, 429, openaiError('insufficient_quota', 'insufficient_quota'), {}, 'rate_limited'],
  [OPENAI, 500, openaiError('server_error'), {}, 'server_error'],
  [OPENAI, 503, openaiError('slow_down', 'slow_down'), {}, 'overloaded'],

  [COMPATIBLE, 400, openaiError('invalid_request_error', 'tool_use_failed'), {}, 'malformed_answer'],
  [COMPATIBLE, 400, openaiError('invalid_request_error', 'json_validate_failed'), {}, 'malformed_answer'],
  [COMPATIBLE, 400, openaiError('invalid_request_error', 'model_decommissioned'), {}, 'not_found'],
  [COMPATIBLE, 400, { code: 'Client specified an invalid argument', error: said }, {}, 'bad_request'],
  [COMPATIBLE, 402, openaiError('unknown_error', 'invalid_request_error', 'Insufficient Balance'), {}, 'unauthorized'],
  [COMPATIBLE, 422, { detail: [{ loc: ['body', 'x'], msg: said }] }, {}, 'bad_request'],
  [COMPATIBLE, 429, { object: 'error', message: said, type: 'x', code: '3505' }, {}, 'rate_limited'],
  [
    COMPATIBLE,
    429,
    { error: { code: 429, message: 'Provider returned error', metadata: { raw: said } } },
    {},
    'rate_limited',
  ],
  [COMPATIBLE, 200, { error: { code: 502, message: said } }, {}, 'server_error'],
  [COMPATIBLE, 200, { error: { code: 429, message: said } }, {}, 'rate_limited'],
  [COMPATIBLE, 529, openaiError('overloaded_error'), {}, 'overloaded'],
  [COMPATIBLE, 524, '<html><title>timeout</title></html>', {}, 'server_error'],

  [ANTHROPIC, 400, anthropicError('invalid_request_error'), {}, 'bad_request'],
  [ANTHROPIC, 400, anthropicError('invalid_request_error', `prompt is too long: ${said}`), {}, 'context_length'],
  [ANTHROPIC, 400, anthropicError('invalid_request_error', 'Your credit balance is too low'), {}, 'unauthorized'],
  [ANTHROPIC, 401, anthropicError('authentication_error'), {}, 'unauthorized'],
  [ANTHROPIC, 403, anthropicError('permission_error'), {}, 'unauthorized'],
  [ANTHROPIC, 404, anthropicError('not_found_error'), {}, 'not_found'],
  [ANTHROPIC, 408, anthropicError('timeout_error'), {}, 'server_error'],
  [ANTHROPIC, 413, anthropicError('request_too_large'), {}, 'too_large'],
  [ANTHROPIC, 429, anthropicError('rate_limit_error'), { 'retry-after': '7' }, 'rate_limited'],
  [ANTHROPIC, 500, anthropicError('api_error'), {}, 'server_error'],
  [ANTHROPIC, 529, anthropicError('overloaded_error'), {}, 'overloaded'],

  ...(
    [
      [400, 'ValidationException', 'bad_request'],
      [403, 'AccessDeniedException', 'unauthorized'],
      [403, 'ExpiredTokenException', 'unauthorized'],
      [403, 'UnrecognizedClientException', 'unauthorized'],
      [404, 'ResourceNotFoundException', 'not_found'],
      [408, 'ModelTimeoutException', 'server_error'],
      [413, '', 'too_large'],
      [424, 'ModelErrorException', 'server_error'],
      [429, 'ThrottlingException', 'rate_limited'],
      [429, 'ModelNotReadyException', 'overloaded'],
      [400, 'ServiceQuotaExceededException', 'rate_limited'],
      [500, 'InternalServerException', 'server_error'],
      [503, 'ServiceUnavailableException', 'overloaded'],
    ] as const
  ).map(([status, type, reason]): (typeof REPLIES)[number] => [
    BEDROCK,
    status,
    { message: said },
    { 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/x/` },
    reason,
  ]),

  [GEMINI, 400, geminiError(400, 'INVALID_ARGUMENT'), {}, 'bad_request'],
  [
    GEMINI,
    400,
    geminiError(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.'),
    {},
    'unauthorized',
  ],
  [
    GEMINI,
    400,
    geminiError(400, 'INVALID_ARGUMENT', 'The input token count exceeds the maximum'),
    {},
    'context_length',
  ],
  [GEMINI, 401, geminiError(401, 'UNAUTHENTICATED'), {}, 'unauthorized'],
  [GEMINI, 403, geminiError(403, 'PERMISSION_DENIED'), {}, 'unauthorized'],
  [GEMINI, 404, geminiError(404, 'NOT_FOUND'), {}, 'not_found'],
  [GEMINI, 429, geminiError(429, 'RESOURCE_EXHAUSTED'), {}, 'rate_limited'],
  [GEMINI, 500, geminiError(500, 'INTERNAL'), {}, 'server_error'],
  [GEMINI, 503, geminiError(503, 'UNAVAILABLE'), {}, 'overloaded'],
  [GEMINI, 504, geminiError(504, 'DEADLINE_EXCEEDED'), {}, 'server_error'],
];

const failureOf = (
  [provider, dialect]: Vendor,
  status: number,
  body: JsonValue,
  headers: Record<string, string>,
): AttemptFailure => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return provider.mapError(dialect.decodeError(status, headers, text), headers);
};

describe('an error reply', () => {
  test.each(REPLIES.map((row) => [row[0][0].kind, ...row] as const))(
    '%s, %p, %p: a reason, kept with the vendor’s own words',
    (_, vendor, status, body, headers, reason) => {
      const failure = failureOf(vendor, status, body, headers);
      expect(failure.reason).toBe(reason);
      const text = JSON.stringify(body);
      if (text.includes(said)) expect(failure.message).toContain(said);
      expect(failure.message).not.toBe('');
    },
  );

  test('a model that wrote no call is asked again, elsewhere too, and is not broken', () => {
    expect(failureOf(COMPATIBLE, 400, openaiError('invalid_request_error', 'tool_use_failed'), {})).toMatchObject({
      isRetryable: true,
      mayFallBack: true,
      countsAgainstCircuit: false,
      mayBeBilled: false,
    });
  });

  test.each([
    [OPENAI, openaiError('x')],
    [ANTHROPIC, anthropicError('x')],
    [BEDROCK, { message: said }],
    [GEMINI, { error: { message: said } }],
  ] as [Vendor, JsonValue][])('of every provider means by its status what its words do not say', (vendor, body) => {
    const reasons = [400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529].map((status) => {
      const { reason, isRetryable, countsAgainstCircuit } = failureOf(vendor, status, body, {});
      return [status, reason, isRetryable, countsAgainstCircuit];
    });
    expect(reasons).toEqual([
      [400, 'bad_request', false, false],
      [401, 'unauthorized', false, true],
      [403, 'unauthorized', false, true],
      [404, 'not_found', false, true],
      [408, 'server_error', true, true],
      [413, 'too_large', false, false],
      [429, 'rate_limited', true, false],
      [500, 'server_error', true, true],
      [502, 'server_error', true, true],
      [503, 'overloaded', true, true],
      [504, 'server_error', true, true],
      [529, 'overloaded', true, true],
    ]);
  });
});

const sse = (data: JsonValue, type = ''): WireEvent => ({ type, data: JSON.stringify(data) });

/** Provider, the event, reason. */
const EVENTS: [Vendor, WireEvent, AttemptReason][] = [
  [OPENAI, sse(openaiError('server_error')), 'server_error'],
  [OPENAI, sse(openaiError('tokens', 'rate_limit_exceeded')), 'rate_limited'],
  [COMPATIBLE, sse({ error: { code: 502, message: said }, choices: [] }), 'server_error'],
  [
    COMPATIBLE,
    sse({ error: { message: said, type: 'invalid_request_error', code: 'tool_use_failed' }, status_code: 400 }),
    'malformed_answer',
  ],
  [COMPATIBLE, sse({ error: { message: said, type: 'x', status_code: 400 } }), 'bad_request'],
  [ANTHROPIC, sse(anthropicError('overloaded_error'), 'error'), 'overloaded'],
  [ANTHROPIC, sse(anthropicError('rate_limit_error'), 'error'), 'rate_limited'],
  [BEDROCK, { type: 'throttlingException', data: { message: said } }, 'rate_limited'],
  [BEDROCK, { type: 'modelStreamErrorException', data: { message: said } }, 'server_error'],
  [BEDROCK, { type: 'internalServerException', data: { message: said } }, 'server_error'],
  [BEDROCK, { type: 'serviceUnavailableException', data: { message: said } }, 'overloaded'],
  [BEDROCK, { type: 'validationException', data: { message: said } }, 'bad_request'],
  [GEMINI, sse(geminiError(503, 'UNAVAILABLE')), 'overloaded'],
];

describe('an error inside a stream', () => {
  test.each(EVENTS.map((row) => [row[0][0].kind, ...row] as const))('%s', (_, [provider, dialect], event, reason) => {
    const [told] = dialect.decodeStream().push(event);
    if (told?.type !== 'error') throw new Error(`no error: ${JSON.stringify(told)}`);
    const before = failureOfStreamError(told.error, provider.mapError, false);
    expect([before.reason, before.message]).toEqual([reason, said]);
    // Whoever had begun to answer may bill.
    expect(failureOfStreamError(told.error, provider.mapError, true)).toEqual({ ...before, mayBeBilled: true });
  });
});

describe('what the client reads', () => {
  const hidden = [
    'sk-proj-abcdefghijklmnop',
    '10.1.2.3:8443',
    'vllm.default.svc.cluster.local',
    'https://ops:pw@x.example',
  ];
  const leaky = `${said}: key sk-proj-abcdefghijklmnop at 10.1.2.3:8443 (vllm.default.svc.cluster.local, https://ops:pw@x.example)`;
  const surfaces: Surface[] = [openaiChat, anthropicMessages, openaiResponses];

  test.each(
    surfaces.flatMap((surface) =>
      [OPENAI, ANTHROPIC, BEDROCK, GEMINI].flatMap((vendor) =>
        [400, 401, 404, 429, 500].map((status) => [surface.name, vendor[0].kind, status, surface, vendor] as const),
      ),
    ),
  )(
    'in %s of %s’s %d: the vendor’s words, no key and no host of anybody’s network',
    (_, __, status, surface, vendor) => {
      const body = { message: leaky, error: { message: leaky, type: 'x', code: status } };
      const failure = failureOf(vendor, status, body, {});
      const target = { id: 'it/model' } as Target;
      const { refusal } = finalRefusal([{ target, startedAt: 0, durationMs: 1, failure }] as never, [], 'assistant', 1);
      const text = JSON.stringify(surface.encodeError(refusal, 'req_1'));
      expect(text).toContain(said);
      for (const secret of hidden) expect(text).not.toContain(secret);
      expect(text).not.toContain('pw@');
    },
  );
});
