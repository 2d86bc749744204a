import { describe, expect, test } from '@jest/globals';
import type { JsonObject, JsonValue } from '../../../lambdas/core/conversation.ts';
import type { RequestProblem } from '../../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';

const SMALLEST = { model: 'assistant', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };

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

  test('without quoting a prompt', () => {
    const secret = 'the launch code is 0000 and it must never be seen in any message at all';
    expect(problemOf({ ...SMALLEST, messages: [{ role: secret, content: secret }] }).message).not.toContain('launch');
    expect(problemOf({ ...SMALLEST, system: [{ type: secret }] }).message).not.toContain('launch');
  });
});
