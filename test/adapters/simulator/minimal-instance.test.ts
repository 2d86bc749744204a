import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { minimalInstance } from '../../../lambdas/adapters/simulator/minimal-instance.ts';
import type { JsonValue } from '../../../lambdas/core/conversation.ts';

describe('the smallest instance of a schema', () => {
  test.each<[JsonValue, JsonValue]>([
    [{ type: 'string' }, ''],
    [{ type: 'string', minLength: 3 }, 'xxx'],
    [{ type: 'string', format: 'date' }, '2026-01-01'],
    [{ enum: ['b', 'a'] }, 'b'],
    [{ const: null }, null],
    [{ type: 'integer', minimum: 5 }, 5],
    [{ type: 'integer', exclusiveMinimum: 5 }, 6],
    [{ type: 'number', maximum: -2 }, -2],
    [{ type: 'integer', minimum: 5, multipleOf: 4 }, 8],
    [{ type: ['null', 'boolean'] }, false],
    [{ type: 'array', items: { type: 'integer' } }, []],
    [{ type: 'array', items: { type: 'integer' }, minItems: 2 }, [0, 0]],
    [{ type: 'array', prefixItems: [{ const: 1 }], items: { const: 2 }, minItems: 3 }, [1, 2, 2]],
    [{ anyOf: [{ type: 'null' }, { type: 'string' }] }, ''],
    [
      {
        allOf: [
          { properties: { a: { const: 1 } }, required: ['a'] },
          { properties: { b: { const: 2 } }, required: ['b'] },
        ],
      },
      { a: 1, b: 2 },
    ],
    [{ type: 'object', properties: { a: {}, b: { type: 'string' } }, required: ['b'] }, { b: '' }],
    [{ $ref: '#/$defs/a~1b', $defs: { 'a/b': { const: 7 } } }, 7],
    [{ $ref: 'https://example.com/x' }, null],
    [true, null],
    [{}, null],
  ])('%j gives %j', (schema, instance) => {
    expect(minimalInstance(schema)).toEqual(instance);
  });

  test('a schema that needs itself ends', () => {
    expect(
      JSON.stringify(minimalInstance({ type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] })),
    ).toContain('null');
  });

  test.each<[string, JsonValue]>([
    [
      'doubles at each level',
      {
        $ref: '#/$defs/a',
        $defs: {
          a: {
            type: 'object',
            properties: { l: { $ref: '#/$defs/a' }, r: { $ref: '#/$defs/a' } },
            required: ['l', 'r'],
          },
        },
      },
    ],
    ['wants a billion items', { type: 'array', minItems: 1e9, items: { type: 'array', minItems: 1e9, items: {} } }],
    ['wants a billion characters', { type: 'array', minItems: 1e9, items: { type: 'string', minLength: 1e9 } }],
  ])('a schema that %s gives a small instance', (_, schema) => {
    expect(JSON.stringify(minimalInstance(schema)).length).toBeLessThan(3_000_000);
  });

  test('any JSON value is taken', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (schema) => {
        expect(JSON.stringify(minimalInstance(schema as JsonValue))).toEqual(expect.any(String));
      }),
    );
  });
});
