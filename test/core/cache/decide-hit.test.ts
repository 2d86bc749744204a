import { expect, jest, test } from '@jest/globals';
import { decideHit } from '../../../lambdas/core/cache/decide-hit.ts';

const candidate = (id: string, question: string, score: number) => ({ id, question, score });

test('the best candidate that no guard refuses is the hit, whatever order they come in; the facts hold no words', () => {
  const decision = decideHit(
    'How do I cancel my booking?',
    [
      candidate('b', 'How can I cancel my booking?', 0.93),
      candidate('c', 'How can I cancel a booking?', 0.91),
      candidate('a', "Why can't I cancel my booking?", 0.97123456),
    ],
    0.9,
  );
  expect(decision).toMatchObject({ kind: 'hit', found: { id: 'b' }, score: 0.93 });
  expect(decision.facts).toEqual({
    threshold: 0.9,
    candidates: [{ score: 0.9712, refusedBy: 'negation' }, { score: 0.93 }],
  });
});

test('below the threshold nothing is a hit, at it something is', () => {
  const at = (score: number) => decideHit('a b c', [candidate('x', 'a b c', score)], 0.9).kind;
  expect([at(0.8999999), at(0.9), at(1)]).toEqual(['miss', 'hit', 'hit']);
});

test('without candidates, or with scores that are no numbers, it is a miss', () => {
  expect(decideHit('a', [], 0.9)).toEqual({ kind: 'miss', facts: { threshold: 0.9, candidates: [] } });
  for (const score of [Number.NaN, Number.POSITIVE_INFINITY])
    expect(decideHit('a', [candidate('x', 'a', score)], 0.9).facts.candidates).toEqual([]);
  expect(decideHit('a', [candidate('x', 'a', 1)], Number.NaN).kind).toBe('miss');
});

test('guards look at five candidates and no more', () => {
  const refused = Array.from({ length: 6 }, (_, i) => candidate(`${i}`, `take ${i + 10}`, 0.99));
  const decision = decideHit('take 3', [...refused, candidate('last', 'take 3', 0.95)], 0.9);
  expect([decision.kind, decision.facts.candidates.length]).toEqual(['miss', 5]);
});

test('a question is read as often for five candidates as for one', () => {
  const question = 'where can i pay the bill that came with the parcel';
  const timesRead = (candidates: number): number => {
    const spy = jest.spyOn(String.prototype, 'matchAll');
    try {
      const found = Array.from({ length: candidates }, (_, i) =>
        candidate(`${i}`, `${question} ${'not '.repeat(i + 1)}`, 1),
      );
      expect(decideHit(question, found, 0.9).facts.candidates).toEqual(
        found.map(() => ({ score: 1, refusedBy: 'negation' })),
      );
      return spy.mock.contexts.filter((text) => String(text) === question).length;
    } finally {
      spy.mockRestore();
    }
  };
  expect(timesRead(5)).toBe(timesRead(1));
});
