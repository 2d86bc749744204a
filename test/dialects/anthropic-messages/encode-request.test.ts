import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Conversation, Turn } from '../../../lambdas/core/conversation.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { conversations } from '../../support/conversations.ts';
import { breachesOf } from './api-rules.ts';
import { encode } from './encode.ts';

const MODELS = [
  'claude-3-5-haiku-20241022',
  'claude-3-7-sonnet-20250219',
  'claude-sonnet-4-20250514',
  'claude-opus-4-1-20250805',
  'claude-sonnet-4-5-20250929',
  'claude-opus-4-6',
  'claude-opus-4-7',
  'claude-opus-4-8',
  'claude-sonnet-5',
  'claude-opus-5',
  'claude-haiku-5-5',
  'claude-sonnet-5-5',
  'claude-opus-5-5',
  'claude-fable-5-2',
  'claude-mythos-preview',
];

describe('encodeRequest', () => {
  test.each(MODELS)('%s: no conversation becomes a body that Anthropic would refuse', (model) => {
    fc.assert(
      fc.property(conversations(), fc.constantFrom(undefined, 500, 1_500, 30_000), (conversation, limit) => {
        const target = { model, ...(limit !== undefined && { maxOutputTokens: limit }) };
        expect(breachesOf(encode(conversation, target).body)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('what is encoded is decoded the same', () => {
    const carried = conversations({
      without: [
        // Each has a test of its own below.
        'cache',
        'image-detail',
        'late-system',
        'invalid-arguments',
        'refusals',
        'seed',
        'penalties',
        'choices',
        'json-format',
        'json-schema-format',
        'tool-strict',
        'tool-without-parameters',
        'reasoning-effort',
        'reasoning-budget',
      ],
      with: ['citations', 'document-context', 'cite'],
    });
    fc.assert(
      fc.property(carried, (conversation) => {
        const { body } = encode(conversation, {
          model: 'a-server-that-speaks-the-dialect',
          ...(conversation.maxOutputTokens !== undefined && { maxOutputTokens: conversation.maxOutputTokens }),
        });
        const decoded = anthropicMessages.decodeRequest(body);
        expect(decoded).toEqual({ ok: true, value: normal(conversation) });
      }),
      { numRuns: 200 },
    );
  });

  /** The same conversation as this dialect says it: systems in one turn, unsigned reasoning gone, defaults named. */
  const normal = (conversation: Conversation): Conversation => {
    const systems = conversation.turns.filter((turn) => turn.role === 'system');
    const others = conversation.turns
      .filter(({ role }) => role !== 'system')
      .map((turn) => ({
        ...turn,
        parts: turn.parts.filter((part) => part.type !== 'reasoning' || part.signature !== undefined),
      })) as Turn[];
    const last = others.at(-1);
    if (last?.role === 'assistant')
      last.parts = last.parts.map((part) => (part.type === 'text' ? { ...part, text: part.text.trimEnd() } : part));
    const called = [
      ...new Set(
        others.flatMap(({ parts }) => parts.flatMap((part) => (part.type === 'tool-call' ? [part.name] : []))),
      ),
    ];
    const { toolChoice, parallelToolCalls, ...rest } = conversation;
    const isPlain = conversation.tools.length > 0 || called.length === 0;
    return {
      ...rest,
      model: 'a-server-that-speaks-the-dialect',
      turns: [
        ...(systems.length === 0
          ? []
          : [{ role: 'system', parts: systems.flatMap(({ parts }) => parts) } satisfies Turn]),
        ...others,
      ],
      tools: isPlain
        ? conversation.tools
        : called.map((name) => ({ name, parameters: { type: 'object', properties: {} } })),
      ...(!isPlain && { toolChoice: { type: 'none' } }),
      ...(isPlain && toolChoice !== undefined && { toolChoice }),
      ...(isPlain &&
        parallelToolCalls !== undefined &&
        toolChoice?.type !== 'none' && { parallelToolCalls, toolChoice: toolChoice ?? { type: 'auto' } }),
      maxOutputTokens: conversation.maxOutputTokens ?? 64_000,
      streamUsage: true,
    };
  };

  test('a conversation of system turns only gets a user to begin with', () => {
    const turns: Turn[] = [{ role: 'system', parts: [{ type: 'text', text: 'S' }] }];
    const { body } = encode({ turns });
    expect(body.system).toEqual([{ type: 'text', text: 'S' }]);
    expect(body.messages.map(({ role }) => role)).toEqual(['user']);
  });

  test('empty texts and the turns made of them are left out', () => {
    const { body } = encode({
      turns: [
        { role: 'system', parts: [{ type: 'text', text: '' }] },
        { role: 'user', parts: [{ type: 'text', text: 'a' }] },
        { role: 'assistant', parts: [{ type: 'text', text: '' }] },
        { role: 'user', parts: [{ type: 'text', text: 'b' }] },
      ],
    });
    expect(body.system).toBeUndefined();
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ]);
  });

  const late: Turn[] = [
    { role: 'user', parts: [{ type: 'text', text: 'a' }] },
    { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
  ];

  test('a later system turn stays one where the model takes it', () => {
    expect(encode({ turns: late }, { model: 'claude-opus-4-8' }).body.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
      { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
    ]);
  });

  test('before a user’s turn it can’t stand as one, and is told within that', () => {
    const turns: Turn[] = [...late, { role: 'user', parts: [{ type: 'text', text: 'b' }] }];
    const { messages } = encode({ turns }, { model: 'claude-opus-4-8' }).body;
    expect(messages.map(({ role, content }) => [role, content.map(({ text }) => text)])).toEqual([
      ['user', ['a', '<system>\nBe brief.\n</system>', 'b']],
    ]);
  });

  test('elsewhere it is told within the user’s turn', () => {
    const { body, dropped } = encode({ turns: late });
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: '<system>\nBe brief.\n</system>' },
        ],
      },
    ]);
    expect(dropped).toEqual([]);
  });

  test('tool results from turns of their own stand first, in one message, whatever came between', () => {
    const { body } = encode({
      turns: [
        { role: 'user', parts: [{ type: 'text', text: 'q' }] },
        {
          role: 'assistant',
          parts: [
            { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' },
            { type: 'tool-call', id: 'b', name: 'f', arguments: '{"x":1}' },
          ],
        },
        { role: 'user', parts: [{ type: 'tool-result', callId: 'b', content: [{ type: 'text', text: '2' }] }] },
        { role: 'system', parts: [{ type: 'text', text: 'S' }] },
        { role: 'user', parts: [{ type: 'tool-result', callId: 'a', content: [], isError: true }] },
        { role: 'user', parts: [{ type: 'text', text: 'and?' }] },
      ],
    });
    expect(body.messages[2]?.content).toEqual([
      { type: 'tool_result', tool_use_id: 'b', content: [{ type: 'text', text: '2' }] },
      { type: 'tool_result', tool_use_id: 'a', is_error: true },
      { type: 'text', text: '<system>\nS\n</system>' },
      { type: 'text', text: 'and?' },
    ]);
  });

  test('ids that a vendor used again or spelt its own way are made unique and plain, with their results', () => {
    const round = (id: string): Turn[] => [
      { role: 'assistant', parts: [{ type: 'tool-call', id, name: 'f', arguments: '{}' }] },
      { role: 'user', parts: [{ type: 'tool-result', callId: id, content: [] }] },
    ];
    const { body } = encode({
      turns: [...late.slice(0, 1), ...round('call_0'), ...round('call_0'), ...round('functions.f:0'), ...round('')],
    });
    expect(breachesOf(body)).toEqual([]);
    const ids = body.messages.flatMap(({ content }) => content.map(({ id, tool_use_id }) => id ?? tool_use_id));
    expect(ids.filter((id) => id !== undefined)).toEqual([
      'call_0',
      'call_0',
      'call_0_2',
      'call_0_2',
      'functions_f_0',
      'functions_f_0',
      'call',
      'call',
    ]);
  });

  test('ten thousand calls of one id, and as many system turns, take no time to speak of', () => {
    const calls = Array.from({ length: 10_000 }, () => ({
      type: 'tool-call' as const,
      id: 'a',
      name: 'f',
      arguments: '{}',
    }));
    const systems = Array.from(
      { length: 10_000 },
      (): Turn => ({ role: 'system', parts: [{ type: 'text', text: 's' }] }),
    );
    const turns: Turn[] = [...late, ...systems, { role: 'assistant', parts: calls }];
    const { messages } = encode({ turns }, { model: 'claude-opus-4-8' }).body;
    expect(new Set(messages.at(-1)?.content.map(({ id }) => id)).size).toBe(10_000);
  });

  test('arguments that are no JSON object are kept whole under INVALID_JSON', () => {
    const parts = [{ type: 'tool-call' as const, id: 'a', name: 'f', arguments: '{"city": "Par' }];
    const { body } = encode({ turns: [...late.slice(0, 1), { role: 'assistant', parts }] });
    expect(body.messages[1]?.content).toEqual([
      { type: 'tool_use', id: 'a', name: 'f', input: { INVALID_JSON: '{"city": "Par' } },
    ]);
  });

  test('a history with calls but no tools gets their names, and none may be called', () => {
    const parts = [{ type: 'tool-call' as const, id: 'a', name: 'f', arguments: '{}' }];
    const { body } = encode({ turns: [...late.slice(0, 1), { role: 'assistant', parts }] });
    expect(body.tools).toEqual([{ name: 'f', input_schema: { type: 'object', properties: {} } }]);
    expect(body.tool_choice).toEqual({ type: 'none' });
  });

  test('what OpenAI alone knows is named', () => {
    const { body, dropped } = encode({
      seed: 1,
      presencePenalty: 0.5,
      frequencyPenalty: 0.5,
      choices: 2,
      temperature: 1.7,
      stopSequences: ['\n', 'END'],
      user: 'u'.repeat(300),
      sameDialectOnly: ['logit_bias'],
      turns: [
        { role: 'user', parts: [{ type: 'image', source: { type: 'url', url: 'https://e.com/a' }, detail: 'low' }] },
      ],
    });
    expect(new Set(dropped)).toEqual(
      new Set([
        'seed',
        'presencePenalty',
        'frequencyPenalty',
        'choices',
        'temperature',
        'stopSequences',
        'user',
        'logit_bias',
        'image.detail',
      ]),
    );
    expect(body).toMatchObject({ temperature: 1, stop_sequences: ['END'] });
    expect(Object.keys(body).sort()).toEqual([
      'max_tokens',
      'messages',
      'model',
      'stop_sequences',
      'stream',
      'temperature',
    ]);
  });

  test('of more than four cache points the last four are kept', () => {
    const parts = Array.from({ length: 6 }, (_, index) => ({
      type: 'text' as const,
      text: `${index}`,
      cache: { ttl: index === 5 ? ('1h' as const) : ('5m' as const) },
    }));
    const { body, dropped } = encode({ turns: [{ role: 'user', parts }] });
    expect(body.messages[0]?.content.map((block) => block.cache_control)).toEqual([
      undefined,
      undefined,
      { type: 'ephemeral' },
      { type: 'ephemeral' },
      { type: 'ephemeral' },
      { type: 'ephemeral', ttl: '1h' },
    ]);
    expect(dropped).toEqual(['cache']);
  });

  test('cache points up to four survive there and back', () => {
    const text = (value: string, ttl: '5m' | '1h') => ({ type: 'text' as const, text: value, cache: { ttl } });
    const turns: Turn[] = [
      { role: 'system', parts: [text('S', '1h')] },
      { role: 'user', parts: [text('a', '5m')] },
    ];
    const tools = [{ name: 'f', parameters: { type: 'object' }, cache: { ttl: '1h' as const } }];
    const { body, dropped } = encode({ turns, tools });
    expect(dropped).toEqual([]);
    expect(anthropicMessages.decodeRequest(body)).toMatchObject({ ok: true, value: { turns, tools } });
  });

  test('a text file in base64 goes as text', () => {
    const source = {
      type: 'base64' as const,
      mediaType: 'text/markdown',
      data: Buffer.from('# Grüße').toString('base64'),
    };
    const { body } = encode({ turns: [{ role: 'user', parts: [{ type: 'document', source, name: 'a.md' }] }] });
    expect(body.messages[0]?.content).toEqual([
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: '# Grüße' }, title: 'a.md' },
    ]);
  });

  test('JSON without a schema is asked for in words, and named', () => {
    const { body, dropped } = encode({ format: { type: 'json' } });
    expect(body.system?.at(-1)?.text).toContain('JSON');
    expect(dropped).toEqual(['format']);
  });

  test('the limit is the target’s, else the model’s own', () => {
    expect(encode({}, { maxOutputTokens: 7 }).body.max_tokens).toBe(7);
    expect(encode({}).body.max_tokens).toBe(64_000);
  });
});
