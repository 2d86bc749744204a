import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { AnswerClaim, KeptAnswer } from '../../lambdas/core/idempotency/answer-store.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const ANSWER: KeptAnswer = {
  requestId: 'req_1',
  headers: { 'content-type': 'text/event-stream', 'x-request-id': 'req_1' },
  body: 'data: {"text":"grüße 👋"}\n\ndata: [DONE]\n\n',
};

const claimOf = (owner: string, nowMs: number, more: Partial<AnswerClaim> = {}): AnswerClaim => ({
  key: 'k1#abc',
  fingerprint: 'f1',
  owner,
  leaseUntil: nowMs + MINUTE_MS,
  ...more,
});

export const describeAnswersSuite = (name: string, makeStores: MakeStores): void => {
  describe(`answer store: ${name}`, () => {
    test(
      'of many who claim a key at once one has it, and may say so again',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        const other = await world.open();
        const claims = Array.from({ length: 24 }, (_, i) => claimOf(`o${i}`, clock.now()));
        const outcomes = await Promise.all(
          claims.map((claim, i) => (i % 2 ? other : stores).answers.claim(claim, clock.now())),
        );
        expect(outcomes.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
        expect(outcomes.filter(({ kind }) => kind === 'in-progress')).toHaveLength(23);
        const winner = claims[outcomes.findIndex(({ kind }) => kind === 'claimed')];
        expect(winner && (await other.answers.claim(winner, clock.now()))).toEqual({ kind: 'claimed' });
      }),
    );

    test(
      'what was kept is read back to the letter, by any process',
      inWorld(makeStores, async ({ world, clock, stores: { answers } }) => {
        const claim = claimOf('a', clock.now());
        await answers.claim(claim, clock.now());
        expect(await answers.keep(claim, ANSWER, clock.now())).toBe(true);
        const other = await world.open();
        expect(await other.answers.claim(claimOf('b', clock.now()), clock.now())).toEqual({
          kind: 'answered',
          answer: ANSWER,
        });
      }),
    );

    test(
      'keys are apart, and another request under the same one is told so',
      inWorld(makeStores, async ({ clock, stores: { answers } }) => {
        const claim = claimOf('a', clock.now());
        await answers.claim(claim, clock.now());
        expect(await answers.claim(claimOf('b', clock.now(), { key: 'k2#abc' }), clock.now())).toEqual({
          kind: 'claimed',
        });
        const different = claimOf('c', clock.now(), { fingerprint: 'f2' });
        expect(await answers.claim(different, clock.now())).toEqual({ kind: 'mismatch' });
        await answers.keep(claim, ANSWER, clock.now());
        expect(await answers.claim(different, clock.now())).toEqual({ kind: 'mismatch' });
      }),
    );

    test(
      'a claim given up is free for anybody, also with another body; an answer stays',
      inWorld(makeStores, async ({ clock, stores: { answers } }) => {
        const first = claimOf('a', clock.now());
        await answers.claim(first, clock.now());
        await answers.release(claimOf('stranger', clock.now()));
        expect(await answers.claim(claimOf('b', clock.now()), clock.now())).toMatchObject({ kind: 'in-progress' });
        await answers.release(first);
        await clock.advance(1);
        const second = claimOf('b', clock.now(), { fingerprint: 'f2' });
        expect(await answers.claim(second, clock.now())).toEqual({ kind: 'claimed' });
        await answers.keep(second, ANSWER, clock.now());
        await answers.release(second);
        expect(await answers.claim({ ...second, owner: 'c' }, clock.now())).toMatchObject({ kind: 'answered' });
      }),
    );

    test(
      'what is under way says until when its lease runs, also after it was made longer',
      inWorld(makeStores, async ({ clock, stores: { answers } }) => {
        const leaseUntil = clock.now() + MINUTE_MS;
        await answers.claim(claimOf('a', clock.now()), clock.now());
        const ask = () => answers.claim(claimOf('b', clock.now() + 5), clock.now());
        expect(await ask()).toEqual({ kind: 'in-progress', leaseUntil });
        await answers.claim(claimOf('a', clock.now(), { leaseUntil: leaseUntil + 7 }), clock.now());
        expect(await ask()).toEqual({ kind: 'in-progress', leaseUntil: leaseUntil + 7 });
      }),
    );

    test(
      'a claim whose process died is free when its lease has run out; what the dead then says is not heard',
      inWorld(makeStores, async ({ clock, stores: { answers } }) => {
        const dead = claimOf('dead', clock.now());
        await answers.claim(dead, clock.now());
        await clock.advance(MINUTE_MS - 1);
        expect(await answers.claim(claimOf('b', clock.now()), clock.now())).toMatchObject({ kind: 'in-progress' });
        await clock.advance(1);
        const heir = claimOf('b', clock.now());
        expect(await answers.claim(heir, clock.now())).toEqual({ kind: 'claimed' });
        await answers.keep(dead, { ...ANSWER, body: 'late' }, clock.now());
        await answers.release(dead);
        expect(await answers.claim(claimOf('c', clock.now()), clock.now())).toMatchObject({ kind: 'in-progress' });
        await answers.keep(heir, ANSWER, clock.now());
        expect(await answers.claim(claimOf('c', clock.now()), clock.now())).toMatchObject({ answer: ANSWER });
      }),
    );

    test(
      'an answer is kept for a day',
      inWorld(makeStores, async ({ clock, stores: { answers } }) => {
        const claim = claimOf('a', clock.now());
        await answers.claim(claim, clock.now());
        await answers.keep(claim, ANSWER, clock.now());
        await clock.advance(DAY_MS - 1000);
        expect(await answers.claim(claimOf('b', clock.now()), clock.now())).toMatchObject({ kind: 'answered' });
        await clock.advance(2_000);
        expect(await answers.claim(claimOf('b', clock.now()), clock.now())).toEqual({ kind: 'claimed' });
      }),
    );

    test(
      'of an answer that is too large the request that was billed is kept',
      inWorld(makeStores, async ({ clock, stores: { answers } }) => {
        const claim = claimOf('a', clock.now());
        await answers.claim(claim, clock.now());
        // What does not compress.
        const body = randomBytes(2 * 1024 * 1024).toString('base64');
        expect(await answers.keep(claim, { ...ANSWER, body }, clock.now())).toBe(false);
        expect(await answers.claim(claimOf('b', clock.now()), clock.now())).toEqual({
          kind: 'too-large',
          requestId: 'req_1',
        });
      }),
    );

    test(
      'a long stream of ordinary text is kept',
      inWorld(makeStores, async ({ clock, stores: { answers } }) => {
        const claim = claimOf('a', clock.now());
        await answers.claim(claim, clock.now());
        const body = Array.from(
          { length: 8_000 },
          (_, i) => `data: {"choices":[{"delta":{"content":"word ${i}"}}]}\n\n`,
        ).join('');
        expect(await answers.keep(claim, { ...ANSWER, body }, clock.now())).toBe(true);
        expect(await answers.claim(claimOf('b', clock.now()), clock.now())).toMatchObject({ answer: { body } });
      }),
    );
  });
};
