import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { amountOf, fromItem, type Plain, toItem } from '../../../lambdas/adapters/dynamodb/attributes.ts';

const plain = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: 'grapheme' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

describe('attributes', () => {
  test('what is written is read again', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), plain, { noNullPrototype: true }), (fields) => {
        expect(fromItem(toItem(fields))).toEqual(fields);
      }),
    );
  });

  test('a name that objects have a meaning for is one like any other', () => {
    const fields = JSON.parse('{"tags":{"__proto__":"a","constructor":"b"}}') as { [name: string]: Plain };
    expect(JSON.stringify(fromItem(toItem(fields)))).toBe(JSON.stringify(fields));
  });

  test('amounts stay exact, whatever their size', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }), (amount) => {
        expect(amountOf(toItem({ amount }), 'amount')).toBe(amount);
      }),
    );
    expect(amountOf({}, 'amount')).toBe(0n);
  });

  test('what is undefined is left out, and what is no number can not be stored', () => {
    expect(toItem({ a: undefined, b: 1 })).toEqual({ b: { N: '1' } });
    expect(() => toItem({ a: Number.NaN })).toThrow(RangeError);
  });
});
