import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Conversation, JsonObject, JsonValue } from '../../../lambdas/core/conversation.ts';
import { openaiResponses } from '../../../lambdas/dialects/openai-responses/codec.ts';
import { describeRecordings, recordedRequest, recordingsOf } from '../../support/recordings.ts';

const decode = (more: JsonObject): Conversation => {
  const decoded = openaiResponses.decodeRequest({ model: 'm', input: 'Hi', store: false, ...more });
  if (!decoded.ok) throw new Error(decoded.problem.message);
  return decoded.value;
};

const problemOf = (body: JsonValue) => {
  const decoded = openaiResponses.decodeRequest(body);
  if (decoded.ok) throw new Error('it was taken');
  return decoded.problem;
};

const user = (text: string) => ({ role: 'user', parts: [{ type: 'text', text }] });
const CALL = { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{"a":1}' };
const OUTPUT = { type: 'function_call_output', call_id: 'c1', output: 'done' };
const HELLO = { role: 'user', content: 'Hi' };

describe('input', () => {
  test('what answers a call of the provider’s own tool is paired with it', () => {
    const call = { type: 'local_shell_call', call_id: 'c9', id: 'l1', status: 'completed', action: { type: 'exec' } };
    const conversation = decode({ input: [HELLO, call, { ...OUTPUT, call_id: 'c9' }] });
    expect(conversation.boundTo?.what).toContain('local_shell_call');
    expect(conversation.turns.at(-1)).toMatchObject({ parts: [{ type: 'tool-result', callId: 'c9' }] });
  });

  test('a string is one user turn; instructions stand before it', () => {
    expect(decode({ instructions: 'Be short.' }).turns).toEqual([
      { role: 'system', parts: [{ type: 'text', text: 'Be short.' }] },
      user('Hi'),
    ]);
  });

  test('messages of every role, with or without their type', () => {
    const { turns } = decode({
      input: [
        { role: 'developer', content: 'Rules' },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
        {
          type: 'message',
          id: 'msg_1',
          status: 'completed',
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'Yes', annotations: [] },
            { type: 'refusal', refusal: 'but no' },
          ],
        },
        { role: 'system', content: [{ type: 'input_text', text: 'More' }] },
      ],
    });
    expect(turns).toEqual([
      { role: 'system', parts: [{ type: 'text', text: 'Rules' }] },
      user('Hi'),
      {
        role: 'assistant',
        parts: [
          { type: 'text', text: 'Yes' },
          { type: 'refusal', text: 'but no' },
        ],
      },
      { role: 'system', parts: [{ type: 'text', text: 'More' }] },
    ]);
  });

  test('thoughts, words and calls in a row are one turn, and so are the outputs of functions', () => {
    const thought = {
      type: 'reasoning',
      id: 'rs_1',
      encrypted_content: 'gAAA',
      summary: [
        { type: 'summary_text', text: 'One.' },
        { type: 'summary_text', text: 'Two.' },
      ],
    };
    const { turns } = decode({
      input: [
        HELLO,
        thought,
        { role: 'assistant', content: 'Let me see.' },
        CALL,
        { ...CALL, call_id: 'c2', arguments: '' },
        OUTPUT,
        { ...OUTPUT, call_id: 'c2', output: [{ type: 'input_text', text: 'more' }] },
      ],
    });
    expect(turns.slice(1)).toEqual([
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', id: 'rs_1', text: 'One.\n\nTwo.', signature: 'gAAA', signedBy: 'openai' },
          { type: 'text', text: 'Let me see.' },
          { type: 'tool-call', id: 'c1', name: 'f', arguments: '{"a":1}' },
          { type: 'tool-call', id: 'c2', name: 'f', arguments: '{}' },
        ],
      },
      {
        role: 'user',
        parts: [
          { type: 'tool-result', callId: 'c1', content: [{ type: 'text', text: 'done' }] },
          { type: 'tool-result', callId: 'c2', content: [{ type: 'text', text: 'more' }] },
        ],
      },
    ]);
  });

  test('images and files by URL and in base64', () => {
    const { turns } = decode({
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'low' },
            { type: 'input_image', image_url: 'data:image/PNG;base64,AAAA' },
            { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' },
            { type: 'input_file', file_url: 'https://example.com/a.pdf' },
          ],
        },
      ],
    });
    expect(turns[0]?.parts).toEqual([
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' }, detail: 'low' },
      { type: 'image', source: { type: 'base64', mediaType: 'image/png', data: 'AAAA' } },
      {
        type: 'document',
        name: 'a.pdf',
        source: { type: 'base64', mediaType: 'application/pdf', data: 'BBBB' },
      },
      { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } },
    ]);
  });
});

describe('fields', () => {
  test('format, effort, limits, sampling, tools and their choice', () => {
    const conversation = decode({
      text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true } },
      reasoning: { effort: 'high' },
      max_output_tokens: 9,
      temperature: 0.5,
      top_p: 0.9,
      top_logprobs: 3,
      parallel_tool_calls: false,
      tools: [
        { type: 'function', name: 'f', parameters: { type: 'object' }, strict: null, description: null },
        { type: 'function', name: 'g', parameters: null },
      ],
      tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'g' }] },
      safety_identifier: 'ada',
      stream: true,
      stream_options: { include_obfuscation: false },
      truncation: 'disabled',
      metadata: {},
    });
    expect(conversation).toEqual({
      model: 'm',
      turns: [user('Hi')],
      tools: [{ name: 'g' }],
      toolChoice: { type: 'required' },
      parallelToolCalls: false,
      format: { type: 'json-schema', name: 'n', schema: { type: 'object' }, strict: true },
      maxOutputTokens: 9,
      temperature: 0.5,
      topP: 0.9,
      logprobs: { top: 3 },
      reasoning: { effort: 'high' },
      choices: 1,
      stream: true,
      streamUsage: true,
      user: 'ada',
      sameDialectOnly: [],
      costBearing: [],
    });
  });

  test.each<[JsonObject, string[]]>([
    [{ store: null }, ['store']],
    [{ metadata: { a: 'b' } }, ['metadata']],
    [{ truncation: 'auto' }, ['truncation']],
    [{ text: { verbosity: 'low' } }, ['text.verbosity']],
    [{ reasoning: { effort: 'low', summary: 'detailed' } }, ['reasoning.summary']],
    [{ include: ['web_search_call.results'] }, ['include']],
    [{ include: ['reasoning.encrypted_content'] }, []],
    [{ user: 'a', safety_identifier: 'b' }, ['safety_identifier']],
    [{ of_tomorrow: 1 }, ['of_tomorrow']],
    [{ input: [{ role: 'assistant', content: 'x', phase: 'commentary' }] }, ['input[].phase']],
  ])('%j: another dialect goes without %j', (more, names) => {
    expect(decode(more).sameDialectOnly).toEqual(names);
  });
});

describe('what only a target of this dialect can serve', () => {
  const item = (more: JsonObject): JsonObject => ({ input: [HELLO, more] });
  test.each<[string, JsonObject, string, boolean]>([
    ['an earlier response', { previous_response_id: 'resp_1' }, 'previous_response_id', true],
    ['a conversation', { conversation: { id: 'conv_1' } }, 'conversation', true],
    ['a stored prompt', { prompt: { id: 'pmpt_1' } }, 'prompt', true],
    ['keeping the answer', { store: true }, 'store: true', false],
    ['an item by its id', item({ type: 'item_reference', id: 'msg_1' }), 'item_reference', true],
    ['an item by its id alone', item({ id: 'msg_1' }), 'item_reference', true],
    ['a thought by its id', item({ type: 'reasoning', id: 'rs_1', summary: [] }), 'encrypted_content', true],
    ['a file', item({ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }), 'file_id', false],
    ['an image', item({ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] }), 'file_id', false],
    ['a hosted tool', { tools: [{ type: 'code_interpreter', container: {} }] }, 'code_interpreter', false],
    ['a custom tool', { tools: [{ type: 'custom', name: 'x' }] }, 'custom', false],
    ['a choice of its tools', { tool_choice: { type: 'mcp', server_label: 'x' } }, 'mcp', false],
    ['a call of its own', item({ type: 'web_search_call', id: 'ws_1', status: 'completed' }), 'web_search_call', false],
    ['an item of tomorrow', item({ type: 'of_tomorrow', x: 1 }), 'of_tomorrow', false],
  ])('%s', (_, more, what, isRemote) => {
    const { boundTo, hasRemoteInput } = decode(more);
    expect(boundTo?.dialect).toBe('openai-responses');
    expect(boundTo?.what).toContain(what);
    expect(hasRemoteInput ?? false).toBe(isRemote);
  });

  test('an output whose call lies with the provider is taken', () => {
    const { turns } = decode({ previous_response_id: 'resp_1', input: [OUTPUT] });
    expect(turns[0]?.parts).toMatchObject([{ type: 'tool-result', callId: 'c1' }]);
    expect(decode({ previous_response_id: 'resp_1', input: null }).turns).toEqual([]);
  });

  test('its own items are counted with their size', () => {
    const { turns } = decode(item({ type: 'of_tomorrow', x: 'y'.repeat(1_000) }));
    expect(JSON.stringify(turns[1]).length).toBeGreaterThan(1_000);
  });
});

describe('what costs more than tokens', () => {
  const search = { kind: 'tool', tool: 'web-search', bound: 'web_search', isDispensable: false };
  test.each<[JsonObject, object[]]>([
    [{ tools: [{ type: 'web_search', search_context_size: 'low' }] }, [{ ...search, size: 'low' }]],
    [
      { tools: [{ type: 'web_search_preview_2025_03_11' }], max_tool_calls: 3 },
      [{ ...search, size: 'medium', uses: 3 }],
    ],
    [{ tools: [{ type: 'file_search', vector_store_ids: [] }] }, [{ kind: 'unpriced', bound: 'file_search' }]],
    [{ tools: [{ type: 'mcp', server_label: 'x' }] }, [{ kind: 'unpriced', bound: 'mcp' }]],
    [{ tools: [{ type: 'local_shell' }] }, []],
    [{ service_tier: 'flex' }, [{ kind: 'service', service: 'flex', isDispensable: true }]],
    [{ service_tier: 'default' }, []],
    [{ prompt: { id: 'p' } }, [{ kind: 'unpriced', bound: 'prompt', isDispensable: false }]],
    [{ reasoning: { mode: 'pro' } }, [{ kind: 'unpriced', bound: 'reasoning.mode' }]],
    [{ prompt_cache_options: { ttl: '12h' } }, [{ kind: 'long-cache' }]],
    [
      {
        input: [
          { role: 'user', content: [{ type: 'input_text', text: 'x', prompt_cache_breakpoint: { ttl: '12h' } }] },
        ],
      },
      [{ kind: 'long-cache' }],
    ],
  ])('%j', (more, charges) => {
    const { costBearing } = decode(more);
    expect(costBearing).toEqual(
      charges.map((charge) => expect.objectContaining({ dialect: 'openai-responses', ...charge })),
    );
  });
});

describe('what is wrong is told with its place, and without the client’s words', () => {
  const SECRET = 'my secret words';
  test.each<[JsonValue, string | null]>([
    [[], null],
    [{ model: 'm' }, 'input'],
    [{ model: 'm', input: [] }, 'input'],
    [{ model: 'm', input: 5 }, 'input'],
    [{ model: 'm', input: [SECRET] }, 'input[0]'],
    [{ model: 'm', input: [{ role: 'tool', content: SECRET }] }, 'input[0].role'],
    [{ model: 'm', input: [{ role: 'user', content: [{ type: 'text', text: SECRET }] }] }, 'input[0].content[0].type'],
    [{ model: 'm', input: [{ role: 'user', content: [{ type: 'input_image' }] }] }, 'input[0].content[0]'],
    [
      { model: 'm', input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'file:///etc/passwd' }] }] },
      'input[0].content[0].image_url',
    ],
    [{ model: 'm', input: [OUTPUT] }, 'input[0].call_id'],
    [{ model: 'm', input: [CALL, CALL] }, 'input[1].call_id'],
    [{ model: 'm', input: [CALL, OUTPUT, OUTPUT] }, 'input[2].call_id'],
    [{ model: 'm', input: [{ ...CALL, arguments: { a: SECRET } }] }, 'input[0].arguments'],
    [{ model: 'm', input: 'Hi', background: true }, 'background'],
    [{ model: 'm', input: 'Hi', max_tool_calls: 1e12 }, 'max_tool_calls'],
    [{ model: 'm', input: 'Hi', tool_choice: 'required' }, 'tool_choice'],
    [
      {
        model: 'm',
        input: 'Hi',
        tools: [{ type: 'function', name: 'f' }],
        tool_choice: { type: 'function', name: 'g' },
      },
      'tool_choice.name',
    ],
  ])('%j', (body, param) => {
    const problem = problemOf(body);
    expect(problem.param).toBe(param);
    expect(problem.message).not.toContain(SECRET);
    if (param !== null) expect(problem.message).toContain(param);
  });
});

describeRecordings('recorded requests, mutated', () => {
  const bodies = recordingsOf('openai-responses').flatMap((one) =>
    one.request === null ? [] : [recordedRequest(one)],
  );

  /** Puts a value in some place of the body, or takes what is there away. */
  const mutate = (value: JsonValue, path: number[], put: JsonValue | undefined): JsonValue => {
    const [step = 0, ...rest] = path;
    if (path.length === 0 || typeof value !== 'object' || value === null) return put ?? null;
    const keys = Object.keys(value);
    const key = keys[step % Math.max(1, keys.length)];
    if (key === undefined) return put ?? null;
    const copy = structuredClone(value) as JsonObject;
    copy[key] = mutate(copy[key] ?? null, rest, put);
    return copy;
  };

  test('never throw, and are taken or told what is wrong', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...bodies),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
        fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(undefined)),
        (body, path, put) => {
          const decoded = openaiResponses.decodeRequest(mutate(body, path, put as JsonValue | undefined));
          if (!decoded.ok) expect(decoded.problem.message).not.toBe('');
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
