import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readPart } from '../../../bench/pages/marked-part.ts';
import { FAULT_ROWS } from '../../chaos/fault-rows.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/reliability.md'), 'utf8');
const linesOf = (part: string): string[] =>
  readPart(page, part)
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .slice(1);

describe('docs/reliability.md', () => {
  test('has a line for every fault, in which nobody has failed', () => {
    const lines = linesOf('faults').map((line) => line.split(' | '));
    expect(lines.map(([title]) => title?.slice(2))).toEqual(FAULT_ROWS.map(({ title }) => title));
    expect(new Set(lines.map(([, , failed]) => failed))).toEqual(new Set(['0']));
  });

  test('shows every promise kept', () => {
    const lines = linesOf('promises');
    expect(lines.length).toBeGreaterThanOrEqual(8);
    expect(lines.filter((line) => !line.endsWith('| yes |'))).toEqual([]);
  });
});
