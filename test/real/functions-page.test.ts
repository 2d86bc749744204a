import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { bundleSizes, readSizes } from '../../bench/pages/functions-table.ts';
import { readPart } from '../../bench/pages/marked-part.ts';
import { describedBundles } from '../../bench/pages/template.ts';

const MOST_OFF = 0.05;

test('docs/functions.md: every bundle’s files are named, their sizes right to 5 % (npm run docs:functions)', () => {
  const page = readSizes(readPart(readFileSync('docs/functions.md', 'utf8'), 'sizes'));
  const made = bundleSizes(describedBundles());
  const files = (sizes: typeof made) =>
    Object.entries(sizes).flatMap(([id, byFile]) =>
      Object.entries(byFile).map(([file, kb]) => [`${id} ${file}`, kb] as const),
    );
  expect(
    files(page)
      .map(([file]) => file)
      .sort(),
  ).toEqual(
    files(made)
      .map(([file]) => file)
      .sort(),
  );
  const truth = new Map(files(made));
  // A kilobyte of a small file is more than 5 %.
  const wrong = files(page).filter(([file, kb]) => Math.abs(kb - (truth.get(file) ?? 0)) > Math.max(2, kb * MOST_OFF));
  expect(wrong).toEqual([]);
}, 300_000);
