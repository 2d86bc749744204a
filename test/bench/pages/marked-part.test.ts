import { expect, test } from '@jest/globals';
import { readPart, replacePart, toTable } from '../../../bench/pages/marked-part.ts';

const PAGE = 'Before.\n<!-- begin a -->\nold\n<!-- end a -->\nBetween.\n<!-- begin a b -->\n<!-- end a b -->\n';

test('a part is replaced, and nothing else', () => {
  const page = replacePart(replacePart(PAGE, 'a', 'new\nlines\n\n'), 'a b', 'x');
  expect(page).toBe(
    'Before.\n<!-- begin a -->\nnew\nlines\n<!-- end a -->\nBetween.\n<!-- begin a b -->\nx\n<!-- end a b -->\n',
  );
  expect(readPart(page, 'a')).toBe('new\nlines\n');
});

test('a part that is not there is an error', () => {
  expect(() => replacePart(PAGE, 'c', 'x')).toThrow('"c"');
  expect(() => readPart(PAGE, 'c')).toThrow('"c"');
});

test('a cell may hold a bar', () => {
  expect(toTable(['a'], [['b|c']])).toBe('| a |\n| --- |\n| b\\|c |\n');
});
