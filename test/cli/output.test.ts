import { describe, expect, test } from '@jest/globals';
import { printable, table } from '../../lambdas/cli/output.ts';

describe('what is printed', () => {
  test('stands in columns without space at the end of a line', () => {
    expect(
      table([
        ['ID', 'NAME'],
        ['abc', 'x'],
      ]),
    ).toBe('ID   NAME\nabc  x');
  });

  test('can not steer the terminal, whatever a name holds', () => {
    expect(printable('a\u001b[31mred\u0007\nb\u202Ec\u2028')).toBe('a\uFFFD[31mred\uFFFD\uFFFDb\uFFFDc\uFFFD');
    expect(table([['\u001b]0;title\u0007']])).not.toMatch(/\p{Cc}/u);
  });
});
