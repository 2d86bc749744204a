import { expect, test } from '@jest/globals';
import { findCall, type StreamedCall, type StreamedCalls } from '../../../lambdas/dialects/openai-chat/find-call.ts';

type Call = StreamedCall & { place: number };

const noCalls = (): StreamedCalls<Call> => ({ calls: [], callsByIndex: new Map(), callsById: new Map() });
const makeCall = (id: string | undefined, place: number): Call => ({ id, part: undefined, place });

test('a call is found by its id without a look at the others', () => {
  let looks = 0;
  const calls = noCalls();
  const makeWatched = (id: string | undefined, place: number): Call => ({
    get id() {
      looks += 1;
      return id;
    },
    part: place,
    place,
  });
  const find = (id: string) => findCall(calls, { id }, 'f', makeWatched).place;
  const ids = Array.from({ length: 1_000 }, (_, i) => `c${i}`);
  expect(ids.map(find)).toEqual(ids.map((_, place) => place));
  expect(ids.map(find)).toEqual(ids.map((_, place) => place));
  expect(looks).toBeLessThan(10_000);
});

test('an id that comes before the name is the call’s from then on', () => {
  const calls = noCalls();
  const first = findCall(calls, { index: 0 }, undefined, makeCall);
  expect(findCall(calls, { index: 0, id: 'a' }, undefined, makeCall)).toBe(first);
  expect(findCall(calls, { id: 'a' }, 'f', makeCall)).toBe(first);
  expect(findCall(calls, { index: 0, id: 'b' }, 'f', makeCall)).toMatchObject({ id: 'b', place: 1 });
  expect(findCall(calls, { id: 'a' }, 'f', makeCall)).toBe(first);
});

test('one that has begun keeps the id that was given out for it', () => {
  const calls = noCalls();
  const begun = findCall(calls, { index: 0 }, 'f', makeCall);
  begun.part = 0;
  expect(findCall(calls, { index: 0, id: 'late' }, undefined, makeCall)).toBe(begun);
  expect(begun.id).toBeUndefined();
  expect(findCall(calls, { id: 'late' }, 'f', makeCall)).toMatchObject({ id: 'late', place: 1 });
});
