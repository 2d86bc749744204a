import { describe, expect, test } from '@jest/globals';
import { readTags } from '../../../lambdas/core/decode/request-headers.ts';

describe('x-tollgate-tags', () => {
  test('a name that objects know is a tag like any other', () => {
    expect(Object.entries(readTags('__proto__=1, constructor=2'))).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]);
  });

  test.each([
    ['a tag that comes twice, by its name and values', 'a=1,b=2,a=3', /"a" comes twice, with the values "1" and "3"/],
    ['what is no tag, as it was got', 'a=1,b', /got "b"/],
    ['a long one, shortened', `a=${'x'.repeat(500)}`, /got "a=x{138}…"/],
  ])('refuses %s', (_, header, message) => {
    expect(readTags(header)).toMatch(message);
  });
});
