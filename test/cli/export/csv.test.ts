import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { csvLine, number, text } from '../../../lambdas/cli/export/csv.ts';

/** Reads one line as RFC 4180 has it. */
const readLine = (line: string): string[] => {
  const cells: string[] = [];
  let rest = line.replace(/\r\n$/, '');
  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"(,|$)/s.exec(rest);
    const bare = /^([^",\r\n]*)(,|$)/.exec(rest);
    const match = quoted ?? bare;
    if (match === null) throw new Error(`not CSV: ${rest}`);
    cells.push((match[1] ?? '').replaceAll('""', '"'));
    if (match[2] === '') return cells;
    rest = rest.slice(match[0].length);
  }
};

describe('a line of CSV', () => {
  test('comes back as it went in, whatever the text', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', minLength: 1 }), { minLength: 1 }), (texts) => {
        const read = readLine(csvLine(texts.map(text)));
        expect(read.map((cell, i) => (texts[i] === cell ? cell : cell.replace(/^'/, '')))).toEqual(texts);
      }),
    );
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '＝1', '=cmd|"/c calc"!A0', '\n+1'])(
    'text that a spreadsheet would compute is no formula any more: %j',
    (formula) => {
      expect(readLine(csvLine([text(formula)]))[0]).toBe(`'${formula}`);
    },
  );

  test('a negative number stays a number', () => {
    expect(csvLine([number('-0.000000065'), number('12')])).toBe('-0.000000065,12\r\n');
  });

  test.each(['1e-7', '', '=1', '1,5', ' 1', '0x1', 'NaN'])('%j is no number, and an error', (value) => {
    expect(() => csvLine([number(value)])).toThrow(RangeError);
  });

  test('nothing is left empty, without quotes', () => {
    expect(csvLine([text(null), text(''), text(undefined), text('a')])).toBe(',,,"a"\r\n');
  });
});
