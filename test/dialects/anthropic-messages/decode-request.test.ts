import { describe, expect, test } from '@jest/globals';
import type { Conversation, JsonObject, JsonValue } from '../../../lambdas/core/conversation.ts';
import type { RequestProblem } from '../../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';

const SMALLEST = { model: 'assistant', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };

const decode = (more: JsonObject): Conversation => {
  const decoded = anthropicMessages.decodeRequest({ ...SMALLEST, ...more });
  if (!decoded.ok) throw new Error(decoded.problem.message);
  return decoded.value;
};

const problemOf = (body: JsonValue): RequestProblem => {
  const decoded = anthropicMessages.decodeRequest(body);
  if (decoded.ok) throw new Error('was decoded');
  return decoded.problem;
};

const user = (...content: JsonValue[]): JsonObject => ({ role: 'user', content });
const assistant = (...content: JsonValue[]): JsonObject => ({ role: 'assistant', content });
const call = (id: string): JsonObject => ({ type: 'tool_use', id, name: 'f', input: {} });
const result = (id: string): JsonObject => ({ type: 'tool_result', tool_use_id: id, content: 'ok' });
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
      'citations',
      { messages: [user({ type: 'document', source: { type: 'text', data: 'x' }, citations: { enabled: true } })] },
      ['document.citations'],
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

  test.each<[JsonObject, string]>([
    [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'tools: web_search_20250305'],
    [{ tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] }, 'tools: code_execution_20250825'],
    [{ tools: [{ type: 'something_new_20270101', name: 'x' }] }, 'tools: something_new_20270101'],
    [{ service_tier: 'priority' }, 'service_tier'],
    [{ speed: 'fast' }, 'speed'],
    [{ inference_geo: 'us' }, 'inference_geo'],
    [{ mcp_servers: [{ type: 'url', url: 'https://e.com', name: 'x' }] }, 'mcp_servers'],
    [{ container: 'c_1' }, 'container'],
    [{ fallbacks: 'default' }, 'fallbacks'],
    [{ context_management: { edits: [{ type: 'compact_20260112' }] } }, 'context_management'],
  ])('%j can cost more than its tokens', (more, name) => {
    expect(decode(more).costBearing).toEqual([name]);
  });

  test.each([{ service_tier: 'auto' }, { service_tier: 'standard_only' }, { speed: 'standard' }, { mcp_servers: [] }])(
    '%j costs nothing more',
    (more) => {
      expect(decode(more).costBearing).toEqual([]);
    },
  );

  test('names of unknown fields are bounded in number and length', () => {
    const more = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`${index}${'x'.repeat(500)}`, 1]));
    const { sameDialectOnly } = decode(more);
    expect(sameDialectOnly).toHaveLength(32);
    expect(Math.max(...sameDialectOnly.map(({ length }) => length))).toBe(64);
  });
});

describe('decodeRequest refuses', () => {
  const image = (source: JsonObject) => ({ messages: [user({ type: 'image', source })] });

  test.each<[JsonObject, string]>([
    [{ model: undefined as never }, 'model'],
    [{ model: '' }, 'model'],
    [{ model: 'm'.repeat(300) }, 'model'],
    [{ max_tokens: undefined as never }, 'max_tokens'],
    [{ max_tokens: null }, 'max_tokens'],
    [{ max_tokens: -1 }, 'max_tokens'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ max_tokens: '100' }, 'max_tokens'],
    [{ messages: [] }, 'messages'],
    [{ messages: 'hi' }, 'messages'],
    [{ messages: [7] }, 'messages[0]'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: '' }] }, 'messages[0].content'],
    [{ messages: [user()] }, 'messages[0].content'],
    [{ messages: [user('x')] }, 'messages[0].content[0]'],
    [{ messages: [user({ text: 'x' })] }, 'messages[0].content[0].type'],
    [{ messages: [user({ type: 'text' })] }, 'messages[0].content[0].text'],
    [
      { messages: [user({ type: 'text', text: 'x', cache_control: { type: 'eternal' } })] },
      'messages[0].content[0].cache_control.type',
    ],
    [
      { messages: [user({ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '2h' } })] },
      'messages[0].content[0].cache_control.ttl',
    ],
    [{ messages: [user(call('a'))] }, 'messages[0].content[0].type'],
    [{ messages: [user({ type: 'thinking', thinking: 'x' })] }, 'messages[0].content[0].type'],
    [{ messages: [assistant(result('a'))] }, 'messages[0].content[0].type'],
    [{ messages: [assistant({ ...call('a'), input: '{}' })] }, 'messages[0].content[0].input'],
    [image({ type: 'base64', data: 'AAAA' }), 'messages[0].content[0].source.media_type'],
    [image({ type: 'base64', media_type: 'image/png', data: '' }), 'messages[0].content[0].source.data'],
    [image({ type: 'ftp' }), 'messages[0].content[0].source.type'],
    [{ messages: [user({ type: 'document', source: { type: 'text' } })] }, 'messages[0].content[0].source.data'],
    [{ system: [{ type: 'image' }] }, 'system[0].type'],
    [{ system: 7 }, 'system'],
    [{ tools: {} }, 'tools'],
    [{ tools: Array.from({ length: 1_000_000 }, () => 0) }, 'tools'],
    [{ tools: [{ name: 'f' }] }, 'tools[0].input_schema'],
    [{ tools: [{ name: 'f', input_schema: { type: 'string' } }] }, 'tools[0].input_schema.type'],
    [{ tools: [tool('f\r\nx: y')] }, 'tools[0].name'],
    [{ tools: [tool('f'), tool('f')] }, 'tools[1].name'],
    [{ tool_choice: { type: 'any' } }, 'tool_choice'],
    [{ tools: [tool('f')], tool_choice: { type: 'maybe' } }, 'tool_choice.type'],
    [{ tools: [tool('f')], tool_choice: { type: 'tool', name: 'g' } }, 'tool_choice.name'],
    [{ temperature: 1.1 }, 'temperature'],
    [{ top_p: -0.1 }, 'top_p'],
    [{ top_k: 1.5 }, 'top_k'],
    [{ stop_sequences: [''] }, 'stop_sequences[0]'],
    [{ stop_sequences: 'END' }, 'stop_sequences'],
    [{ thinking: { type: 'enabled', budget_tokens: 1_023 } }, 'thinking.budget_tokens'],
    [{ thinking: { type: 'enabled' } }, 'thinking.budget_tokens'],
    [{ thinking: { type: 'hard' } }, 'thinking.type'],
    [{ output_config: { effort: 'enormous' } }, 'output_config.effort'],
    [{ output_config: { format: { type: 'json' } } }, 'output_config.format.type'],
    [{ output_format: { type: 'json_schema' } }, 'output_format.schema'],
    [{ metadata: { user_id: 'u'.repeat(300) } }, 'metadata.user_id'],
    [{ stream: 'yes' }, 'stream'],
    [{ service_tier: 7 }, 'service_tier'],
  ])('%# names the field at fault', (more, param) => {
    const body = Object.fromEntries(
      Object.entries({ ...SMALLEST, ...more }).filter(([, value]) => value !== undefined),
    );
    const problem = problemOf(body as JsonObject);
    expect(problem.param).toBe(param);
    expect(problem.message.length).toBeLessThan(300);
  });

  const asked = user({ type: 'text', text: 'q' });

  test.each<[string, JsonValue[], string]>([
    ['a result without any call', [user(result('a'))], 'messages[0].content[0].tool_use_id'],
    ['a result for another id', [asked, assistant(call('a')), user(result('b'))], 'messages[2].content[0].tool_use_id'],
    [
      'a second result for a call',
      [asked, assistant(call('a')), user(result('a'), result('a'))],
      'messages[2].content[1].tool_use_id',
    ],
    [
      'a result one answer too late',
      [asked, assistant(call('a')), user(result('a')), assistant({ type: 'text', text: 'x' }), user(result('a'))],
      'messages[4].content[0].tool_use_id',
    ],
    [
      'a call without its result',
      [asked, assistant(call('a'), call('b')), user(result('a'))],
      'messages[1].content[1].id',
    ],
    ['an id used twice', [asked, assistant(call('a'), call('a'))], 'messages[1].content[1].id'],
    [
      'an id used again later',
      [asked, assistant(call('a')), user(result('a')), assistant(call('a'))],
      'messages[3].content[0].id',
    ],
  ])('%s', (_, messages, param) => {
    expect(problemOf({ ...SMALLEST, messages }).param).toBe(param);
  });

  test('but takes results spread over the messages after their calls', () => {
    const messages = [asked, assistant(call('a')), assistant(call('b')), user(result('b')), user(result('a'))];
    expect(anthropicMessages.decodeRequest({ ...SMALLEST, messages }).ok).toBe(true);
  });

  test.each<[JsonValue]>([[null], [7], ['x'], [[]], [true]])('a body of %j', (body) => {
    expect(problemOf(body).message).toContain('expected an object');
  });

  test('a body nested so deep that writing it would overflow the stack', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as JsonValue;
    expect(problemOf({ ...SMALLEST, extra: deep }).message).toContain('levels deep');
  });

  test('without quoting a prompt', () => {
    const secret = 'the launch code is 0000 and it must never be seen in any message at all';
    expect(problemOf({ ...SMALLEST, messages: [{ role: secret, content: secret }] }).message).not.toContain('launch');
    expect(problemOf({ ...SMALLEST, system: [{ type: secret }] }).message).not.toContain('launch');
  });
});
