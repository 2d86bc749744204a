import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { bundleSizes, readSizes } from '../../bench/pages/functions-table.ts';
import { readPart } from '../../bench/pages/marked-part.ts';
import { describedBundles } from '../../bench/pages/template.ts';

const MOST_OFF = 0.05;

test('docs/functions.md: every function is named, its sizes right to 5 % (npm run docs:functions)', () => {
  const page = readSizes(readPart(readFileSync('docs/functions.md', 'utf8'), 'sizes'));
  const made = bundleSizes(describedBundles());
  expect(Object.keys(page).sort()).toEqual(Object.keys(made).sort());
  // Of a small file a kilobyte is more than 5 %.
  const isOff = (said: number, is: number): boolean => Math.abs(said - is) > Math.max(2, is * MOST_OFF);
  const wrong = Object.entries(made).filter(([id, { start, more }]) => {
    const said = page[id];
    return said === undefined || isOff(said.start, start) || isOff(said.more, more);
  });
  expect(wrong).toEqual([]);
}, 300_000);
