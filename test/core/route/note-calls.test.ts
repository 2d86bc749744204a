import { describe, expect, test } from '@jest/globals';
import type { Admission } from '../../../lambdas/core/admit/admission.ts';
import { attemptFailure } from '../../../lambdas/core/call/attempt-failure.ts';
import type { AttemptRecord, CallRequest } from '../../../lambdas/core/call/call.ts';
import type { CachePoint, Usage } from '../../../lambdas/core/conversation.ts';
import { makeHomeBook } from '../../../lambdas/core/route/home-book.ts';
import { noteCalls } from '../../../lambdas/core/route/note-calls.ts';
import type { CallSample } from '../../../lambdas/core/route/target-statistics.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { makeTarget, USAGE } from '../call/call-fixture.ts';

const OPENAI = makeTarget('a');
const CLAUDE = makeTarget('c', {
  dialect: 'anthropic-messages',
  provider: { name: 'c', kind: 'anthropic', baseUrl: 'https://c' },
});

/** A call whose attempts end as told. @returns what the process knows afterwards */
const noteEnded = (
  target: Target,
  more: Partial<AttemptRecord>,
  {
    wasSent = true,
    conversation = 'name',
    cache,
  }: { wasSent?: boolean; conversation?: string; cache?: CachePoint } = {},
) => {
  const clock = makeFakeClock();
  const homes = makeHomeBook();
  const samples: [string, CallSample][] = [];
  const told: boolean[] = [];
  const part = { type: 'text', text: 'hi', ...(cache && { cache }) };
  const admission = {
    plan: {
      ...(conversation !== '' && { conversation }),
      estimateOf: () => ({ inputTokensLow: 3_000, inputTokensHigh: 5_000 }),
    },
    asked: {
      conversation: { turns: [{ role: 'user', parts: [part] }], tools: [], costBearing: [], sameDialectOnly: [] },
    },
  } as unknown as Admission;
  const request = noteCalls(
    { attemptEnded: (_: unknown, sent: boolean) => told.push(sent) } as unknown as CallRequest,
    admission,
    {
      clock,
      homes,
      statistics: {
        of: () => undefined,
        note: (id, sample) => samples.push([id, sample]),
        refresh: async () => {},
        settled: async () => {},
      },
    },
  );
  const record = { target, startedAt: clock.now() - 500, durationMs: 400, seenOutputTokens: 0, ...more };
  request.attemptEnded?.(record, wasSent);
  expect(told).toEqual([wasSent]);
  const homeAfter = (ms: number) => homes.homeOf('name', clock.now() + ms);
  return { samples, homeAfter };
};
const usage = (more: Partial<Usage>): Usage => ({ ...USAGE, ...more });
const MINUTE = 60_000;

describe('what a process keeps of an ended attempt', () => {
  test('how it went, for its target', () => {
    expect(noteEnded(OPENAI, { usage: usage({ outputTokens: 40 }) }).samples).toEqual([
      ['a', expect.objectContaining({ kind: 'ok', wholeTokenUs: 10_000 })],
    ]);
    const failure = attemptFailure('overloaded', { message: 'busy' });
    expect(noteEnded(OPENAI, { failure }).samples).toEqual([['a', expect.objectContaining({ kind: 'broken' })]]);
  });

  test('nothing of one that was never sent, and no home of one that failed', () => {
    expect(noteEnded(OPENAI, {}, { wasSent: false }).samples).toEqual([]);
    const failure = attemptFailure('cut_off', { message: 'cut' });
    expect(noteEnded(OPENAI, { failure, usage: usage({ inputTokens: 5_000 }) }).homeAfter(0)).toBeUndefined();
  });

  test('the conversation’s home, while its cache is warm', () => {
    const { homeAfter } = noteEnded(OPENAI, { usage: usage({ inputTokens: 5_000, cachedInputTokens: 1_000 }) });
    expect(homeAfter(5 * MINUTE - 1)).toMatchObject({ target: 'a', cachedTokens: 4_000 });
    expect(homeAfter(5 * MINUTE)).toBeUndefined();
    expect(noteEnded(OPENAI, { usage: USAGE }, { conversation: '' }).homeAfter(0)).toBeUndefined();
  });

  test.each<[string, Target, Partial<Usage>, CachePoint | undefined, number]>([
    ['OpenAI caches long prompts unasked', OPENAI, { inputTokens: 5_000 }, undefined, 4_000],
    ['and no short ones', OPENAI, { inputTokens: 1_000 }, undefined, 0],
    ['Claude caches nothing unasked', CLAUDE, { inputTokens: 5_000 }, undefined, 0],
    ['and what is marked', CLAUDE, { inputTokens: 5_000 }, { ttl: '5m' }, 4_000],
    ['a vendor that tells of it is believed', CLAUDE, { inputTokens: 5, cacheWrite5mTokens: 4_000 }, undefined, 4_000],
    ['a count that is none is none', OPENAI, { inputTokens: Number.NaN }, undefined, 0],
  ])('%s', (_, target, counts, cache, cachedTokens) => {
    const { homeAfter } = noteEnded(target, { usage: usage(counts) }, cache && { cache });
    expect(homeAfter(0)).toMatchObject({ cachedTokens });
  });

  test('a prompt that is kept an hour is remembered as long', () => {
    const { homeAfter } = noteEnded(CLAUDE, { usage: usage({ inputTokens: 5_000 }) }, { cache: { ttl: '1h' } });
    expect(homeAfter(59 * MINUTE)).toBeDefined();
  });
});
