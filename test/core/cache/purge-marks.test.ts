import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addPurgeMark,
  arrivalByStore,
  isPurged,
  type PurgeMark,
  readPurgeMarks,
  writePurgeMarks,
} from '../../../lambdas/core/cache/purge-marks.ts';
import type { CacheSelection } from '../../../lambdas/core/cache/vector-index.ts';

const DAY_MS = 24 * 60 * 60_000;
const ADA = { team: 'search', user: 'ada', alias: 'assistant' };

const name = fc.constantFrom('a', 'b', 'c');
const names = fc.record({ team: name, user: name, alias: name });
const purge = fc.record({
  selection: fc.record({ team: name, user: name, alias: name }, { requiredKeys: [] }),
  before: fc.integer({ min: 0, max: 100 }),
});

const addAll = (purges: readonly { selection: CacheSelection; before: number }[], nowMs = 0): PurgeMark[] =>
  purges.reduce<PurgeMark[]>((marks, { selection, before }) => addPurgeMark(marks, selection, before, nowMs), []);

const matches = (selection: CacheSelection, entry: typeof ADA): boolean =>
  (['team', 'user', 'alias'] as const).every((one) => selection[one] === undefined || selection[one] === entry[one]);

test('as few purges as one remembers are remembered exactly, in whatever order they came', () => {
  fc.assert(
    fc.property(
      fc.array(purge, { maxLength: 50 }),
      names,
      fc.integer({ min: 0, max: 100 }),
      (purges, entry, cameAt) => {
        const marks = readPurgeMarks(writePurgeMarks(addAll(purges)), 0);
        expect(isPurged(marks, entry, cameAt)).toBe(
          purges.some(({ selection, before }) => cameAt < before && matches(selection, entry)),
        );
      },
    ),
  );
});

test('however many they are, what a purge has taken stays taken, and the list stays short', () => {
  fc.assert(
    fc.property(fc.integer({ min: 51, max: 400 }), fc.nat(), (count, which) => {
      const purges = Array.from({ length: count }, (_, i) => ({ selection: { user: `user ${i}` }, before: i }));
      const marks = addAll(purges);
      expect(marks.length).toBeLessThanOrEqual(50);
      expect(writePurgeMarks(marks).length).toBeLessThanOrEqual(4_096);
      const at = which % count;
      expect(isPurged(marks, { ...ADA, user: `user ${at}` }, at - 1)).toBe(true);
      expect(isPurged(marks, ADA, count)).toBe(false);
    }),
  );
});

test('a wider and later purge takes the place of those within it', () => {
  const marks = addAll([
    { selection: { user: 'ada' }, before: 5 },
    { selection: { user: 'ada', alias: 'fast' }, before: 6 },
    { selection: { user: 'bob' }, before: 5 },
    { selection: { user: 'ada' }, before: 7 },
  ]);
  expect(marks.map(({ createdBefore }) => createdBefore)).toEqual([5, 7]);
});

test('a mark lasts for a day', () => {
  const first = addPurgeMark([], { user: 'ada' }, 10, 0);
  expect(addPurgeMark(first, { user: 'bob' }, 10, DAY_MS - 1)).toHaveLength(2);
  expect(addPurgeMark(first, { user: 'bob' }, 10, DAY_MS)).toHaveLength(1);
});

test('marks hold no names, and a team by a user’s name is not that user', () => {
  const marks = addPurgeMark([], { team: 'ada', user: 'lovelace', alias: 'fast' }, 10, 0);
  for (const word of ['ada', 'lovelace', 'fast']) expect(writePurgeMarks(marks)).not.toContain(word);
  const byTeam = addPurgeMark([], { team: 'ada' }, 10, 0)[0]?.team;
  expect(addPurgeMark([], { user: 'ada' }, 10, 0)[0]?.user).not.toBe(byTeam);
});

test.each(['', '{', 'null', '[]', '"x"', '{"version":2,"marks":[]}', '{"version":1}'])(
  'marks that can’t be read (%s) take all that came until now, and nothing after',
  (text) => {
    const marks = readPurgeMarks(text, 1_000);
    expect(isPurged(marks, ADA, 1_000)).toBe(true);
    expect(isPurged(marks, ADA, 1_001)).toBe(false);
  },
);

test('an arrival is as long ago as its own clock says, and before everything where that was set back', () => {
  expect(arrivalByStore(1_000, 1_400, 9_000)).toBe(8_600);
  expect(arrivalByStore(1_000, 1_000, 9_000)).toBe(9_000);
  expect(arrivalByStore(1_000, 999, 9_000)).toBe(0);
});
