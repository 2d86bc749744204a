import { describe, expect, test } from '@jest/globals';
import type { Conversation, JsonObject, ToolResultPart, Turn } from '../../../lambdas/core/conversation.ts';
import type { EncodeTarget } from '../../../lambdas/core/dialect.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';

const conversation = (more: Partial<Conversation> = {}): Conversation => ({
  model: 'assistant',
  turns: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
  tools: [],
  choices: 1,
  stream: false,
  streamUsage: false,
  sameDialectOnly: [],
  costBearing: [],
  ...more,
});
const encode = (more: Partial<Conversation>, target: Partial<EncodeTarget> = {}) =>
  openaiChat.encodeRequest(conversation(more), {
    model: 'gpt-x',
    modelMaxOutputTokens: 4096,
    stream: false,
    reasoningModel: false,
    ...target,
  });
const messagesOf = (turns: Turn[]) => encode({ turns }).body['messages'];
const asked: Turn = { role: 'assistant', parts: [{ type: 'tool-call', id: 'a', name: 'f', arguments: '{}' }] };
const result = (more: Partial<ToolResultPart>): ToolResultPart => ({
  type: 'tool-result',
  callId: 'a',
  content: [{ type: 'text', text: 'see' }],
  ...more,
});

describe('limits and streams', () => {
  test.each<[Partial<Conversation>, Partial<EncodeTarget>, JsonObject]>([
    [{}, {}, {}],
    [{ maxOutputTokens: 50 }, {}, { max_tokens: 50 }],
    [{ maxOutputTokens: 50 }, { maxOutputTokens: 9 }, { max_tokens: 9 }],
    [{}, { maxOutputTokens: 9, reasoningModel: true }, { max_completion_tokens: 9 }],
    [{}, { stream: true }, { stream: true, stream_options: { include_usage: true } }],
  ])('%j for %j', (more, target, expected) => {
    expect(encode(more, target).body).toEqual({
      model: 'gpt-x',
      messages: [{ role: 'user', content: 'hi' }],
      ...expected,
    });
  });
});

describe('what the dialect has no place for', () => {
  test('an image in a tool result goes into the user message after it, and each names the other', () => {
    const image = { type: 'image' as const, source: { type: 'base64' as const, mediaType: 'image/png', data: 'AAAA' } };
    const turns: Turn[] = [
      asked,
      {
        role: 'user',
        parts: [result({ content: [{ type: 'text', text: 'see' }, image] }), { type: 'text', text: 'and now?' }],
      },
    ];
    expect(messagesOf(turns)).toEqual([
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      {
        role: 'tool',
        tool_call_id: 'a',
        content: 'see\n(The rest of this result is in the next user message, as "result of tool call a".)',
      },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'This is the "result of tool call a":' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          { type: 'text', text: 'and now?' },
        ],
      },
    ]);
  });

  test('results stand right after the calls, whatever their place in the turn', () => {
    const turns: Turn[] = [asked, { role: 'user', parts: [{ type: 'text', text: 'before' }, result({})] }];
    expect((messagesOf(turns) as JsonObject[]).map(({ role }) => role)).toEqual(['assistant', 'tool', 'user']);
  });

  test('a failed result is sent as it is, and the mark is named', () => {
    const { body, dropped } = encode({ turns: [asked, { role: 'user', parts: [result({ isError: true })] }] });
    expect((body['messages'] as JsonObject[])[1]).toEqual({ role: 'tool', tool_call_id: 'a', content: 'see' });
    expect(dropped).toEqual(['isError']);
  });

  test('reasoning of earlier turns is left out and named; a turn of nothing else stays as an empty one', () => {
    const turns: Turn[] = [
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'hm', signature: 's' },
          { type: 'redacted-reasoning', data: 'x' },
        ],
      },
    ];
    expect(encode({ turns })).toEqual({
      body: { model: 'gpt-x', messages: [{ role: 'assistant', content: '' }] },
      dropped: ['reasoning parts'],
    });
  });

  test('documents: inline as a file with a name, a text as text, a URL as text and named', () => {
    const document = (source: JsonObject, name?: string) =>
      encode({
        turns: [
          { role: 'user', parts: [{ type: 'document', source: source as never, ...(name !== undefined && { name }) }] },
        ],
      });
    const contentOf = ({ body }: { body: JsonObject }) => (body['messages'] as JsonObject[])[0]?.['content'];
    const pdf = { type: 'base64', mediaType: 'application/pdf', data: 'AAAA' };
    expect(contentOf(document(pdf))).toEqual([
      { type: 'file', file: { filename: 'document.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
    ]);
    expect(contentOf(document({ type: 'text', text: 'words' }, 'notes'))).toEqual([
      { type: 'text', text: 'notes:\n\nwords' },
    ]);
    const byUrl = document({ type: 'url', url: 'https://example.com/a.pdf' });
    expect(contentOf(byUrl)).toEqual([{ type: 'text', text: 'Document: https://example.com/a.pdf' }]);
    expect(byUrl.dropped).toEqual(['document-url']);
    expect(openaiChat.cannotCarry.has('document-url')).toBe(true);
  });

  test('topK, and stop sequences beyond the four that there may be', () => {
    const { body, dropped } = encode({ topK: 5, stopSequences: ['a', 'b', 'c', 'd', 'e'] });
    expect(body).toMatchObject({ stop: ['a', 'b', 'c', 'd'] });
    expect(dropped).toEqual(['topK', 'stopSequences']);
  });

  test('reasoning models take no sampling: what differs from the default is named', () => {
    const sampling = { temperature: 0.2, topP: 1, presencePenalty: 0, frequencyPenalty: 1, stopSequences: ['a'] };
    const { body, dropped } = encode(sampling, { reasoningModel: true });
    expect(Object.keys(body)).toEqual(['model', 'messages']);
    expect(dropped).toEqual(['temperature', 'frequencyPenalty', 'stopSequences']);
  });

  test.each<[NonNullable<Conversation['reasoning']>, boolean, JsonObject, string[]]>([
    [{ effort: 'max' }, true, { reasoning_effort: 'max' }, []],
    [{ budgetTokens: 1_024 }, true, { reasoning_effort: 'low' }, []],
    [{ budgetTokens: 10_000 }, true, { reasoning_effort: 'medium' }, []],
    [{ budgetTokens: 32_000 }, true, { reasoning_effort: 'high' }, []],
    [{ effort: 'low' }, false, {}, ['reasoning']],
    [{ effort: 'none' }, false, {}, []],
  ])('reasoning %j, for a reasoning model: %s', (reasoning, reasoningModel, fields, named) => {
    const { body, dropped } = encode({ reasoning }, { reasoningModel });
    expect(body).toEqual({ model: 'gpt-x', messages: [{ role: 'user', content: 'hi' }], ...fields });
    expect(dropped).toEqual(named);
  });

  test('a tool choice without tools is not sent', () => {
    expect(encode({ toolChoice: { type: 'auto' }, parallelToolCalls: true }).body).not.toHaveProperty('tool_choice');
  });
});
