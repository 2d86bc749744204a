import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Conversation, JsonValue } from '../../../lambdas/core/conversation.ts';
import type { AnswerContext } from '../../../lambdas/core/dialect.ts';
import { fromBase64 } from '../../../lambdas/core/embedding/vectors.ts';
import { loadSurface } from '../../../lambdas/wiring/codecs.ts';
import { describeRecordings, recordedBody, recordedRequest, recordingOf } from '../../support/recordings.ts';

const codec = await loadSurface('openai-embeddings');

const target = { model: 'm', modelMaxOutputTokens: 0, stream: false, reasoningModel: false } as Parameters<
  typeof codec.encodeRequest
>[1];

const context = (format: 'float' | 'base64'): AnswerContext => ({
  requestId: 'req_1',
  alias: 'vectors',
  createdAt: 0,
  streamUsage: false,
  embedding: { inputs: ['a'], format },
});

const embeddings = fc.record({
  inputs: fc.oneof(
    fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }),
    fc.array(fc.array(fc.nat(2 ** 31 - 1), { minLength: 1 }), { minLength: 1, maxLength: 20 }),
  ),
  dimensions: fc.option(fc.integer({ min: 1, max: 4_096 }), { nil: undefined }),
  format: fc.constantFrom('float' as const, 'base64' as const),
});

test('what is written of a request is read as the same request', () => {
  fc.assert(
    fc.property(embeddings, ({ dimensions, ...rest }) => {
      const embedding = { ...rest, ...(dimensions !== undefined && { dimensions }) };
      const conversation = { sameDialectOnly: [], embedding } as unknown as Conversation;
      const { body, dropped } = codec.encodeRequest(conversation, target);
      const read = codec.decodeRequest(JSON.parse(JSON.stringify(body)) as JsonValue);
      expect(dropped).toEqual([]);
      expect(read).toMatchObject({ ok: true, value: { model: 'm', maxOutputTokens: 0, stream: false } });
      expect(read.ok && read.value.embedding).toEqual(embedding);
    }),
  );
});

const vectors = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 32 })).chain(([count, length]) =>
  fc.array(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: length, maxLength: length }), {
    minLength: count,
    maxLength: count,
  }),
);

test('an answer keeps every number in both forms, and its count', () => {
  fc.assert(
    fc.property(
      vectors,
      fc.constantFrom('float' as const, 'base64' as const),
      fc.integer({ min: 1, max: 1e6 }),
      (list, format, tokens) => {
        const usage = {
          inputTokens: tokens,
          cachedInputTokens: 0,
          cacheWrite5mTokens: 0,
          cacheWrite1hTokens: 0,
          outputTokens: 0,
          reasoningTokens: 0,
        };
        const answer = {
          id: '',
          model: 'vectors',
          parts: [],
          stop: { reason: 'end' as const, raw: '' },
          vectors: list,
          usage,
        };
        const written = codec.encodeAnswer(answer, context(format));
        const read = codec.decodeAnswer(JSON.parse(JSON.stringify(written)) as JsonValue);
        const numbers = read?.vectors?.map((vector) => (typeof vector === 'string' ? fromBase64(vector) : vector));
        // JSON has no minus nought.
        expect(numbers?.map((one) => one?.map((n) => n + 0))).toEqual(list.map((one) => one.map((n) => n + 0)));
        expect(read?.usage).toEqual(usage);
      },
    ),
  );
});

test('vectors that come in another order stand in that of their texts', () => {
  const body = {
    data: [
      { index: 1, embedding: [2] },
      { index: 0, embedding: [1] },
    ],
  };
  expect(codec.decodeAnswer(body)?.vectors).toEqual([[1], [2]]);
});

test('fields of the answer that nobody here knows are kept for a client of the same dialect', () => {
  const body = {
    object: 'list',
    data: [{ object: 'embedding', embedding: [1], index: 0, note: 'x' }],
    model: 'm',
    extra: 1,
  };
  expect(codec.relayAnswer(body, context('float'))).toEqual({ ...body, model: 'vectors' });
});

test('any JSON value is read or refused, and never thrown on', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      codec.decodeAnswer(value as JsonValue);
      codec.decodeRequest(value as JsonValue);
      codec.decodeRequest({ model: 'm', input: value } as JsonValue);
      codec.decodeAnswer({ data: value } as JsonValue);
    }),
  );
});

describeRecordings('OpenAI’s recorded exchange', () => {
  const exchange = () => {
    const recording = recordingOf('oa-emb-b64');
    return { request: recordedRequest(recording), response: recordedBody(recording) };
  };

  test('the request leaves as it came, and means what the recording says', () => {
    const { request } = exchange();
    const read = codec.decodeRequest(request);
    expect(read.ok && read.value.embedding).toEqual({ inputs: ['Hello, world!'], format: 'base64' });
    expect(codec.relayRequest(request, { ...target, model: 'text-embedding-3-small' })).toEqual(request);
    if (read.ok)
      expect(codec.encodeRequest(read.value, { ...target, model: 'text-embedding-3-small' }).body).toEqual(request);
  });

  test('the answer loses nothing, as base64 and as numbers', () => {
    const { response } = exchange();
    const [recorded] = (response as unknown as { data: { embedding: string }[] }).data;
    const view = new DataView(Uint8Array.from(Buffer.from(recorded?.embedding ?? '', 'base64')).buffer);
    const numbers = Array.from({ length: 1_536 }, (_, at) => view.getFloat32(at * 4, true));
    const answer = codec.decodeAnswer(response);
    expect(answer).toMatchObject({ usage: { inputTokens: 4, outputTokens: 0 } });
    expect(codec.relayAnswer(response, context('base64'))).toEqual({ ...response, model: 'vectors' });
    const asNumbers = codec.relayAnswer(response, context('float')) as unknown as { data: { embedding: number[] }[] };
    expect(asNumbers.data[0]?.embedding).toEqual(numbers);
    if (answer === undefined) throw new Error('not read');
    expect(codec.encodeAnswer(answer, context('base64'))).toEqual({ ...response, model: 'vectors' });
  });
});
