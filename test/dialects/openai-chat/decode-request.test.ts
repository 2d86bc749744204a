import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Conversation, JsonObject, JsonValue } from '../../../lambdas/core/conversation.ts';
import type { RequestProblem } from '../../../lambdas/core/dialect.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';

const user = { role: 'user', content: 'hi' };
const minimal = { model: 'assistant', messages: [user] };

const decoded = (body: JsonValue): Conversation => {
  const result = openaiChat.decodeRequest(body);
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
};

const problemOf = (body: JsonValue): RequestProblem => {
  const result = openaiChat.decodeRequest(body);
  if (result.ok) throw new Error('it was accepted');
  return result.problem;
};

const call = (id: string, name = 'f', args = '{}') => ({ id, type: 'function', function: { name, arguments: args } });
const tool = (name: string) => ({ type: 'function', function: { name } });
const asked = (...calls: JsonObject[]): JsonObject => ({ role: 'assistant', content: null, tool_calls: calls });
const answered = (id: string, content: JsonValue = 'ok'): JsonObject => ({ role: 'tool', tool_call_id: id, content });

describe('what a client may send', () => {
  test('the least there is', () => {
    expect(decoded(minimal)).toEqual({
      model: 'assistant',
      turns: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
      tools: [],
      choices: 1,
      stream: false,
      streamUsage: false,
      sameDialectOnly: [],
      costBearing: [],
    });
  });

  test('null is the same as left out', () => {
    const names = [
      'tools',
      'tool_choice',
      'response_format',
      'max_tokens',
      'max_completion_tokens',
      'stop',
      'n',
      'seed',
      'temperature',
      'top_p',
      'presence_penalty',
      'frequency_penalty',
      'reasoning_effort',
      'stream',
      'stream_options',
      'user',
      'functions',
      'function_call',
      'service_tier',
      'modalities',
      'logprobs',
      'parallel_tool_calls',
    ];
    expect(decoded({ ...minimal, ...Object.fromEntries(names.map((name) => [name, null])) })).toEqual(decoded(minimal));
  });

  test('every setting', () => {
    expect(
      decoded({
        ...minimal,
        max_completion_tokens: 10,
        stop: ['a', 'b'],
        n: 2,
        seed: -1,
        temperature: 0,
        top_p: 0.5,
        top_k: 40,
        presence_penalty: -2,
        frequency_penalty: 2,
        reasoning_effort: 'minimal',
        stream: true,
        stream_options: { include_usage: true },
        user: 'u',
        parallel_tool_calls: false,
        tools: [tool('f')],
      }),
    ).toMatchObject({
      maxOutputTokens: 10,
      stopSequences: ['a', 'b'],
      choices: 2,
      seed: -1,
      temperature: 0,
      topP: 0.5,
      topK: 40,
      presencePenalty: -2,
      frequencyPenalty: 2,
      reasoning: { effort: 'minimal' },
      stream: true,
      streamUsage: true,
      user: 'u',
      parallelToolCalls: false,
      sameDialectOnly: [],
    });
  });

  test('a stop of one string and the older limit', () => {
    expect(decoded({ ...minimal, stop: 'END', max_tokens: 5 })).toMatchObject({
      stopSequences: ['END'],
      maxOutputTokens: 5,
    });
  });

  test('usage is not for streams that there are not', () => {
    expect(decoded({ ...minimal, stream_options: { include_usage: true } }).streamUsage).toBe(false);
  });

  test('system and developer messages, wherever they stand, as strings and as parts', () => {
    const { turns } = decoded({
      ...minimal,
      messages: [
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        user,
        { role: 'system', content: 'c' },
      ],
    });
    expect(turns).toEqual([
      {
        role: 'system',
        parts: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'user', parts: [{ type: 'text', text: 'hi' }] },
      { role: 'system', parts: [{ type: 'text', text: 'c' }] },
    ]);
  });

  test('images by URL and inline, and a file', () => {
    const { turns } = decoded({
      ...minimal,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
            { type: 'image_url', image_url: { url: 'data:image/PNG;base64,AAAA' } },
            { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' } },
            { type: 'file', file: { file_data: 'CCCC' } },
          ],
        },
      ],
    });
    expect(turns[0]?.parts).toEqual([
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' }, detail: 'low' },
      { type: 'image', source: { type: 'base64', mediaType: 'image/png', data: 'AAAA' } },
      { type: 'document', source: { type: 'base64', mediaType: 'application/pdf', data: 'BBBB' }, name: 'a.pdf' },
      { type: 'document', source: { type: 'base64', mediaType: 'application/pdf', data: 'CCCC' } },
    ]);
  });

  test('parallel calls and their results, which are one user turn', () => {
    const { turns } = decoded({
      ...minimal,
      messages: [
        user,
        { role: 'assistant', content: '', tool_calls: [call('a', 'f', '{"x":1}'), call('b', 'g', '')] },
        answered('b', [
          { type: 'text', text: 'B' },
          { type: 'text', text: 'B2' },
        ]),
        answered('a', ''),
        user,
      ],
    });
    expect(turns.slice(1)).toEqual([
      {
        role: 'assistant',
        parts: [
          { type: 'tool-call', id: 'a', name: 'f', arguments: '{"x":1}' },
          { type: 'tool-call', id: 'b', name: 'g', arguments: '{}' },
        ],
      },
      {
        role: 'user',
        parts: [
          {
            type: 'tool-result',
            callId: 'b',
            content: [
              { type: 'text', text: 'B' },
              { type: 'text', text: 'B2' },
            ],
          },
          { type: 'tool-result', callId: 'a', content: [] },
        ],
      },
      { role: 'user', parts: [{ type: 'text', text: 'hi' }] },
    ]);
  });

  test('an id that is used again after its result', () => {
    const { turns } = decoded({
      ...minimal,
      messages: [user, asked(call('a')), answered('a'), asked(call('a')), answered('a')],
    });
    expect(turns).toHaveLength(5);
  });

  test('refusals in both spellings, and reasoning as other servers and this one send it', () => {
    const { turns } = decoded({
      ...minimal,
      messages: [
        user,
        { role: 'assistant', content: null, refusal: 'no' },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }], reasoning_content: 'hm' },
      ],
    });
    expect(turns.slice(1).map(({ parts }) => parts)).toEqual([
      [{ type: 'refusal', text: 'no' }],
      [
        { type: 'reasoning', text: 'hm' },
        { type: 'refusal', text: 'no' },
      ],
    ]);
  });

  test('output formats', () => {
    const format = (response_format: JsonObject) => decoded({ ...minimal, response_format }).format;
    expect(format({ type: 'text' })).toEqual({ type: 'text' });
    expect(format({ type: 'json_object' })).toEqual({ type: 'json' });
    expect(
      format({ type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' }, strict: null } }),
    ).toEqual({
      type: 'json-schema',
      name: 'n',
      schema: { type: 'object' },
    });
  });

  test('tools, and every tool choice', () => {
    const tools = [
      { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true } },
      tool('g'),
    ];
    const choice = (tool_choice: JsonValue) => decoded({ ...minimal, tools, tool_choice }).toolChoice;
    expect(decoded({ ...minimal, tools }).tools).toEqual([
      { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true },
      { name: 'g' },
    ]);
    expect(choice('none')).toEqual({ type: 'none' });
    expect(choice('auto')).toEqual({ type: 'auto' });
    expect(choice('required')).toEqual({ type: 'required' });
    expect(choice(tool('g'))).toEqual({ type: 'tool', name: 'g' });
  });

  test('allowed_tools leaves the tools that it allows', () => {
    const body = {
      ...minimal,
      tools: [tool('f'), tool('g'), tool('h')],
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tool('h'), tool('f')] } },
    };
    expect(decoded(body)).toMatchObject({ tools: [{ name: 'f' }, { name: 'h' }], toolChoice: { type: 'required' } });
  });

  test('cache points in both spellings', () => {
    const { turns } = decoded({
      ...minimal,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a', prompt_cache_breakpoint: { mode: 'explicit', ttl: '30m' } },
            { type: 'text', text: 'b', cache_control: { type: 'ephemeral' } },
          ],
        },
      ],
    });
    expect(turns[0]?.parts).toEqual([
      { type: 'text', text: 'a', cache: { ttl: '1h' } },
      { type: 'text', text: 'b', cache: { ttl: '5m' } },
    ]);
  });
});

describe('what only this dialect has', () => {
  test('unknown fields are named', () => {
    const body = { ...minimal, logit_bias: {}, store: false, metadata: { a: 'b' }, x_unknown: 1 };
    expect(decoded(body).sameDialectOnly).toEqual(['logit_bias', 'store', 'metadata', 'x_unknown']);
  });

  test('fields in depth are named by their path, once', () => {
    expect(
      decoded({
        ...minimal,
        messages: [
          { ...user, name: 'ann' },
          { ...user, name: 'bob' },
        ],
      }).sameDialectOnly,
    ).toEqual(['messages[].name']);
  });

  test.each([
    [
      'a file_id',
      { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }] },
      'file_id',
    ],
    ['a custom tool', { tools: [{ type: 'custom', custom: { name: 'c' } }] }, 'custom tool'],
    [
      'a custom call',
      {
        messages: [
          user,
          { role: 'assistant', tool_calls: [{ id: 'a', type: 'custom', custom: { name: 'c', input: 'x' } }] },
        ],
      },
      'custom tool call',
    ],
  ])('%s binds the request to the dialect', (_, fields, what) => {
    const { boundTo } = decoded({ ...minimal, ...(fields as JsonObject) });
    expect(boundTo?.dialect).toBe('openai-chat');
    expect(boundTo?.what).toContain(what);
  });
});

describe('bad input', () => {
  const message = (content: JsonValue, role = 'user') => ({ ...minimal, messages: [{ role, content }] });
  const part = (value: JsonValue) => message([value]);
  const cases: [string, JsonValue, string | null, RegExp][] = [
    ['no object', 'secret words', null, /must be a JSON object, got a string/],
    ['null', null, null, /got null/],
    ['an array', [], null, /got an array/],
    ['no model', { messages: [user] }, 'model', /expected a string, got nothing/],
    ['an empty model', { ...minimal, model: '' }, 'model', /at least 1 character/],
    ['no messages', { model: 'a' }, 'messages', /expected an array, got nothing/],
    ['empty messages', { model: 'a', messages: [] }, 'messages', /at least 1 item, got 0/],
    [
      'too many messages',
      { model: 'a', messages: Array(10_001).fill(user) },
      'messages',
      /at most 10000 items, got 10001/,
    ],
    [
      'a message that is a string',
      { model: 'a', messages: ['secret words'] },
      'messages[0]',
      /got a string of 12 characters/,
    ],
    [
      'no role',
      { model: 'a', messages: [{}] },
      'messages[0].role',
      /"system", "developer", "user", "assistant", "tool", "function", got nothing/,
    ],
    ['an unknown role', message('x', 'robot'), 'messages[0].role', /"function", got "robot"/],
    [
      'no content',
      { model: 'a', messages: [{ role: 'user' }] },
      'messages[0].content',
      /a string or an array of parts, got nothing/,
    ],
    ['a number as content', message(5), 'messages[0].content', /got 5/],
    ['no parts', message([]), 'messages[0].content', /at least 1 item/],
    ['a part that is a string', part('secret words'), 'messages[0].content[0]', /got a string of 12 characters/],
    [
      'an unknown part',
      part({ type: 'video_url' }),
      'messages[0].content[0].type',
      /"text", "image_url", "file", got "video_url"/,
    ],
    [
      'audio without data',
      part({ type: 'input_audio', input_audio: {} }),
      'messages[0].content[0].input_audio.data',
      /base64/,
    ],
    [
      'a text part without text',
      part({ type: 'text' }),
      'messages[0].content[0].text',
      /expected a string, got nothing/,
    ],
    [
      'an image that is a string',
      part({ type: 'image_url', image_url: 'https://x' }),
      'messages[0].content[0].image_url',
      /expected an object/,
    ],
    [
      'an image without URL',
      part({ type: 'image_url', image_url: {} }),
      'messages[0].content[0].image_url.url',
      /expected a string/,
    ],
    [
      'an image on the server',
      part({ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }),
      'messages[0].content[0].image_url.url',
      /http\(s\) URL or a data: URL/,
    ],
    [
      'a data: URL without base64',
      part({ type: 'image_url', image_url: { url: 'data:image/png,x' } }),
      'messages[0].content[0].image_url.url',
      /base64/,
    ],
    [
      'an empty data: URL',
      part({ type: 'image_url', image_url: { url: 'data:image/png;base64,' } }),
      'messages[0].content[0].image_url.url',
      /base64/,
    ],
    [
      'a wrong detail',
      part({ type: 'image_url', image_url: { url: 'https://x', detail: 'max' } }),
      'messages[0].content[0].image_url.detail',
      /got "max"/,
    ],
    ['a file without data', part({ type: 'file', file: {} }), 'messages[0].content[0].file', /file_data/],
    [
      'a file by URL',
      part({ type: 'file', file: { file_data: 'https://x/a.pdf' } }),
      'messages[0].content[0].file.file_data',
      /not fetched/,
    ],
    [
      'an image in a system message',
      message([{ type: 'image_url' }], 'system'),
      'messages[0].content[0].type',
      /"text", got "image_url"/,
    ],
    [
      'an assistant that says nothing',
      message(null, 'assistant'),
      'messages[0].content',
      /where there are no tool_calls/,
    ],
    [
      'an old function call without arguments',
      { ...minimal, messages: [{ role: 'assistant', function_call: { name: 'f' } }] },
      'messages[0].function_call.arguments',
      /string/,
    ],
    [
      'a result without its call',
      { ...minimal, messages: [user, answered('nope')] },
      'messages[1].tool_call_id',
      /no assistant message before it has a tool call with the id "nope"/,
    ],
    [
      'a result before its call',
      { ...minimal, messages: [answered('a'), asked(call('a'))] },
      'messages[0].tool_call_id',
      /no assistant message/,
    ],
    [
      'two results of one call',
      { ...minimal, messages: [asked(call('a')), answered('a'), answered('a')] },
      'messages[2].tool_call_id',
      /has its result already/,
    ],
    [
      'an id used twice',
      { ...minimal, messages: [asked(call('a'), call('a'))] },
      'messages[0].tool_calls[1].id',
      /"a" is the id of an earlier/,
    ],
    [
      'an id used again before its result',
      { ...minimal, messages: [asked(call('a')), user, asked(call('a'))] },
      'messages[2].tool_calls[0].id',
      /earlier/,
    ],
    [
      'a call without id',
      { ...minimal, messages: [asked({ function: { name: 'f', arguments: '' } })] },
      'messages[0].tool_calls[0].id',
      /expected a string/,
    ],
    [
      'arguments that are an object',
      { ...minimal, messages: [asked({ id: 'a', function: { name: 'f', arguments: {} } })] },
      'messages[0].tool_calls[0].function.arguments',
      /expected a string, got an object/,
    ],
    ['a million tools', { ...minimal, tools: Array(1_000_000).fill(0) }, 'tools', /at most 1024 items, got 1000000/],
    [
      'a tool of the vendor',
      { ...minimal, tools: [{ type: 'browser_search' }] },
      'tools[0].type',
      /"function", "custom", got "browser_search"/,
    ],
    [
      'a tool without name',
      { ...minimal, tools: [{ type: 'function', function: {} }] },
      'tools[0].function.name',
      /expected a string/,
    ],
    [
      'parameters that are a string',
      { ...minimal, tools: [{ type: 'function', function: { name: 'f', parameters: 'x' } }] },
      'tools[0].function.parameters',
      /expected an object/,
    ],
    [
      'an unknown tool choice',
      { ...minimal, tools: [tool('f')], tool_choice: 'any' },
      'tool_choice',
      /"none", "auto", "required".*got "any"/,
    ],
    [
      'the choice of a tool that there is not',
      { ...minimal, tools: [tool('f')], tool_choice: tool('g') },
      'tool_choice.function.name',
      /"f".*got "g"/,
    ],
    ['a required call without tools', { ...minimal, tool_choice: 'required' }, 'tool_choice', /"tools" is empty/],
    ['functions that are none', { ...minimal, functions: 'f' }, 'functions', /array/],
    ['a negative limit', { ...minimal, max_tokens: -1 }, 'max_tokens', /an integer from 1 up to 10000000, got -1/],
    ['a limit of none', { ...minimal, max_completion_tokens: 0 }, 'max_completion_tokens', /got 0/],
    ['a limit that is no integer', { ...minimal, max_tokens: 1.5 }, 'max_tokens', /got 1.5/],
    ['two limits', { ...minimal, max_tokens: 1, max_completion_tokens: 2 }, 'max_tokens', /send one of the two/],
    ['too hot', { ...minimal, temperature: 3 }, 'temperature', /up to 2, got 3/],
    ['a temperature in words', { ...minimal, temperature: 'hot' }, 'temperature', /got "hot"/],
    ['too many choices', { ...minimal, n: 1000 }, 'n', /up to 128, got 1000/],
    ['a wrong stream', { ...minimal, stream: 'yes' }, 'stream', /true or false/],
    [
      'wrong stream options',
      { ...minimal, stream: true, stream_options: { include_usage: 1 } },
      'stream_options.include_usage',
      /got 1/,
    ],
    ['an empty stop sequence', { ...minimal, stop: ['a', ''] }, 'stop[1]', /at least 1 character/],
    ['a stop that is a number', { ...minimal, stop: 5 }, 'stop', /a string or an array of strings, got 5/],
    ['an unknown effort', { ...minimal, reasoning_effort: 'huge' }, 'reasoning_effort', /got "huge"/],
    ['an unknown format', { ...minimal, response_format: { type: 'xml' } }, 'response_format.type', /got "xml"/],
    [
      'a schema without schema',
      { ...minimal, response_format: { type: 'json_schema', json_schema: { name: 'n' } } },
      'response_format.json_schema.schema',
      /expected an object/,
    ],
  ];
  test.each(cases)('%s', (_, body, param, words) => {
    const problem = problemOf(body);
    expect(problem.param).toBe(param);
    expect(problem.message).toMatch(words);
    expect(problem.message).not.toContain('secret words');
  });

  test('no JSON value makes it throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => typeof openaiChat.decodeRequest(value as JsonValue).ok === 'boolean'),
    );
  });

  test('no value in the place of any field makes it throw', () => {
    const whole: JsonObject = {
      ...minimal,
      messages: [
        { role: 'system', content: 's' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 't' },
            { type: 'image_url', image_url: { url: 'https://a/b' } },
          ],
        },
        asked(call('a'), call('b')),
        answered('a'),
        answered('b'),
      ],
      tools: [tool('f')],
      tool_choice: tool('f'),
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {} } },
      stop: ['x'],
      stream: true,
      stream_options: { include_usage: true },
    };
    const paths: (string | number)[][] = [];
    const walk = (value: JsonValue, path: (string | number)[]): void => {
      if (path.length > 0) paths.push(path);
      if (typeof value === 'object' && value !== null)
        for (const [key, child] of Object.entries(value))
          walk(child, [...path, Array.isArray(value) ? Number(key) : key]);
    };
    walk(whole, []);
    const replaced = (value: JsonValue, [step, ...rest]: (string | number)[], by: JsonValue): JsonValue => {
      if (step === undefined) return by;
      const copy = structuredClone(value) as Record<string | number, JsonValue>;
      copy[step] = replaced(copy[step] ?? null, rest, by);
      return copy as JsonValue;
    };
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
        const result = openaiChat.decodeRequest(replaced(whole, path, value as JsonValue));
        return result.ok || result.problem.message.length < 600;
      }),
      { numRuns: 500 },
    );
  });
});
