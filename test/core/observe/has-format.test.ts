import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import type { JsonObject, JsonValue, OutputFormat } from '../../../lambdas/core/conversation.ts';
import { hasFormat } from '../../../lambdas/core/observe/has-format.ts';

const schemaOf = (schema: JsonObject): OutputFormat => ({ type: 'json-schema', name: 'x', schema });
const fits = (value: JsonValue, schema: JsonObject): boolean => hasFormat(JSON.stringify(value), schemaOf(schema));

test.each<[string, boolean]>([
  ['{"a":1}', true],
  [' {"a":1}\n', true],
  ['{}', true],
  ['[1]', false],
  ['"text"', false],
  ['```json\n{"a":1}\n```', false],
  ['{"a":1', false],
  ['', false],
])('%j as a JSON object: %s', (text, isIt) => {
  expect(hasFormat(text, { type: 'json' })).toBe(isIt);
});

const PERSON: JsonObject = {
  type: 'object',
  properties: {
    name: { type: 'string', pattern: '^(a+)+$' },
    age: { type: ['integer', 'null'] },
    kind: { enum: ['cat', 'dog', 3] },
    tags: { type: 'array', items: { $ref: '#/$defs/tag~1x' } },
    best: { anyOf: [{ type: 'null' }, { $ref: '#' }] },
  },
  required: ['name', 'age'],
  additionalProperties: false,
  $defs: { 'tag/x': { type: 'object', properties: { v: { const: { a: [1, 2] } } }, required: ['v'] } },
};

describe('an answer against its schema', () => {
  test.each<[string, JsonValue, boolean]>([
    [
      'all as asked',
      { name: 'Ada', age: 36, kind: 'cat', tags: [{ v: { a: [1, 2] } }], best: { name: 'B', age: 1 } },
      true,
    ],
    ['null where null may be', { name: 'Ada', age: null, best: null }, true],
    ['a whole number with a point', { name: 'Ada', age: 36.0 }, true],
    ['a member missing', { name: 'Ada' }, false],
    ['one too many', { name: 'Ada', age: 1, x: 1 }, false],
    ['another type', { name: 1, age: 1 }, false],
    ['a fraction', { name: 'Ada', age: 1.5 }, false],
    ['none of the choices', { name: 'Ada', age: 1, kind: '3' }, false],
    ['a wrong member deep down', { name: 'Ada', age: 1, tags: [{ v: { a: [2, 1] } }] }, false],
    ['a reference to itself, broken', { name: 'Ada', age: 1, best: { name: 'B' } }, false],
    ['another thing altogether', [], false],
    ['inherited names are no members', { name: 'Ada', age: 1, toString: 1 }, false],
    ['a pattern is not tried', { name: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', age: 1 }, true],
  ])('%s', (_, value, isIt) => {
    expect(fits(value, PERSON)).toBe(isIt);
  });

  test.each<[string, JsonObject]>([
    ['a reference that goes in circles', { $ref: '#' }],
    ['two that do', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } }],
    ['a reference to nowhere', { $ref: '#/$defs/none' }],
    ['a reference elsewhere', { $ref: 'https://example.com/schema' }],
    ['a broken reference', { $ref: '#/%E0%A4%A' }],
    ['types nobody knows', { type: 'money' }],
    ['keywords of the wrong kind', { properties: 5, required: 'x', items: 'y', anyOf: {}, enum: 7 } as JsonObject],
    ['branches without end', { anyOf: Array.from({ length: 50 }, () => ({ allOf: [{ $ref: '#' }, { $ref: '#' }] })) }],
  ])('%s is taken as right, and soon', (_, schema) => {
    expect(fits({ a: [1] }, schema)).toBe(true);
  });

  test('an endless list of choices is not compared with an endless list of values', () => {
    const schema = { type: 'array', items: { enum: Array.from({ length: 20_000 }, (_, i) => `choice ${i}`) } };
    const value = Array.from({ length: 20_000 }, () => 'choice 19999');
    expect(fits(value, schema)).toBe(true);
  });

  const leaf = fc.oneof(
    fc.constant(z.string()),
    fc.constant(z.number()),
    fc.constant(z.int()),
    fc.constant(z.boolean()),
    fc.constant(z.null()),
    fc.constantFrom('a', 'b').map((word) => z.literal(word)),
    fc.constant(z.enum(['x', 'y'])),
  );
  const { schema: anySchema } = fc.letrec<{ schema: z.ZodType }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3 },
      leaf,
      tie('schema').map((one) => z.array(one)),
      tie('schema').map((one) => z.nullable(one)),
      fc.tuple(tie('schema'), tie('schema')).map(([a, b]) => z.union([a, b])),
      fc.tuple(tie('schema'), tie('schema')).map(([a, b]) => z.strictObject({ a, b: b.optional() })),
      tie('schema').map((a) => z.looseObject({ a })),
      tie('schema').map((one) => z.record(z.string(), one)),
    ),
  }));
  const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<JsonValue>('a', 'b', 'x', '', 0, 1, -3, 1.5, true, null),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
    ),
  }));

  test('says what another validator says of every schema that both know', () => {
    const said = { true: 0, false: 0 };
    fc.assert(
      fc.property(anySchema, anyValue, (schema, value) => {
        const jsonSchema = JSON.parse(JSON.stringify(z.toJSONSchema(schema))) as JsonObject;
        const isRight = schema.safeParse(value).success;
        said[`${isRight}`] += 1;
        expect(fits(value, jsonSchema)).toBe(isRight);
      }),
      { numRuns: 3_000, seed: 20_261_123 },
    );
    expect(Math.min(said.true, said.false)).toBeGreaterThan(200);
  });
});
