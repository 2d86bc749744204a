import { describe, expect, test } from '@jest/globals';
import type { JsonObject, Turn, UserPart } from '../../../lambdas/core/conversation.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';
import { CALL, CLAUDE_45, encode, HELLO, NOVA, RESULT, user, WEATHER } from './encoding.ts';

describe('the output limit', () => {
  test('is the one that was decided', () => {
    expect(encode({}, NOVA, 77).body.inferenceConfig).toEqual({ maxTokens: 77 });
  });

  test("is the model's own where none was: Bedrock reserves quota for it all the same", () => {
    expect(encode({}).body.inferenceConfig).toEqual({ maxTokens: 10_000 });
  });
});

describe('turns', () => {
  test('parallel results in turns of their own become one message, results before text', () => {
    const turns: Turn[] = [
      HELLO,
      {
        role: 'assistant',
        parts: [
          { type: 'tool-call', id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' },
          { type: 'tool-call', id: 'b', name: 'weather', arguments: '{"city":"Rome"}' },
        ],
      },
      user({ type: 'text', text: 'Here:' }, RESULT),
      user({ ...RESULT, callId: 'b', isError: true }),
    ];
    const { messages } = encode({ turns, tools: [WEATHER] }).body;
    expect((messages as JsonObject[])[2]).toEqual({
      role: 'user',
      content: [
        { toolResult: { toolUseId: 'a', content: [{ text: '30' }] } },
        { toolResult: { toolUseId: 'b', content: [{ text: '30' }], status: 'error' } },
        { text: 'Here:' },
      ],
    });
  });

  test('a conversation that the assistant opens gets a user before it', () => {
    const { messages } = encode({ turns: [{ role: 'assistant', parts: [{ type: 'text', text: 'Hi' }] }, HELLO] }).body;
    expect((messages as JsonObject[]).map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
  });

  test('leading system turns become the system prompt, later ones stay where they are', () => {
    const turns: Turn[] = [
      { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
      { role: 'system', parts: [{ type: 'text', text: ' ' }] },
      HELLO,
      { role: 'system', parts: [{ type: 'text', text: 'Now in French.' }] },
    ];
    expect(encode({ turns }).body).toMatchObject({
      system: [{ text: 'Be brief.' }],
      messages: [{ role: 'user', content: [{ text: 'Hello!' }, { text: '<system>\nNow in French.\n</system>' }] }],
    });
  });

  test('a prefill does not end in white space', () => {
    const turns: Turn[] = [HELLO, { role: 'assistant', parts: [{ type: 'text', text: 'It is: \n' }] }];
    expect(encode({ turns }).body.messages).toMatchObject([{}, { content: [{ text: 'It is:' }] }]);
  });

  test('an empty result says so', () => {
    const turns = [HELLO, CALL, user({ ...RESULT, content: [{ type: 'text', text: '' }] })];
    expect(encode({ turns, tools: [WEATHER] }).body.messages).toMatchObject([
      {},
      {},
      { content: [{ toolResult: { content: [{ text: '(no output)' }] } }] },
    ]);
  });
});

describe('ids of calls', () => {
  const idsOf = (turns: Turn[]): unknown[] => {
    const { messages } = encode({ turns, tools: [WEATHER] }).body;
    return (messages as { content: Record<string, { toolUseId: string }>[] }[]).flatMap(({ content }) =>
      content.flatMap(({ toolUse, toolResult }) => (toolUse ?? toolResult)?.toolUseId ?? []),
    );
  };
  const round = (id: string): Turn[] => [
    { role: 'assistant', parts: [{ type: 'tool-call', id, name: 'weather', arguments: '{}' }] },
    user({ ...RESULT, callId: id }),
  ];

  test('that Bedrock would refuse are fitted, and still pair', () => {
    expect(idsOf([HELLO, ...round('functions.weather:0'), ...round('functions_weather_0')])).toEqual([
      'functions_weather_0',
      'functions_weather_0',
      'functions_weather_0-2',
      'functions_weather_0-2',
    ]);
    expect(idsOf([HELLO, ...round('x'.repeat(100))])).toEqual(['x'.repeat(64), 'x'.repeat(64)]);
  });

  test('that a vendor counts anew in every answer become unique', () => {
    expect(idsOf([HELLO, ...round('call_0'), ...round('call_0')])).toEqual([
      'call_0',
      'call_0',
      'call_0-2',
      'call_0-2',
    ]);
  });
});

describe('arguments', () => {
  test.each<[string, JsonObject]>([
    ['{"a":[1,{"b":null}]}', { a: [1, { b: null }] }],
    ['', {}],
    ['{"city": "Par', { INVALID_JSON: '{"city": "Par' }],
    ['[1]', { INVALID_JSON: '[1]' }],
    [`${'{"a":'.repeat(300)}1${'}'.repeat(300)}`, { INVALID_JSON: `${'{"a":'.repeat(300)}1${'}'.repeat(300)}` }],
  ])('%.20s', (text, input) => {
    const turns: Turn[] = [
      HELLO,
      { role: 'assistant', parts: [{ type: 'tool-call', id: 'a', name: 'weather', arguments: text }] },
      user(RESULT),
    ];
    expect(encode({ turns, tools: [WEATHER] }).body.messages).toMatchObject([
      {},
      { content: [{ toolUse: { input } }] },
      {},
    ]);
  });
});

describe('media', () => {
  const image = (mediaType: string): UserPart => ({
    type: 'image',
    source: { type: 'base64', mediaType, data: 'AAEC' },
  });
  const document = (name: string | undefined, mediaType = 'application/pdf'): UserPart => ({
    type: 'document',
    source: { type: 'base64', mediaType, data: 'AAEC' },
    ...(name !== undefined && { name }),
  });
  const contentOf = (...parts: UserPart[]): { content: unknown; dropped: string[] } => {
    const { body, dropped } = encode({ turns: [user({ type: 'text', text: 'Look' }, ...parts)] });
    return { content: (body.messages as { content: unknown[] }[])[0]?.content.slice(1), dropped };
  };

  test.each([
    ['image/png', 'png'],
    ['image/jpeg', 'jpeg'],
    ['IMAGE/JPG', 'jpeg'],
    ['image/webp; q=1', 'webp'],
    ['image/gif', 'gif'],
  ])('%s is %s', (mediaType, format) => {
    expect(contentOf(image(mediaType))).toEqual({
      content: [{ image: { format, source: { bytes: 'AAEC' } } }],
      dropped: [],
    });
  });

  test("an image that can't be carried is left out by name, S3 ones too: they would be read with our own rights", () => {
    const urls: UserPart[] = ['https://a.example/x.png', 's3://bucket/key'].map((url) => ({
      type: 'image',
      source: { type: 'url', url },
    }));
    expect(contentOf(...urls, image('image/tiff'))).toEqual({ content: [], dropped: ['image.url', 'image'] });
    for (const item of ['choices', 'image-url', 'document-url'] as const)
      expect(bedrockConverse.cannotCarry.has(item)).toBe(true);
  });

  test('documents get names that Bedrock takes and that differ', () => {
    const names = ['Report (v1.2).pdf', 'Report (v1.2).pdf', '  a \n\t b ', '报告', undefined, 'x'.repeat(300)];
    const { content } = contentOf(...names.map((name) => document(name)));
    expect((content as { document: { name: string } }[]).map((block) => block.document.name)).toEqual([
      'Report (v1-2)-pdf',
      'Report (v1-2)-pdf-2',
      'a b',
      'document',
      'document-2',
      'x'.repeat(200),
    ]);
  });

  test('text documents go as bytes, and no document goes alone', () => {
    const part: UserPart = { type: 'document', source: { type: 'text', text: 'Grüße' }, name: 'n' };
    const { messages } = encode({ turns: [user(part)] }).body;
    expect(messages).toEqual([
      {
        role: 'user',
        content: [
          { document: { format: 'txt', name: 'n', source: { bytes: Buffer.from('Grüße').toString('base64') } } },
          { text: 'See the document.' },
        ],
      },
    ]);
  });
});

describe('tools', () => {
  test("the schema's root says that it is an object", () => {
    const tools = [{ name: 'a' }, { name: 'b', description: ' ', parameters: { properties: { x: {} } } }];
    expect(encode({ tools }).body.toolConfig).toEqual({
      tools: [
        { toolSpec: { name: 'a', inputSchema: { json: { type: 'object', properties: {} } } } },
        { toolSpec: { name: 'b', inputSchema: { json: { type: 'object', properties: { x: {} } } } } },
      ],
    });
  });

  test.each([
    [{ type: 'auto' } as const, { auto: {} }],
    [{ type: 'required' } as const, { any: {} }],
    [{ type: 'tool', name: 'weather' } as const, { tool: { name: 'weather' } }],
  ])('choice %o', (toolChoice, wire) => {
    expect(encode({ tools: [WEATHER], toolChoice }).body.toolConfig).toHaveProperty('toolChoice', wire);
  });

  test('"none" leaves the tools out', () => {
    const { body, dropped } = encode({ tools: [WEATHER], toolChoice: { type: 'none' } });
    expect([body.toolConfig, dropped]).toEqual([undefined, []]);
  });

  test('"none" after calls can\'t be said, and is named', () => {
    const turns = [HELLO, CALL, user(RESULT)];
    const { body, dropped } = encode({ turns, tools: [WEATHER], toolChoice: { type: 'none' } });
    expect(body.toolConfig).toHaveProperty('tools.0.toolSpec.name', 'weather');
    expect(body.toolConfig).not.toHaveProperty('toolChoice');
    expect(dropped).toEqual(['toolChoice']);
  });

  test('calls in the history without tools bring their own', () => {
    const { body } = encode({ turns: [HELLO, CALL, user(RESULT)] });
    expect(body.toolConfig).toEqual({
      tools: [{ toolSpec: { name: 'weather', inputSchema: { json: { type: 'object', properties: {} } } } }],
    });
  });

  test("one call at a time is Claude's own switch, never beside a choice of Converse's", () => {
    const one = encode({ tools: [WEATHER], toolChoice: { type: 'auto' }, parallelToolCalls: false }, CLAUDE_45);
    expect(one.body.additionalModelRequestFields).toEqual({
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    });
    expect(one.body.toolConfig).not.toHaveProperty('toolChoice');
    expect(one.dropped).toEqual([]);
    const forced = encode({ tools: [WEATHER], toolChoice: { type: 'required' }, parallelToolCalls: false }, CLAUDE_45);
    expect(forced.body.additionalModelRequestFields).toBeUndefined();
    expect(forced.dropped).toEqual(['parallelToolCalls']);
    expect(encode({ tools: [WEATHER], parallelToolCalls: false }).dropped).toEqual(['parallelToolCalls']);
  });

  test('strict goes where it is taken, and is named where not', () => {
    const tools = [{ ...WEATHER, strict: true }];
    expect(encode({ tools }, CLAUDE_45).body.toolConfig).toHaveProperty('tools.0.toolSpec.strict', true);
    expect(encode({ tools })).toMatchObject({ dropped: ['tools.strict'] });
    expect(encode({ tools }).body.toolConfig).not.toHaveProperty('tools.0.toolSpec.strict');
  });
});

describe('prompt caches', () => {
  const cached = (ttl: '5m' | '1h', model: string): { content: unknown; dropped: string[] } => {
    const { body, dropped } = encode({ turns: [user({ type: 'text', text: 'a', cache: { ttl } })] }, model);
    return { content: (body.messages as { content: unknown[] }[])[0]?.content.slice(1), dropped };
  };

  test.each<['5m' | '1h', string, unknown, string[]]>([
    ['5m', CLAUDE_45, [{ cachePoint: { type: 'default' } }], []],
    ['1h', CLAUDE_45, [{ cachePoint: { type: 'default', ttl: '1h' } }], []],
    ['1h', NOVA, [{ cachePoint: { type: 'default' } }], ['cache.ttl']],
    ['5m', 'us.deepseek.r1-v1:0', [], ['cache']],
  ])('%s on %s', (ttl, model, content, dropped) => {
    expect(cached(ttl, model)).toEqual({ content, dropped });
  });

  test('Nova caches no tools', () => {
    const tools = [{ ...WEATHER, cache: { ttl: '5m' } as const }];
    expect(encode({ tools }).dropped).toEqual(['cache']);
    expect(encode({ tools }, CLAUDE_45).body.toolConfig).toHaveProperty('tools.1.cachePoint', { type: 'default' });
  });

  test('a point on blank text stands on what came before', () => {
    const turns = [user({ type: 'text', text: 'a' }, { type: 'text', text: '\n', cache: { ttl: '5m' } })];
    expect(encode({ turns }).body.messages).toEqual([
      { role: 'user', content: [{ text: 'a' }, { cachePoint: { type: 'default' } }] },
    ]);
  });
});
