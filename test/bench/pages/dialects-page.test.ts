import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { carryTable, DIALECTS, DIALECTS_PAGE } from '../../../bench/pages/dialects-table.ts';
import { readPart } from '../../../bench/pages/marked-part.ts';
import { ALL_CODECS } from '../../support/all-codecs.ts';

test('docs/dialects.md has the table that the dialects declare (npm run docs:dialects)', () => {
  expect(readPart(readFileSync(DIALECTS_PAGE, 'utf8'), 'carry')).toBe(carryTable());
});

test('every dialect in which something is said has a column', () => {
  const spoken = Object.keys(ALL_CODECS.dialects).filter((name) => !name.endsWith('-embeddings'));
  expect(DIALECTS.map(({ name }) => name)).toEqual(expect.arrayContaining(spoken));
});
