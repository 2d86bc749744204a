import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findRepeatedNames } from '../../../lambdas/adapters/config-file/find-repeated-names.ts';

describe('names that a JSON object has twice', () => {
  test.each([
    ['{"a":1,"b":{"a":2}}', []],
    ['{"a":1,"a":1}', ['a']],
    ['{"a":1,"\\u0061":2}', ['a']],
    ['{"t":[{"m":"x"},{"m":"{\\"m\\":1,","n":[1,{"k":1,"k":2}],"m":3}]}', ['t[1].n[1].k', 't[1].m']],
    ['{"a":"b","b":"a","c":["a","a"],"d":{}}', []],
    ['[[],{},[{"x":{},"x":[]}]]', ['[2][0].x']],
    ['"a"', []],
  ])('%s: %j', (text, expected) => {
    JSON.parse(text);
    expect(findRepeatedNames(text)).toEqual(expected);
  });

  test('what JSON.stringify writes has none, and one written twice anywhere is found', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), fc.string(), (value, name) => {
        const text = JSON.stringify(value, null, 1);
        expect(findRepeatedNames(text)).toEqual([]);
        const key = JSON.stringify(name);
        expect(findRepeatedNames(`[${text},{${key}:${text},${key}:${text}}]`)).toEqual([`[1].${name}`]);
      }),
    );
  });
});
