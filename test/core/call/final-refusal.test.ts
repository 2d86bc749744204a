import { describe, expect, test } from '@jest/globals';
import { attemptFailure } from '../../../lambdas/core/call/attempt-failure.ts';
import { brokenStream, finalRefusal, stoppedRefusal } from '../../../lambdas/core/call/final-refusal.ts';
import type { AttemptReason, VendorError } from '../../../lambdas/core/failures.ts';
import { makeTarget } from './call-fixture.ts';

const NOW = 1_000_000;
const failed = (
  reason: AttemptReason,
  more: { status?: number; retryAfterMs?: number; endedAt?: number; at?: string; told?: VendorError } = {},
) => ({
  target: makeTarget(more.at ?? 'a'),
  startedAt: (more.endedAt ?? NOW) - 10,
  durationMs: 10,
  seenOutputTokens: 0,
  failure: {
    ...attemptFailure(reason, {
      message: `it was ${reason}`,
      status: more.status,
      retryAfterMs: more.retryAfterMs,
    }),
    ...(more.told && { told: more.told }),
  },
});
const told = (...attempts: ReturnType<typeof failed>[]) => finalRefusal(attempts, [], 'assistant', NOW);

describe('the final word', () => {
  test.each<[AttemptReason]>([['bad_request'], ['content_filter']])(
    '%s is the client’s own mistake, in the vendor’s words',
    (reason) => {
      expect(told(failed('server_error'), failed(reason))).toMatchObject({
        outcome: 'refused-by-provider',
        refusal: { code: 'invalid_request', message: `it was ${reason}`, shouldRetry: false },
      });
    },
  );

  test.each<[string, AttemptReason[], string]>([
    ['too long everywhere', ['context_length', 'context_length'], 'context_length_exceeded'],
    ['too large everywhere', ['too_large', 'too_large'], 'request_too_large'],
    ['too long here, too large there', ['too_large', 'context_length'], 'context_length_exceeded'],
    ['unknown everywhere', ['not_found', 'not_found'], 'model_not_found'],
    ['too long here, broken there', ['context_length', 'server_error'], 'all_targets_failed'],
    ['limited here, broken there', ['rate_limited', 'server_error'], 'all_targets_failed'],
    ['unknown here, not allowed there', ['not_found', 'unauthorized'], 'all_targets_failed'],
  ])('%s: %j → %s', (_, reasons, code) => {
    const { refusal, outcome } = told(...reasons.map((reason) => failed(reason)));
    expect([refusal.code, outcome]).toEqual([code, 'failed']);
    expect(refusal.attempts?.map(({ reason }) => reason)).toEqual(reasons);
  });

  test('unknown everywhere, which the vendors told with a 400: a 400 in their words', () => {
    const { refusal } = told(failed('not_found', { status: 400 }), failed('not_found', { status: 400 }));
    expect(refusal).toMatchObject({ code: 'invalid_request', shouldRetry: false });
    expect(refusal.message).toContain('it was not_found');
    const mixed = told(failed('not_found', { status: 400 }), failed('not_found', { status: 404 }));
    expect(mixed.refusal.code).toBe('model_not_found');
  });

  test('limited everywhere: the soonest retry-after, from when it was told', () => {
    const { refusal } = told(
      failed('rate_limited', { retryAfterMs: 9_000, endedAt: NOW - 2_000 }),
      failed('rate_limited', { retryAfterMs: 8_000, at: 'b' }),
      failed('rate_limited', { at: 'c' }),
    );
    expect(refusal).toMatchObject({ code: 'rate_limit_exceeded', retryAfterMs: 7_000 });
  });

  test('limited twice by the same target: what it said last', () => {
    const { refusal } = told(
      failed('rate_limited', { retryAfterMs: 3_000, endedAt: NOW - 3_000 }),
      failed('rate_limited', { retryAfterMs: 20_000 }),
    );
    expect(refusal.retryAfterMs).toBe(20_000);
    const others = told(
      failed('rate_limited', { retryAfterMs: 3_000, endedAt: NOW - 3_000 }),
      failed('rate_limited', { retryAfterMs: 9_000, at: 'b' }),
      failed('rate_limited', { retryAfterMs: 20_000 }),
    );
    expect(others.refusal.retryAfterMs).toBe(9_000);
  });

  test('accounts that are used up: waiting can’t help, and the client is not told to', () => {
    const usedUp = (at: string) => {
      const { failure, ...rest } = failed('rate_limited', { at, retryAfterMs: 1_000 });
      return { ...rest, failure: { ...failure, isRetryable: false } };
    };
    const { refusal } = told(usedUp('a'), usedUp('b'));
    expect(refusal).toMatchObject({ code: 'rate_limit_exceeded', shouldRetry: false });
    expect(refusal).not.toHaveProperty('retryAfterMs');
    expect(refusal.message).toContain('out of quota');
    expect(refusal.message).not.toContain('rate limit');
    // Where one is only busy, that one is waited for.
    const one = told(usedUp('a'), failed('rate_limited', { at: 'b', retryAfterMs: 5_000 })).refusal;
    expect(one).toMatchObject({ retryAfterMs: 5_000 });
    expect(one).not.toHaveProperty('shouldRetry');
    // Its own wait says nothing new; another target that could not be asked may serve after its own.
    const shut = { kind: 'wait', until: NOW + 9_000, because: 'retry-after' } as const;
    expect(finalRefusal([usedUp('a')], [shut], 'assistant', NOW).refusal.shouldRetry).toBe(false);
    expect(finalRefusal([usedUp('a')], [shut, shut], 'assistant', NOW).refusal).not.toHaveProperty('shouldRetry');
  });

  const TOLD: VendorError = { dialect: 'openai-chat', fields: { code: 'odd', param: 'messages', type: 'x' } };
  test('the vendor’s own fields go with its own refusal, and with nothing that the gateway concludes', () => {
    expect(told(failed('bad_request', { told: TOLD })).refusal.told).toEqual(TOLD);
    expect(told(failed('content_filter', { told: TOLD })).refusal).toMatchObject({ told: TOLD, isFiltered: true });
    expect(told(failed('bad_request')).refusal).not.toHaveProperty('isFiltered');
    expect(told(failed('server_error', { told: TOLD })).refusal).not.toHaveProperty('told');
    expect(told(failed('rate_limited', { told: TOLD })).refusal).not.toHaveProperty('told');
    // Too long is told by one code alone; the field at fault is the vendor's to say.
    expect(told(failed('context_length', { told: TOLD })).refusal.told?.fields).toEqual({ param: 'messages' });
    // So is that an answer broke off; the type is the vendor's.
    const broken = brokenStream(failed('overloaded', { told: TOLD }).failure, makeTarget('a'));
    expect(broken.told?.fields).toEqual({ param: 'messages', type: 'x' });
    expect(broken).not.toHaveProperty('isFiltered');
  });

  test('a model that wrote no call, which its vendor told with a 400: a 400 in its words, that may be tried again', () => {
    const { refusal } = told(failed('malformed_answer', { status: 400, told: TOLD }));
    expect(refusal).toMatchObject({ code: 'invalid_request', told: TOLD, message: expect.stringContaining('it was') });
    expect(refusal).not.toHaveProperty('shouldRetry');
    expect(told(failed('malformed_answer', { status: 200 })).refusal.code).toBe('all_targets_failed');
    const two = told(
      failed('malformed_answer', { status: 400, told: TOLD }),
      failed('malformed_answer', { status: 400, at: 'b', told: TOLD }),
    );
    expect(two.refusal).not.toHaveProperty('told');
  });

  test('limited everywhere without a word of when: a second', () => {
    expect(told(failed('rate_limited')).refusal).toMatchObject({ code: 'rate_limit_exceeded', retryAfterMs: 1_000 });
  });

  test('a retry can’t help where none of the failures could pass', () => {
    expect(told(failed('unauthorized'), failed('not_found')).refusal.shouldRetry).toBe(false);
    expect(told(failed('unauthorized'), failed('server_error')).refusal).not.toHaveProperty('shouldRetry');
  });

  test('nothing tried, all circuits open: when the first will be tried again', () => {
    const shut = [
      { kind: 'wait', until: NOW + 9_000, because: 'circuit' },
      { kind: 'wait', until: NOW + 4_000, because: 'circuit' },
    ] as const;
    expect(finalRefusal([], shut, 'assistant', NOW)).toMatchObject({
      outcome: 'failed',
      refusal: { code: 'no_target_available', retryAfterMs: 4_000 },
    });
  });

  test('nothing tried, all at their rate limit: says so', () => {
    const shut = [{ kind: 'wait', until: NOW + 60_000, because: 'retry-after' }] as const;
    expect(finalRefusal([], shut, 'assistant', NOW).refusal).toMatchObject({
      code: 'rate_limit_exceeded',
      retryAfterMs: 60_000,
    });
  });

  test('the deadline lists what was tried', () => {
    const { refusal } = stoppedRefusal('deadline', [failed('server_error', { status: 500 }), failed('deadline')]);
    expect(refusal).toMatchObject({ code: 'deadline_exceeded', attempts: [{ status: 500 }, { reason: 'deadline' }] });
  });

  test.each<[AttemptReason, string]>([
    ['cut_off', 'all_targets_failed'],
    ['deadline', 'deadline_exceeded'],
    ['cancelled', 'cancelled'],
  ])('a stream broken by %s ends as %s and says that it is incomplete', (reason, code) => {
    const refusal = brokenStream(attemptFailure(reason, { message: 'why' }), makeTarget('a'));
    expect(refusal).toMatchObject({ code, message: expect.stringContaining('incomplete') });
  });
});
