import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../../lambdas/core/conversation.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';

const answerWith = (content: JsonValue, more: JsonObject = {}): JsonObject => ({
  output: { message: { role: 'assistant', content } },
  stopReason: 'end_turn',
  ...more,
});

describe('an answer', () => {
  test('reads cited text as text and passes over what has no place', () => {
    const answer = bedrockConverse.decodeAnswer(
      answerWith([
        { citationsContent: { content: [{ text: 'A ' }, { text: 'fact.' }], citations: [{ title: 't' }] } },
        { toolUse: { toolUseId: 's', name: 'nova_grounding', input: {}, type: 'server_tool_use' } },
        { toolResult: { toolUseId: 's', content: [{ text: 'found' }] } },
        { image: { format: 'png', source: { bytes: 'AA==' } } },
        { text: '' },
        null,
        'odd',
        { text: 'End' },
      ]),
    );
    expect(answer?.parts).toEqual([
      { type: 'text', text: 'A fact.' },
      { type: 'text', text: 'End' },
    ]);
  });

  test.each<[string, string]>([
    ['model_context_window_exceeded', 'length'],
    ['content_filtered', 'content-filter'],
    ['refusal', 'refusal'],
    ['constructor', 'other'],
  ])('that stopped for %s stopped for %s', (stopReason, reason) => {
    expect(bedrockConverse.decodeAnswer(answerWith([], { stopReason }))?.stop).toEqual({ reason, raw: stopReason });
  });

  test.each(['malformed_tool_use', 'malformed_model_output'])('that stopped for %s has failed', (stopReason) => {
    expect(bedrockConverse.decodeAnswer(answerWith([], { stopReason }))?.stop).toMatchObject({
      reason: 'error',
      raw: stopReason,
      error: { type: 'malformed_output', message: expect.stringContaining(stopReason) },
    });
  });

  test('names what it holds and no part can say, each once', () => {
    const answer = bedrockConverse.decodeAnswer(
      answerWith([
        { text: 'See:' },
        { image: { format: 'png', source: { bytes: '' } } },
        { image: { format: 'png', source: { bytes: '' } } },
        { toolUse: { type: 'server_tool_use', toolUseId: 'a', name: 'nova_grounding', input: {} } },
      ]),
    );
    expect([answer?.parts.length, answer?.unsaid]).toEqual([1, ['image', 'server_tool_use']]);
  });

  test.each<[string, JsonObject, [number, number]]>([
    ['no breakdown', { cacheWriteInputTokens: 9 }, [9, 0]],
    [
      'a breakdown',
      {
        cacheWriteInputTokens: 9,
        cacheDetails: [
          { ttl: '1h', inputTokens: 4 },
          { ttl: '5m', inputTokens: 5 },
        ],
      },
      [5, 4],
    ],
    ['a breakdown of a part', { cacheWriteInputTokens: 9, cacheDetails: [{ ttl: '1h', inputTokens: 4 }] }, [5, 4]],
    ['a breakdown alone', { cacheDetails: [{ ttl: '5m', inputTokens: 2 }] }, [2, 0]],
    ['nonsense', { cacheWriteInputTokens: -3, cacheDetails: 'x' }, [0, 0]],
  ])('with %s counts cache writes by lifetime', (_, usage, [fiveMinutes, oneHour]) => {
    const decoded = bedrockConverse.decodeAnswer(
      answerWith([], { usage: { inputTokens: 1, outputTokens: 1, ...usage } }),
    );
    expect(decoded?.usage).toMatchObject({ cacheWrite5mTokens: fiveMinutes, cacheWrite1hTokens: oneHour });
  });

  test('without a count has no usage', () => {
    expect(bedrockConverse.decodeAnswer(answerWith([]))).not.toHaveProperty('usage');
  });

  test.each<[string, JsonValue]>([
    ['an error', { message: 'm' }],
    ['an answer without a stop', { output: { message: { content: [] } } }],
    ['a list', []],
    ['null', null],
  ])('is not what %s is', (_, body) => {
    expect(bedrockConverse.decodeAnswer(body)).toBeUndefined();
  });

  test('encrypted reasoning that is no text survives the way there and back', () => {
    const redactedContent = Buffer.from([0xff, 0, 0x80]).toString('base64');
    const body = answerWith([{ reasoningContent: { redactedContent } }]);
    const answer = bedrockConverse.decodeAnswer(body);
    const context = { requestId: 'r', alias: 'a', createdAt: 0, streamUsage: true };
    expect(answer && bedrockConverse.encodeAnswer(answer, context).output).toEqual(body.output);
  });
});

describe('an error reply', () => {
  test.each<[string, number, Record<string, string>, string, string, string]>([
    [
      'a type with an address',
      400,
      { 'x-amzn-errortype': 'ValidationException:http://internal' },
      '{"message":"m"}',
      'ValidationException',
      'm',
    ],
    [
      'a type in the body',
      403,
      {},
      '{"__type":"com.amazon.coral#AccessDeniedException","Message":"M"}',
      'AccessDeniedException',
      'M',
    ],
    [
      'a page',
      502,
      {},
      '<html><head><title>502 Bad Gateway</title></head></html>',
      '',
      'HTTP 502 with a page: 502 Bad Gateway',
    ],
    ['nothing', 503, {}, '', '', 'HTTP 503 without a body'],
    ['plain text', 500, {}, 'upstream exploded', '', 'upstream exploded'],
  ])('of %s', (_, status, headers, body, type, message) => {
    expect(bedrockConverse.decodeError(status, headers, body)).toEqual({ status, type, message });
  });
});

describe('a request', () => {
  test.each<[string, JsonValue, string | null]>([
    ['no object', [], 'body'],
    ['no messages', {}, 'messages'],
    ['a role that is none', { messages: [{ role: 'bot', content: [] }] }, 'messages[0].role'],
    ['an unknown block', { messages: [{ role: 'user', content: [{ song: {} }] }] }, 'messages[0].content[0]'],
    [
      'a call without an id',
      { messages: [{ role: 'assistant', content: [{ toolUse: { name: 'n' } }] }] },
      'messages[0].content[0].toolUse.toolUseId',
    ],
    [
      'an image of no known format',
      { messages: [{ role: 'user', content: [{ image: { format: 'bmp', source: { bytes: '' } } }] }] },
      'messages[0].content[0].image.format',
    ],
    [
      'a negative limit',
      { messages: [{ role: 'user', content: [] }], inferenceConfig: { maxTokens: -1 } },
      'inferenceConfig.maxTokens',
    ],
    [
      'a schema that is none',
      {
        messages: [{ role: 'user', content: [] }],
        outputConfig: { textFormat: { type: 'json_schema', structure: { jsonSchema: { schema: '[' } } } },
      },
      'outputConfig.textFormat.structure.jsonSchema.schema',
    ],
  ])('with %s is refused at its place', (_, body, param) => {
    expect(bedrockConverse.decodeRequest(body)).toMatchObject({ ok: false, problem: { param } });
  });

  test('names what costs more than its tokens, and what no other dialect has', () => {
    const body = {
      modelId: 'm',
      messages: [{ role: 'user', content: [{ text: 'a' }] }],
      toolConfig: { tools: [{ systemTool: { name: 'nova_grounding' } }] },
      serviceTier: { type: 'priority' },
      performanceConfig: { latency: 'optimized' },
      guardrailConfig: {},
    };
    expect(bedrockConverse.decodeRequest(body)).toMatchObject({
      ok: true,
      value: {
        model: 'm',
        costBearing: [
          { field: 'toolConfig.tools[0].systemTool', bound: 'systemTool', kind: 'unpriced', isDispensable: false },
          { field: 'serviceTier', kind: 'service', service: 'priority', isDispensable: true },
          { field: 'performanceConfig', kind: 'unpriced', isDispensable: false },
        ],
        sameDialectOnly: ['guardrailConfig'],
      },
    });
  });
});

describe('whatever comes', () => {
  const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>;
  const words = [
    'text',
    'toolUse',
    'toolResult',
    'reasoningContent',
    'image',
    'document',
    'cachePoint',
    'content',
    'role',
    'source',
    'delta',
    'start',
    'usage',
    'stopReason',
    'contentBlockIndex',
    'output',
    'message',
    'messages',
    'toolConfig',
    'tools',
    'outputConfig',
    'additionalModelRequestFields',
  ];
  /** JSON that looks like Converse from afar. */
  const alike: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<JsonValue>('user', 'assistant', '', 'x', 0, 1, -1, null, true),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...words), tie('value'), {
        maxKeys: 3,
        noNullPrototype: true,
      }) as fc.Arbitrary<JsonValue>,
    ),
  })).value;
  const anything = fc.oneof(json, alike);

  test('no body makes a reader throw', () => {
    fc.assert(
      fc.property(anything, anything, (body, inner) => {
        for (const one of [
          body,
          { messages: [{ role: 'user', content: inner }] },
          { messages: body, toolConfig: inner },
        ])
          bedrockConverse.decodeRequest(one);
        bedrockConverse.decodeAnswer(body);
        bedrockConverse.decodeAnswer(answerWith(inner, { usage: body }));
      }),
      { numRuns: 200 },
    );
  });

  test("no events make the stream's reader throw, nor break the rules of its own", () => {
    const types = [
      'messageStart',
      'contentBlockStart',
      'contentBlockDelta',
      'contentBlockStop',
      'messageStop',
      'metadata',
      'throttlingException',
      '',
      'x',
    ];
    const data = fc.oneof(
      anything.map((value) =>
        typeof value === 'object' && value !== null && !Array.isArray(value) ? value : String(value),
      ),
      fc.record({ contentBlockIndex: fc.nat({ max: 2 }), delta: alike, start: alike }) as fc.Arbitrary<JsonObject>,
      fc.record({
        contentBlockIndex: fc.nat({ max: 2 }),
        delta: fc.constantFrom<JsonObject>(
          { text: 'a' },
          { toolUse: { input: '{' } },
          { reasoningContent: { text: 'r' } },
          { reasoningContent: { redactedContent: 'AA==' } },
        ),
        start: fc.constantFrom<JsonObject>({ toolUse: { toolUseId: 'i', name: 'n' } }, {}),
        stopReason: fc.constant('end_turn'),
      }) as fc.Arbitrary<JsonObject>,
    );
    fc.assert(
      fc.property(fc.array(fc.record({ type: fc.constantFrom(...types), data }), { maxLength: 12 }), (events) => {
        const decoder = bedrockConverse.decodeStream();
        const open = new Set<number>();
        let parts = 0;
        let ended = false;
        for (const event of events.flatMap((one) => decoder.push(one))) {
          expect(ended).toBe(false);
          if (event.type === 'answer-end') ended = true;
          if ((event.type.endsWith('-start') && 'index' in event) || event.type === 'redacted-reasoning') {
            expect((event as { index: number }).index).toBe(parts);
            open.add(parts);
            parts += 1;
          } else if (event.type === 'part-end') expect(open.delete(event.index)).toBe(true);
          else if ('index' in event) expect(open).toContain(event.index);
          if (event.type === 'stop') expect(open.size).toBe(0);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('no error body makes the reader throw or run on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        fc.oneof(
          fc.string(),
          json.map((value) => JSON.stringify(value)),
        ),
        (status, body) => {
          expect(bedrockConverse.decodeError(status, {}, body).status).toBe(status);
        },
      ),
    );
    expect(bedrockConverse.decodeError(500, {}, 'x'.repeat(1_000_000)).message.length).toBeLessThan(400);
  });
});
