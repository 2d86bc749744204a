import { describe, expect, test } from '@jest/globals';
import type { Conversation, JsonObject, JsonValue } from '../../../lambdas/core/conversation.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';

const SMALLEST = { model: 'assistant', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };

const decode = (more: JsonObject): Conversation => {
  const decoded = anthropicMessages.decodeRequest({ ...SMALLEST, ...more });
  if (!decoded.ok) throw new Error(decoded.problem.message);
  return decoded.value;
};

const user = (...content: JsonValue[]): JsonObject => ({ role: 'user', content });
const assistant = (...content: JsonValue[]): JsonObject => ({ role: 'assistant', content });
const tool = (name: string): JsonObject => ({ name, input_schema: { type: 'object' } });

describe('decodeRequest', () => {
  test('the smallest body', () => {
    expect(decode({})).toEqual({
      model: 'assistant',
      turns: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
      tools: [],
      maxOutputTokens: 100,
      choices: 1,
      stream: false,
      streamUsage: true,
      sameDialectOnly: [],
      costBearing: [],
    });
  });

  test('null means "not set", as SDKs write it', () => {
    const nulls = ['system', 'tools', 'tool_choice', 'thinking', 'temperature', 'top_p', 'stop_sequences', 'metadata'];
    const more = Object.fromEntries(
      [...nulls, 'output_config', 'output_format', 'cache_control', 'service_tier', 'speed'].map((name) => [
        name,
        null,
      ]),
    );
    expect(decode(more)).toEqual(decode({}));
  });

  test('every field that has a place', () => {
    const conversation = decode({
      system: [
        { type: 'text', text: 'A', cache_control: { type: 'ephemeral', ttl: '1h' } },
        { type: 'text', text: 'B', cache_control: { type: 'ephemeral' } },
      ],
      tools: [
        { name: 'f', description: 'd', input_schema: { type: 'object' }, strict: true, type: 'custom' },
        { name: 'g', input_schema: { type: 'object' }, cache_control: { type: 'ephemeral' } },
      ],
      tool_choice: { type: 'tool', name: 'g', disable_parallel_tool_use: true },
      stop_sequences: ['END'],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      thinking: { type: 'enabled', budget_tokens: 2_000 },
      output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
      metadata: { user_id: 'u1' },
      stream: true,
    });
    expect(conversation).toEqual({
      model: 'assistant',
      turns: [
        {
          role: 'system',
          parts: [
            { type: 'text', text: 'A', cache: { ttl: '1h' } },
            { type: 'text', text: 'B', cache: { ttl: '5m' } },
          ],
        },
        { role: 'user', parts: [{ type: 'text', text: 'hi' }] },
      ],
      tools: [
        { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
        { name: 'g', parameters: { type: 'object' }, cache: { ttl: '5m' } },
      ],
      toolChoice: { type: 'tool', name: 'g' },
      parallelToolCalls: false,
      format: { type: 'json-schema', name: 'output', schema: { type: 'object' } },
      maxOutputTokens: 100,
      stopSequences: ['END'],
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      reasoning: { budgetTokens: 2_000 },
      choices: 1,
      stream: true,
      streamUsage: true,
      user: 'u1',
      sameDialectOnly: [],
      costBearing: [],
    });
  });

  test('every kind of content', () => {
    const messages = [
      user(
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        { type: 'image', source: { type: 'url', url: 'https://e.com/a.png' }, cache_control: { type: 'ephemeral' } },
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'BBBB' }, title: 'T' },
        { type: 'document', source: { type: 'url', url: 'https://e.com/a.pdf' } },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' } },
        {
          type: 'document',
          source: {
            type: 'content',
            content: [
              { type: 'text', text: 'x' },
              { type: 'text', text: 'y' },
            ],
          },
        },
      ),
      assistant(
        { type: 'thinking', thinking: 'hm', signature: 'sig' },
        { type: 'thinking', thinking: 'unsigned', signature: '' },
        { type: 'redacted_thinking', data: 'zzz' },
        { type: 'text', text: 'well' },
        { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
        { type: 'tool_use', id: 'b', name: 'g', input: {} },
      ),
      user(
        { type: 'tool_result', tool_use_id: 'b' },
        { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'no' }], is_error: true },
      ),
    ];
    expect(decode({ messages }).turns).toEqual([
      {
        role: 'user',
        parts: [
          { type: 'image', source: { type: 'base64', mediaType: 'image/png', data: 'AAAA' } },
          { type: 'image', source: { type: 'url', url: 'https://e.com/a.png' }, cache: { ttl: '5m' } },
          { type: 'document', source: { type: 'base64', mediaType: 'application/pdf', data: 'BBBB' }, name: 'T' },
          { type: 'document', source: { type: 'url', url: 'https://e.com/a.pdf' } },
          { type: 'document', source: { type: 'text', text: 'words' } },
          { type: 'document', source: { type: 'text', text: 'x\n\ny' } },
        ],
      },
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'hm', signature: 'sig' },
          { type: 'reasoning', text: 'unsigned' },
          { type: 'redacted-reasoning', data: 'zzz' },
          { type: 'text', text: 'well' },
          { type: 'tool-call', id: 'a', name: 'f', arguments: '{"x":1}' },
          { type: 'tool-call', id: 'b', name: 'g', arguments: '{}' },
        ],
      },
      {
        role: 'user',
        parts: [
          { type: 'tool-result', callId: 'b', content: [] },
          { type: 'tool-result', callId: 'a', content: [{ type: 'text', text: 'no' }], isError: true },
        ],
      },
    ]);
  });

  test('a system message between the others is a system turn at its place', () => {
    const messages = [
      user({ type: 'text', text: 'a' }),
      { role: 'system', content: 'Be brief.' },
      assistant(),
      user({ type: 'text', text: 'b' }),
    ];
    expect(decode({ messages }).turns.map(({ role }) => role)).toEqual(['user', 'system', 'assistant', 'user']);
  });

  test.each<[JsonObject, Conversation['reasoning']]>([
    [{ thinking: { type: 'disabled' } }, { effort: 'none' }],
    [{ thinking: { type: 'adaptive' } }, { effort: 'high' }],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }, { effort: 'max' }],
    [{ output_config: { effort: 'low' } }, { effort: 'low' }],
    [{ thinking: { type: 'between_tools' } }, { effort: 'low' }],
    [{}, undefined],
  ])('%j asks for reasoning as %j', (more, reasoning) => {
    expect(decode(more).reasoning).toEqual(reasoning);
  });

  test.each<[JsonObject, Partial<Conversation>]>([
    [{ tool_choice: { type: 'any' } }, { toolChoice: { type: 'required' } }],
    [{ tool_choice: { type: 'none' } }, { toolChoice: { type: 'none' } }],
    [
      { tool_choice: { type: 'auto', disable_parallel_tool_use: false } },
      { toolChoice: { type: 'auto' }, parallelToolCalls: true },
    ],
  ])('%j', (more, expected) => {
    expect(decode({ tools: [tool('f')], ...more })).toMatchObject(expected);
  });

  test('a top-level cache_control marks the last block', () => {
    const conversation = decode({ cache_control: { type: 'ephemeral', ttl: '1h' } });
    expect(conversation.turns[0]?.parts).toEqual([{ type: 'text', text: 'hi', cache: { ttl: '1h' } }]);
    expect(conversation.sameDialectOnly).toEqual([]);
  });

  test.each<[string, JsonObject, string[]]>([
    ['an unknown field', { frobnicate: 1 }, ['frobnicate']],
    ['a known one without a place', { diagnostics: {} }, ['diagnostics']],
    ['a field of a tool', { tools: [{ ...tool('f'), defer_loading: true }] }, ['tools.defer_loading']],
    [
      'a citation of a kind that is not known',
      { messages: [user({ type: 'text', text: 'x', citations: [{ type: 'moon_location' }] })] },
      ['citations'],
    ],
    ['how thinking is shown', { thinking: { type: 'adaptive', display: 'omitted' } }, ['thinking.display']],
    [
      'editing of the context that costs nothing',
      { context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] } },
      ['context_management'],
    ],
  ])('%s is for the same dialect only', (_, more, names) => {
    const { sameDialectOnly, boundTo, costBearing } = decode(more);
    expect({ sameDialectOnly, boundTo, costBearing }).toEqual({
      sameDialectOnly: names,
      boundTo: undefined,
      costBearing: [],
    });
  });

  test.each<[string, JsonObject, string]>([
    [
      'an image by file',
      { messages: [user({ type: 'image', source: { type: 'file', file_id: 'file_1' } })] },
      "messages[0].content[0].source (a file's id)",
    ],
    [
      'a block of a server tool',
      {
        messages: [
          user({ type: 'text', text: 'a' }),
          assistant({ type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
        ],
      },
      'messages[1].content[0] ("server_tool_use")',
    ],
    ['a tool that the client runs', { tools: [{ type: 'bash_20250124', name: 'bash' }] }, 'tools[0] ("bash_20250124")'],
    ['filling the cache only', { max_tokens: 0 }, 'max_tokens of 0'],
  ])('%s needs a target of this dialect, and no fee', (_, more, what) => {
    const { boundTo, costBearing } = decode(more);
    expect({ boundTo, costBearing }).toEqual({ boundTo: { dialect: 'anthropic-messages', what }, costBearing: [] });
  });

  test('a block that only Anthropic reads still counts in the estimate of the input', () => {
    const block = {
      type: 'web_search_tool_result',
      tool_use_id: 's',
      content: [{ encrypted_content: 'x'.repeat(999) }],
    };
    const [, turn] = decode({ messages: [user({ type: 'text', text: 'a' }), assistant(block)] }).turns;
    expect(turn?.parts).toEqual([{ type: 'text', text: JSON.stringify(block) }]);
  });

  test('names of unknown fields are bounded in number and length', () => {
    const more = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`${index}${'x'.repeat(500)}`, 1]));
    const { sameDialectOnly } = decode(more);
    expect(sameDialectOnly).toHaveLength(32);
    expect(Math.max(...sameDialectOnly.map(({ length }) => length))).toBe(64);
  });
});
