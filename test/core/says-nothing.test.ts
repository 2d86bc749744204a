import { expect, test } from '@jest/globals';
import type { JsonValue } from '../../lambdas/core/conversation.ts';
import { saysNothing } from '../../lambdas/core/says-nothing.ts';

test('a field that is unset, empty or off says nothing, and so does one that holds only such', () => {
  const nothing: (JsonValue | undefined)[] = [
    undefined,
    null,
    '',
    false,
    0,
    [],
    {},
    { a: null, b: [] },
    [[], { c: '' }],
  ];
  for (const value of nothing) expect([value, saysNothing(value)]).toEqual([value, true]);
  for (const value of ['a', true, 1, [0, 1], { a: { b: 'c' } }])
    expect([value, saysNothing(value)]).toEqual([value, false]);
});

test('what is nested as deep as a parser goes is answered at once, and counts as said', () => {
  let deep: JsonValue = [];
  for (let i = 0; i < 100_000; i++) deep = [deep];
  expect(saysNothing(deep)).toBe(false);
});
