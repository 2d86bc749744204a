import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { embed } from '../../../lambdas/adapters/simulator/embed.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import { fromBase64 } from '../../../lambdas/core/embedding/vectors.ts';

const vectorsOf = (body: JsonObject, own = 32): number[][] => {
  const made = embed(body, own);
  if (!made.ok) throw new Error(made.message);
  const { data } = made.body('embed-32') as unknown as { data: { embedding: number[] | string }[] };
  return data.map(({ embedding }) => (typeof embedding === 'string' ? (fromBase64(embedding) ?? []) : embedding));
};

test('a text has one vector, of length 1, wherever in a batch it stands and in whichever form it is sent', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.string({ minLength: 1 }),
      fc.integer({ min: 2, max: 64 }),
      (a, b, own) => {
        const [alone] = vectorsOf({ input: a }, own);
        const [, second] = vectorsOf({ input: [b, a], encoding_format: 'base64' }, own);
        expect(alone).toHaveLength(own);
        expect(second).toEqual(alone);
        expect(Math.hypot(...(alone ?? []))).toBeCloseTo(1, 5);
      },
    ),
  );
});

test('other texts have other vectors', () => {
  const [a, b] = vectorsOf({ input: ['one', 'two'] });
  expect(a).not.toEqual(b);
});

test('a shorter vector points where the longer begins', () => {
  const [long] = vectorsOf({ input: 'text' });
  const [short] = vectorsOf({ input: 'text', dimensions: 4 });
  const beginning = long?.slice(0, 4) ?? [];
  const length = Math.hypot(...beginning);
  expect(short).toHaveLength(4);
  for (const [index, number] of (short ?? []).entries())
    expect(number).toBeCloseTo((beginning[index] ?? 0) / length, 5);
});

test('its words are counted, and tokens as many as there are', () => {
  expect(embed({ input: ['two words', 'one'] }, 4)).toMatchObject({ ok: true, inputTokens: 3 });
  expect(embed({ input: [1, 2, 3] }, 4)).toMatchObject({ ok: true, inputTokens: 3 });
  expect(embed({ input: [[1], [2, 3]] }, 4)).toMatchObject({ ok: true, inputTokens: 3 });
  expect(embed({ input: '  ' }, 4)).toMatchObject({ ok: true, inputTokens: 1 });
});

test.each([
  { input: [] },
  { input: 5 },
  { input: ['a', ''] },
  {},
  { input: 'a', dimensions: 5 },
  { input: 'a', dimensions: 0 },
])('refused as OpenAI would: %j', (body) => {
  expect(embed(body as JsonObject, 4)).toMatchObject({ ok: false });
});
