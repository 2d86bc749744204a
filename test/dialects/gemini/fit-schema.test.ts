import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import { fitParameters, fitSchema, readOpenApiSchema } from '../../../lambdas/dialects/gemini/fit-schema.ts';

describe('a schema for Gemini', () => {
  test.each<[string, JsonObject, JsonObject]>([
    [
      'what it takes stays',
      { type: 'object', properties: { a: { type: ['string', 'null'] } }, required: ['a'], additionalProperties: false },
      { type: 'object', properties: { a: { type: ['string', 'null'] } }, required: ['a'], additionalProperties: false },
    ],
    [
      'other keywords are told',
      { type: 'string', pattern: '^a', minLength: 2, description: 'A word.' },
      { type: 'string', description: 'A word.\n\n{pattern: "^a", minLength: 2}' },
    ],
    ['a constant is the only choice', { const: 'x' }, { enum: ['x'] }],
    [
      'one that is no word is told',
      { type: 'boolean', const: true },
      { type: 'boolean', description: '{const: true}' },
    ],
    ['so is a choice among others than words', { enum: [1, null] }, { description: '{enum: [1,null]}' }],
    [
      'comments say nothing',
      { $schema: 'http://json-schema.org/draft-07/schema#', $comment: 'x', type: 'string' },
      { type: 'string' },
    ],
    [
      'definitions have their newer name',
      { definitions: { A: { type: 'string', pattern: 'a' } }, properties: { a: { $ref: '#/definitions/A' } } },
      { $defs: { A: { type: 'string', description: '{pattern: "a"}' } }, properties: { a: { $ref: '#/$defs/A' } } },
    ],
    ['beside a reference stands nothing', { $ref: '#/$defs/A', description: 'x' }, { $ref: '#/$defs/A' }],
    ['all of one is that one', { allOf: [{ $ref: '#/$defs/A' }], description: 'x' }, { $ref: '#/$defs/A' }],
    [
      'all of several that agree are merged',
      {
        allOf: [
          { properties: { a: { type: 'string' } }, required: ['a'] },
          { properties: { b: { type: 'number' } }, required: ['b'] },
        ],
        type: 'object',
      },
      { type: 'object', properties: { a: { type: 'string' }, b: { type: 'number' } }, required: ['a', 'b'] },
    ],
    [
      'several that do not are told',
      { allOf: [{ type: 'string' }, { type: 'number' }] },
      { description: '{allOf: [{"type":"string"},{"type":"number"}]}' },
    ],
    [
      'choices are looked into',
      { anyOf: [{ type: 'string', default: 'x' }], items: { const: 1 } },
      { anyOf: [{ type: 'string', description: '{default: "x"}' }], items: { enum: [1] } },
    ],
    ['a property that may be anything', { properties: { a: true } }, { properties: { a: {} } }],
  ])('%s', (_, schema, fitted) => {
    expect(fitSchema(schema)).toEqual(fitted);
  });

  test('a property named __proto__ is one like any other', () => {
    const schema = JSON.parse('{"properties":{"__proto__":{"type":"string"}}}') as JsonObject;
    expect(JSON.stringify(fitSchema(schema))).toBe('{"properties":{"__proto__":{"type":"string"}}}');
  });

  test('arguments say that they are an object', () => {
    expect(fitParameters({ properties: {} })).toEqual({ type: 'object', properties: {} });
    expect(fitParameters({ $ref: '#/$defs/A' })).toEqual({ $ref: '#/$defs/A' });
  });

  test('a schema that is its own part is written once', () => {
    const schema = {
      $defs: { N: { type: 'object', properties: { next: { $ref: '#/$defs/N' } } } },
      properties: { n: { $ref: '#/$defs/N' } },
    };
    expect(fitSchema(schema)).toEqual(schema);
  });
});

describe('Google’s own Schema', () => {
  test('is read as JSON Schema', () => {
    expect(
      readOpenApiSchema({
        type: 'OBJECT',
        properties: {
          a: { type: 'STRING', nullable: true, format: 'enum', enum: ['x'] },
          b: { type: 'ARRAY', items: { type: 'INTEGER' }, minItems: '2' },
          c: { anyOf: [{ type: 'NUMBER' }, { type: 'TYPE_UNSPECIFIED' }] },
        },
        required: ['a'],
      }),
    ).toEqual({
      type: 'object',
      properties: {
        a: { type: ['string', 'null'], format: 'enum', enum: ['x'] },
        b: { type: 'array', items: { type: 'integer' }, minItems: 2 },
        c: { anyOf: [{ type: 'number' }, {}] },
      },
      required: ['a'],
    });
  });
});
