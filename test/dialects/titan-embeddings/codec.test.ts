import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Conversation, JsonValue } from '../../../lambdas/core/conversation.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';
import { makeTitanEmbeddings } from '../../../lambdas/dialects/titan-embeddings/codec.ts';

const codec = makeTitanEmbeddings(bedrockConverse);
const V2 = 'amazon.titan-embed-text-v2:0';

const encode = (inputs: (string | number[])[], model: string, dimensions?: number) =>
  codec.encodeRequest(
    {
      sameDialectOnly: ['input_type'],
      embedding: { inputs, format: 'float', ...(dimensions && { dimensions }) },
    } as unknown as Conversation,
    { model } as Parameters<typeof codec.encodeRequest>[1],
  );

test('a batch is a call a text, with the length that was asked for; what Titan does not know is told as dropped', () => {
  expect(encode(['a', 'b'], V2, 256)).toEqual({
    body: {
      calls: [
        { inputText: 'a', normalize: true, dimensions: 256 },
        { inputText: 'b', normalize: true, dimensions: 256 },
      ],
    },
    dropped: ['input_type'],
  });
});

test('the first version is told the text alone', () => {
  expect(encode(['a'], 'amazon.titan-embed-text-v1').body).toEqual({ calls: [{ inputText: 'a' }] });
});

test('what is written of a request is read as the same request', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }),
      fc.option(fc.constantFrom(256, 512, 1_024), { nil: undefined }),
      (inputs, dimensions) => {
        const read = codec.decodeRequest(encode(inputs, V2, dimensions).body);
        expect(read.ok && read.value.embedding).toEqual({
          inputs,
          format: 'float',
          ...(dimensions !== undefined && { dimensions }),
        });
      },
    ),
  );
});

test('the replies are one answer: their vectors in order, their counts together', () => {
  const body = {
    replies: [
      { embedding: [1, 2], inputTextTokenCount: 3 },
      { embedding: [3, 4], inputTextTokenCount: 4 },
    ],
  };
  expect(codec.decodeAnswer(body)).toMatchObject({
    vectors: [
      [1, 2],
      [3, 4],
    ],
    usage: { inputTokens: 7, outputTokens: 0 },
  });
});

test('a reply without its count leaves the answer without one, rather than with too little', () => {
  const body = { replies: [{ embedding: [1], inputTextTokenCount: 3 }, { embedding: [2] }] };
  expect(codec.decodeAnswer(body)?.usage).toBeUndefined();
  expect(codec.decodeAnswer(body)?.vectors).toEqual([[1], [2]]);
});

test('of a batch that failed half-way, the error is Bedrock’s own and what was answered is counted', () => {
  const text = JSON.stringify({
    replies: [{ embedding: [1], inputTextTokenCount: 3 }, null, { embedding: [1], inputTextTokenCount: 5 }],
    error: '{"message":"Too many requests"}',
  });
  expect(codec.decodeError(429, { 'x-amzn-errortype': 'ThrottlingException' }, text)).toEqual({
    status: 429,
    type: 'ThrottlingException',
    message: 'Too many requests',
    usage: expect.objectContaining({ inputTokens: 8 }),
  });
  const none = JSON.stringify({ replies: [null], error: '{"message":"no"}' });
  expect(codec.decodeError(400, {}, none)).toMatchObject({ status: 400, message: 'no' });
  expect(codec.decodeError(400, {}, none).usage).toBeUndefined();
});

test('any JSON value, and any text, is read or refused, and never thrown on', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, text) => {
      codec.decodeAnswer(value as JsonValue);
      codec.decodeAnswer({ replies: value } as JsonValue);
      codec.decodeRequest({ calls: value } as JsonValue);
      codec.decodeError(400, {}, text);
      codec.decodeError(400, {}, JSON.stringify({ replies: value, error: text }));
    }),
  );
});
