import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { attemptFailure, readRetryAfterMs, reasonOfStatus } from '../../../lambdas/core/call/attempt-failure.ts';
import { redactSecrets } from '../../../lambdas/core/call/redact-secrets.ts';
import type { AttemptReason } from '../../../lambdas/core/failures.ts';

describe('what a reason means', () => {
  test.each<[AttemptReason, string]>([
    ['rate_limited', 'retry, fall back'],
    ['overloaded', 'retry, fall back, circuit'],
    ['server_error', 'retry, fall back, circuit'],
    ['connection_failed', 'retry, fall back, circuit'],
    ['first_token_timeout', 'retry, fall back, circuit, billed'],
    ['idle_timeout', 'retry, fall back, circuit, billed'],
    ['cut_off', 'retry, fall back, circuit, billed'],
    ['malformed_answer', 'retry, fall back, circuit, billed'],
    ['deadline', 'billed'],
    ['cancelled', 'billed'],
    ['bad_request', ''],
    ['content_filter', ''],
    ['context_length', 'fall back'],
    ['too_large', 'fall back'],
    ['unauthorized', 'fall back, circuit'],
    ['not_found', 'fall back, circuit'],
  ])('%s: %s', (reason, meaning) => {
    const failure = attemptFailure(reason, { message: 'm' });
    const words = [
      failure.isRetryable && 'retry',
      failure.mayFallBack && 'fall back',
      failure.countsAgainstCircuit && 'circuit',
      failure.mayBeBilled && 'billed',
    ];
    expect(words.filter((word) => word !== false).join(', ')).toBe(meaning);
  });

  test('what the caller knows goes in; what it does not stays out', () => {
    expect(
      attemptFailure('server_error', { message: 'm', status: 500, retryAfterMs: 0, mayBeBilled: true }),
    ).toMatchObject({
      status: 500,
      retryAfterMs: 0,
      mayBeBilled: true,
    });
    expect(Object.keys(attemptFailure('server_error', { message: 'm', status: undefined }))).not.toContain('status');
  });
});

test.each<[number, AttemptReason]>([
  [400, 'bad_request'],
  [401, 'unauthorized'],
  [402, 'unauthorized'],
  [403, 'unauthorized'],
  [404, 'not_found'],
  [408, 'server_error'],
  [409, 'server_error'],
  [413, 'too_large'],
  [418, 'bad_request'],
  [422, 'bad_request'],
  [429, 'rate_limited'],
  [500, 'server_error'],
  [502, 'server_error'],
  [503, 'overloaded'],
  [504, 'server_error'],
  [529, 'overloaded'],
  [302, 'server_error'],
])('status %i is %s', (status, reason) => {
  expect(reasonOfStatus(status)).toBe(reason);
});

describe('retry-after', () => {
  const now = 'Wed, 21 Oct 2026 07:28:00 GMT';
  test.each<[Record<string, string>, number | undefined]>([
    [{}, undefined],
    [{ 'retry-after': '5' }, 5_000],
    [{ 'retry-after': ' 1.5 ' }, 1_500],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after-ms': '250', 'retry-after': '9' }, 250],
    [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9_000],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:28:30 GMT', date: now }, 30_000],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:27:00 GMT', date: now }, 0],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:28:30 GMT' }, undefined],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:28:30 GMT', date: 'x' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'NaN' }, undefined],
    [{ 'retry-after': '999999999' }, 86_400_000],
    [{ 'retry-after': '1e400' }, undefined],
  ])('%j is %s ms', (headers, expected) => {
    expect(readRetryAfterMs(headers)).toBe(expected);
  });
});

describe('secrets in messages', () => {
  test.each([
    'sk-proj-abcdefghijklmnop',
    'sk-ant-api03-abc_def-ghi',
    'sk-abcd**********wxyz',
    'gsk_abcdefghijklmnop',
    'xai-abcdefghijklmnop',
    'AIzaSyA-abcdefghijklmnop',
    'AKIAIOSFODNN7EXAMPLE',
    'ABSKQmVkcm9ja0FQSUtleS1abc=',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc',
    'Bearer abcdefghijklmnop',
  ])('%s is taken out', (secret) => {
    const told = attemptFailure('unauthorized', {
      message: `Incorrect API key provided: ${secret}. Find yours.`,
    }).message;
    expect(told).toContain('[redacted]');
    expect(told).not.toContain(secret);
    expect(told).toMatch(/^Incorrect API key provided: /);
  });

  test.each([
    '10.1.2.3:8443',
    '172.20.0.7',
    '192.168.1.1',
    '127.0.0.1:11434',
    '[::1]:8080',
    '[fd00::1:2]:80',
    'localhost:11434',
    'vllm.default.svc.cluster.local:8000',
    'ip-10-0-0-3.ec2.internal',
    'internal.amazon.com/coral/com.amazon.bedrock/',
    'https://ops:pw@proxy.example.com',
  ])('%s is nobody else’s business', (place) => {
    const told = redactSecrets(`Could not reach ${place} in time`);
    expect(told).not.toContain(place);
    expect(told).toMatch(/^Could not reach .+ in time$/);
  });

  test('ordinary words stay', () => {
    const words =
      'The model `gpt-5.2-pro` 10.2.3 at https://api.example.com/v1 does not exist: task-force, risk-free, basic plan, ask-me-anything, an internal error, the local time is 10:30';
    expect(redactSecrets(words)).toBe(words);
  });

  test('a message is cut, however long it is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5_000 }),
        fc.constantFrom('x', 'sk-abcdefghijk ', '<p>'),
        (count, piece) => {
          expect(redactSecrets(piece.repeat(count)).length).toBeLessThanOrEqual(1_001);
        },
      ),
    );
  });
});
