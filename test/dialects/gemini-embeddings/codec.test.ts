import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Conversation, JsonValue } from '../../../lambdas/core/conversation.ts';
import { gemini } from '../../../lambdas/dialects/gemini/codec.ts';
import { makeGeminiEmbeddings } from '../../../lambdas/dialects/gemini-embeddings/codec.ts';

const codec = makeGeminiEmbeddings(gemini);

const encode = (inputs: string[], dimensions?: number) =>
  codec.encodeRequest(
    {
      sameDialectOnly: [],
      embedding: { inputs, format: 'float', ...(dimensions && { dimensions }) },
    } as unknown as Conversation,
    { model: 'gemini-embedding-001' } as Parameters<typeof codec.encodeRequest>[1],
  );

test('a batch is one call, each text with the model and the length that was asked for', () => {
  expect(encode(['a', 'b'], 256).body).toEqual({
    requests: ['a', 'b'].map((text) => ({
      model: 'models/gemini-embedding-001',
      content: { parts: [{ text }] },
      outputDimensionality: 256,
    })),
  });
});

test('what is written of a request is read as the same request', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }),
      fc.option(fc.integer({ min: 128, max: 3_072 }), { nil: undefined }),
      (inputs, dimensions) => {
        const read = codec.decodeRequest(encode(inputs, dimensions).body);
        expect(read.ok && read.value).toMatchObject({ model: 'gemini-embedding-001', maxOutputTokens: 0 });
        expect(read.ok && read.value.embedding).toEqual({
          inputs,
          format: 'float',
          ...(dimensions !== undefined && { dimensions }),
        });
      },
    ),
  );
});

test('the answer is its vectors in order; without a count it has none', () => {
  const body = { embeddings: [{ values: [1, 2] }, { values: [3, 4] }] };
  expect(codec.decodeAnswer(body)).toMatchObject({
    vectors: [
      [1, 2],
      [3, 4],
    ],
  });
  expect(codec.decodeAnswer(body)?.usage).toBeUndefined();
  expect(codec.decodeAnswer({ ...body, usageMetadata: { promptTokenCount: 9 } })?.usage?.inputTokens).toBe(9);
});

test('an error is read as Google’s', () => {
  const error = { error: { code: 429, message: 'Quota exceeded', status: 'RESOURCE_EXHAUSTED' } };
  expect(codec.decodeError(429, {}, JSON.stringify(error))).toMatchObject({ status: 429, message: 'Quota exceeded' });
});

test('any JSON value is read or refused, and never thrown on', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      codec.decodeAnswer(value as JsonValue);
      codec.decodeAnswer({ embeddings: value } as JsonValue);
      codec.decodeRequest({ requests: value } as JsonValue);
      codec.decodeRequest({ requests: [{ model: 'm', content: value }] } as JsonValue);
    }),
  );
});
