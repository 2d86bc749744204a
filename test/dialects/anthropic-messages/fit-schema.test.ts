import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import { encode } from './encode.ts';

describe('schemas', () => {
  const format = (schema: JsonObject, description?: string) =>
    encode({ format: { type: 'json-schema', name: 'n', schema, ...(description !== undefined && { description }) } });

  test('a closed schema of plain types passes as it is', () => {
    const schema = {
      type: 'object',
      properties: { a: { type: ['string', 'null'] }, b: { type: 'array', items: { $ref: '#/$defs/x' }, minItems: 1 } },
      required: ['a', 'b'],
      additionalProperties: false,
      $defs: { x: { type: 'string', format: 'date', enum: ['a'] } },
    };
    expect(format(schema)).toMatchObject({
      body: { output_config: { format: { type: 'json_schema', schema } } },
      dropped: [],
    });
    expect(format(schema).body.output_config).toEqual({ format: { type: 'json_schema', schema } });
  });

  test('bounds become words, objects are closed, oneOf is anyOf', () => {
    const { body, dropped } = format({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: {
        n: { type: 'integer', minimum: 0, maximum: 9, description: 'A digit' },
        o: { oneOf: [{ type: 'object', properties: { x: { type: 'string', pattern: '^a' } } }] },
      },
    });
    expect(body.output_config).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          properties: {
            n: { type: 'integer', description: 'A digit\n\n{minimum: 0, maximum: 9}' },
            o: {
              anyOf: [
                {
                  type: 'object',
                  properties: { x: { type: 'string', description: '{pattern: "^a"}' } },
                  additionalProperties: false,
                },
              ],
            },
          },
          additionalProperties: false,
        },
      },
    });
    expect(dropped).toEqual([]);
  });

  test.each<[JsonObject]>([
    [{ type: 'object', properties: { m: { type: 'object', additionalProperties: { type: 'string' } } } }],
    [{ type: 'object' }],
  ])('a map with free keys can’t be said, and is named: %j', (schema) => {
    expect(format(schema).dropped).toEqual(['format.schema']);
  });

  test('properties named like keywords or __proto__ stay properties', () => {
    const schema = JSON.parse(
      '{"type":"object","properties":{"minimum":{"type":"string"},"__proto__":{"type":"string"}},"additionalProperties":false}',
    ) as JsonObject;
    expect(JSON.stringify(format(schema).body.output_config)).toBe(
      JSON.stringify({ format: { type: 'json_schema', schema } }),
    );
  });

  const tool = (model: string, parameters: JsonObject) => {
    const { body, dropped } = encode({ tools: [{ name: 'f', parameters, strict: true }] }, { model });
    return { tool: body.tools?.[0], dropped };
  };

  test('a strict tool has its schema fitted too, and is loosened where the model or the schema does not allow it', () => {
    const closed = { type: 'object', properties: { n: { type: 'integer', minimum: 0 } }, additionalProperties: false };
    expect(tool('claude-sonnet-4-5', closed)).toMatchObject({
      tool: { strict: true, input_schema: { properties: { n: { description: '{minimum: 0}' } } } },
      dropped: [],
    });
    expect(tool('claude-sonnet-4-20250514', closed)).toEqual({
      tool: { name: 'f', input_schema: closed },
      dropped: ['tools.strict'],
    });
    const map = { type: 'object', additionalProperties: { type: 'string' } };
    expect(tool('claude-sonnet-4-5', map)).toEqual({
      tool: { name: 'f', input_schema: map },
      dropped: ['tools.strict'],
    });
  });

  test('a tool without parameters gets an empty object', () => {
    expect(encode({ tools: [{ name: 'f' }] }).body.tools).toEqual([
      { name: 'f', input_schema: { type: 'object', properties: {} } },
    ]);
  });
});
