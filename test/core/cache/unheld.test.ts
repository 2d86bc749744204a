import { describe, expect, test } from '@jest/globals';
import { exactKey } from '../../../lambdas/core/cache/scope-key.ts';
import { findUnheld } from '../../../lambdas/core/cache/unheld.ts';
import type { JsonObject, JsonValue } from '../../../lambdas/core/conversation.ts';
import type { SurfaceName } from '../../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { openaiResponses } from '../../../lambdas/dialects/openai-responses/codec.ts';

const SURFACES = {
  'openai-chat': openaiChat,
  'openai-responses': openaiResponses,
  'anthropic-messages': anthropicMessages,
};

const schema = { type: 'object', properties: { q: { type: 'string' } } };
const BODIES: Record<SurfaceName, JsonObject> = {
  'openai-chat': {
    model: 'assistant',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Find it.' }] },
      {
        role: 'assistant',
        content: 'Looking.',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'find', arguments: '{"q":"a"}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'found' },
      { role: 'user', content: 'And now?' },
    ],
    tools: [{ type: 'function', function: { name: 'find', description: 'finds', parameters: schema, strict: true } }],
    tool_choice: { type: 'function', function: { name: 'find' } },
    parallel_tool_calls: true,
    response_format: { type: 'json_schema', json_schema: { name: 'a', description: 'b', schema, strict: true } },
    max_completion_tokens: 100,
    stop: ['x'],
    n: 1,
    seed: 7,
    temperature: 0.5,
    top_p: 0.5,
    presence_penalty: 0.5,
    frequency_penalty: 0.5,
    reasoning_effort: 'low',
    logprobs: true,
    top_logprobs: 2,
  },
  'openai-responses': {
    model: 'assistant',
    instructions: 'Be brief.',
    input: [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Find it.' }] },
      { type: 'function_call', call_id: 'c1', name: 'find', arguments: '{"q":"a"}' },
      { type: 'function_call_output', call_id: 'c1', output: 'found' },
      { role: 'user', content: 'And now?' },
    ],
    tools: [{ type: 'function', name: 'find', description: 'finds', parameters: schema, strict: true }],
    tool_choice: { type: 'function', name: 'find' },
    parallel_tool_calls: true,
    text: { format: { type: 'json_schema', name: 'a', description: 'b', schema, strict: true } },
    max_output_tokens: 100,
    temperature: 0.5,
    top_p: 0.5,
  },
  'anthropic-messages': {
    model: 'assistant',
    system: [{ type: 'text', text: 'Be brief.' }],
    messages: [
      { role: 'user', content: 'Find it.' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'find', input: { q: 'a' } }] },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 'c1', is_error: true, content: [{ type: 'text', text: 'no' }] }],
      },
      { role: 'user', content: 'And now?' },
    ],
    tools: [{ name: 'find', description: 'finds', input_schema: schema, strict: true }],
    tool_choice: { type: 'tool', name: 'find', disable_parallel_tool_use: true },
    max_tokens: 100,
    stop_sequences: ['x'],
    temperature: 0.5,
    top_p: 0.5,
    top_k: 5,
  },
};

const surfaces = Object.keys(BODIES) as SurfaceName[];

/** The key of a body; undefined where it is refused. */
const keyOf = (body: JsonObject, surface: SurfaceName): string | undefined => {
  const decoded = SURFACES[surface].decodeRequest(body);
  if (!decoded.ok) return undefined;
  const owner = { org: 'acme', team: 'search', user: 'ada' };
  const unheld = findUnheld(body, surface, decoded.value.sameDialectOnly);
  return exactKey(decoded.value, { owner, sharedBy: 'team', alias: 'assistant', model: 'a/b', unheld });
};

type Path = (string | number)[];

const leavesOf = (value: JsonValue, path: Path = []): { path: Path; value: JsonValue }[] => {
  if (Array.isArray(value)) return value.flatMap((item, i) => leavesOf(item, [...path, i]));
  if (typeof value !== 'object' || value === null) return [{ path, value }];
  return Object.entries(value).flatMap(([name, member]) => leavesOf(member, [...path, name]));
};

const objectsOf = (value: JsonValue, path: Path = []): Path[] => {
  if (Array.isArray(value)) return value.flatMap((item, i) => objectsOf(item, [...path, i]));
  if (typeof value !== 'object' || value === null) return [];
  return [path, ...Object.entries(value).flatMap(([name, member]) => objectsOf(member, [...path, name]))];
};

const changed = (body: JsonObject, path: Path, change: (holder: Record<string, JsonValue>, last: string) => void) => {
  const copy = structuredClone(body);
  let holder: JsonValue = copy;
  for (const step of path.slice(0, -1)) holder = (holder as Record<string, JsonValue>)[step] as JsonValue;
  change(holder as Record<string, JsonValue>, String(path.at(-1)));
  return copy;
};

/** Values of the same kind as one that is there, some of which the dialect takes. */
const othersThan = (value: JsonValue): JsonValue[] => {
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'number') return [value + 1, value / 2, 0];
  if (typeof value === 'string')
    return [`${value}x`, 'high', 'text', 'user', 'auto', 'any', 'json_object', 'assistant'];
  return [];
};

describe.each(surfaces)('%s', (surface) => {
  const body = BODIES[surface];
  const key = keyOf(body, surface);

  test('what its conversation holds in full leaves nothing unheld', () => {
    expect(key).toBeDefined();
    expect([...findUnheld(body, surface)]).toEqual([]);
  });

  test('whatever value is another makes another request', () => {
    const same: string[] = [];
    for (const { path, value } of leavesOf(body)) {
      if (path[0] === 'model' || path.includes('n')) continue;
      for (const other of othersThan(value)) {
        if (other === value) continue;
        const changedKey = keyOf(
          changed(body, path, (holder, last) => {
            holder[last] = other;
          }),
          surface,
        );
        if (changedKey === key) same.push(`${path.join('.')}: ${JSON.stringify(other)}`);
      }
    }
    expect(same).toEqual([]);
  });

  test('a field that nobody knows, wherever it stands, makes another request, and another value yet another', () => {
    const same: string[] = [];
    for (const path of objectsOf(body)) {
      const add = (value: JsonValue) =>
        keyOf(
          changed(body, [...path, 'quite_new'], (holder, last) => {
            holder[last] = value;
          }),
          surface,
        );
      const keys = [key, add('a'), add('b'), add(['a']), add({ a: 1 })].filter((one) => one !== undefined);
      if (new Set(keys).size !== keys.length) same.push(path.join('.'));
      // Not set is not set.
      if (path.length === 0 && add(null) !== key) same.push('null');
    }
    expect(same).toEqual([]);
  });

  test('a member left out makes another request, unless that says the same', () => {
    const same: string[] = [];
    for (const { path } of leavesOf(body)) {
      const without = keyOf(
        changed(body, path, (holder, last) => {
          delete holder[last];
        }),
        surface,
      );
      if (without === key) same.push(path.join('.'));
    }
    // The kind of what can be nothing else, and one answer as usual.
    const usual = /^(n|input\.\d\.type|messages\.\d\.tool_calls\.\d\.type|tools\.\d\.type)$/;
    expect(same.filter((path) => !usual.test(path))).toEqual([]);
  });

  test('how the answer travels and who asks makes no other request', () => {
    for (const more of [{ stream: true }, { metadata: { user_id: 'u' } }, { store: false }] as JsonObject[]) {
      // Anthropic knows no such field: what a server that takes it makes of it, nobody knows.
      if (surface === 'anthropic-messages' && more['store'] !== undefined) continue;
      const other = keyOf({ ...body, ...more }, surface);
      if (other !== undefined) expect({ more, key: other }).toEqual({ more, key });
    }
  });
});

test('the same request in three languages is one request', () => {
  const asked = {
    'openai-chat': {
      model: 'assistant',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'What is the capital of France?' },
      ],
      max_tokens: 50,
      temperature: 0,
    },
    'openai-responses': {
      model: 'assistant',
      instructions: 'Be brief.',
      input: 'What is the capital of France?',
      max_output_tokens: 50,
      temperature: 0,
      store: false,
    },
    'anthropic-messages': {
      model: 'assistant',
      system: 'Be brief.',
      messages: [{ role: 'user', content: 'What is the capital of France?' }],
      max_tokens: 50,
      temperature: 0,
    },
  } satisfies Record<SurfaceName, JsonObject>;
  const keys = surfaces.map((surface) => keyOf(asked[surface], surface));
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toBeDefined();
});

test('a field that is named like the way to another one hides nothing', () => {
  const asking = (quiteNew: string) => ({
    model: 'assistant',
    max_tokens: 50,
    messages: [{ role: 'user', content: 'Where is Rome?', quite_new: quiteNew }],
    'messages[0].quite_new': 'x',
    'messages.0.quite_new': 'x',
    '["messages",0,"quite_new"]': 'x',
  });
  expect(keyOf(asking('a'), 'openai-chat')).not.toBe(keyOf(asking('b'), 'openai-chat'));
  expect(keyOf(asking('a'), 'openai-chat')).toBeDefined();
});

test('who would keep the answer makes no other request', () => {
  const asked = { model: 'assistant', input: 'Where is Rome?', max_output_tokens: 50 };
  const keys = [asked, { ...asked, store: false }].map((body) => keyOf(body, 'openai-responses'));
  const chat = { model: 'assistant', messages: [{ role: 'user', content: 'Where is Rome?' }], max_tokens: 50 };
  keys.push(keyOf(chat, 'openai-chat'), keyOf({ ...chat, store: true }, 'openai-chat'));
  expect(new Set(keys).size).toBe(1);
});

test('tools that may not be called are shown to the model, and make another request', () => {
  const named = (name: string) => ({ type: 'function', name, parameters: schema });
  const inChat = (name: string) => ({ type: 'function', function: { name, parameters: schema } });
  const keysOf = (other: string) => [
    keyOf(
      {
        model: 'a',
        input: 'Q',
        tools: [named('f'), named(other)],
        tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] },
      },
      'openai-responses',
    ),
    keyOf(
      {
        model: 'a',
        messages: [{ role: 'user', content: 'Q' }],
        tools: [inChat('f'), inChat(other)],
        tool_choice: {
          type: 'allowed_tools',
          allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'f' } }] },
        },
      },
      'openai-chat',
    ),
  ];
  const keys = [...keysOf('g'), ...keysOf('h')];
  expect(keys).not.toContain(undefined);
  expect(new Set(keys).size).toBe(4);
});

test.each([
  ['openai-chat', (turns: JsonObject[]) => ({ model: 'a', messages: turns })],
  ['openai-responses', (turns: JsonObject[]) => ({ model: 'a', input: turns })],
] as const)('%s: what a developer says is not what the system says', (surface, bodyOf) => {
  const asked = (...roles: string[]) =>
    keyOf(bodyOf([...roles.map((role) => ({ role, content: 'Be brief.' })), { role: 'user', content: 'Q' }]), surface);
  const keys = [
    asked('system'),
    asked('developer'),
    asked('system', 'developer'),
    asked('developer', 'system'),
    asked('developer', 'developer'),
  ];
  expect(keys).not.toContain(undefined);
  expect(new Set(keys).size).toBe(keys.length);
});

test('a field of OpenAI’s that Anthropic does not know makes another request there', () => {
  const asked = BODIES['anthropic-messages'];
  const keys = [{}, { user: 'a' }, { user: 'b' }, { store: true }].map((more) =>
    keyOf({ ...asked, ...more } as JsonObject, 'anthropic-messages'),
  );
  expect(new Set(keys).size).toBe(4);
});

test('what a decoder names counts also where the list of held fields forgets it', () => {
  const body = { model: 'a', messages: [], stop: ['x'] };
  expect(findUnheld(body, 'openai-chat', ['stop']).get('["stop"]')).toContain('x');
  expect([...findUnheld(body, 'openai-chat', ['absent', 'metadata'])]).toEqual([]);
});
