import { describe, expect, test } from '@jest/globals';
import {
  type CachePolicy,
  judgeAnswer,
  judgeRequest,
  type WhyNotCached,
} from '../../../lambdas/core/cache/eligibility.ts';
import type { Answer, Conversation, Turn, UserPart } from '../../../lambdas/core/conversation.ts';

const policy: CachePolicy = {
  sharedBy: 'team',
  maxTemperature: 1,
  exact: { ttlMs: 1 },
  semantic: { ttlMs: 1, threshold: 0.85, maxWrongShare: 0.01, auditShare: 0 },
};
const text = (value: string): UserPart => ({ type: 'text', text: value });
const asks = (...parts: UserPart[]): Turn => ({ role: 'user', parts });
const image: UserPart = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } };
const conversation = (more: Partial<Conversation> = {}): Conversation => ({
  model: 'assistant',
  turns: [asks(text('How are'), text('you?'))],
  tools: [],
  choices: 1,
  stream: false,
  streamUsage: false,
  sameDialectOnly: [],
  costBearing: [],
  ...more,
});

test('a plain question may be answered from both caches; the last turn’s texts are what is compared', () => {
  expect(judgeRequest(conversation(), policy)).toEqual({
    exact: { may: true, reads: true, isOnly: false },
    semantic: { may: true, reads: true, isOnly: false },
    question: 'How are\nyou?',
  });
});

describe('what is cached by neither', () => {
  const cases: [WhyNotCached, Partial<Conversation>][] = [
    ['temperature', { temperature: 1.1 }],
    ['temperature', { temperature: Number.NaN }],
    ['stored-by-provider', { storedIn: 'openai-responses' }],
    ['several-answers', { choices: 2 }],
    ['vectors', { embedding: { inputs: ['a'], format: 'float' } }],
    ['remote-input', { hasRemoteInput: true }],
    ['bound-to-dialect', { boundTo: { dialect: 'openai-chat', what: 'a file' } }],
    ['images', { turns: [asks(image), asks(text('What is it?'))] }],
    ['images', { turns: [asks({ type: 'tool-result', callId: '1', content: [image as never] }), asks(text('Q'))] }],
    ['documents', { turns: [asks({ type: 'document', source: { type: 'text', text: 'x' } }), asks(text('Q'))] }],
    ['tool-result', { turns: [asks({ type: 'tool-result', callId: '1', content: [] }, text('Q'))] }],
    [
      'runs-tools',
      {
        costBearing: [
          {
            field: 'tools',
            bound: 'web_search',
            dialect: 'openai-chat',
            isDispensable: false,
            kind: 'tool',
            tool: 'web-search',
            size: 'medium',
          },
        ],
      },
    ],
  ];
  test.each(cases)('%s: %j', (why, more) => {
    const judged = judgeRequest(conversation(more), policy);
    expect([judged.exact, judged.semantic, judged.question]).toEqual([
      { may: false, why },
      { may: false, why },
      undefined,
    ]);
  });
});

test('what a target would keep for its client is not cached; where the target is asked in another language it keeps nothing', () => {
  const asked = conversation({ storedIn: 'openai-responses', sameDialectOnly: ['store'] });
  const may = (dialect?: 'openai-responses' | 'openai-chat' | 'anthropic-messages') =>
    judgeRequest(asked, policy, undefined, dialect).exact.may;
  expect([may('openai-responses'), may(), may('openai-chat'), may('anthropic-messages')]).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

test('a request that names no temperature has the vendors’ own, which is 1', () => {
  const why = (maxTemperature: number, temperature?: number) => {
    const { exact } = judgeRequest(conversation(temperature === undefined ? {} : { temperature }), {
      ...policy,
      maxTemperature,
    });
    return exact.may ? 'may' : exact.why;
  };
  expect([why(0), why(0.99), why(1), why(2)]).toEqual(['temperature', 'temperature', 'may', 'may']);
  expect([why(0, 0), why(0, 0.1)]).toEqual(['may', 'temperature']);
});

test('an earlier tool result is part of the filter, and bars nothing', () => {
  const turns = [asks({ type: 'tool-result', callId: '1', content: [] }), asks(text('And now?'))];
  expect(judgeRequest(conversation({ turns }), policy).semantic.may).toBe(true);
});

test('fields that the conversation can’t hold are no bar', () => {
  const asked = conversation({ sameDialectOnly: ['logit_bias', 'verbosity'] });
  expect(judgeRequest(asked, policy).exact.may).toBe(true);
});

test('without words of the user at the end, or with a tool that must be called, only the exact cache is asked', () => {
  const prefilled = conversation({
    turns: [asks(text('Q')), { role: 'assistant', parts: [{ type: 'text', text: 'So' }] }],
  });
  for (const one of [
    prefilled,
    conversation({ turns: [asks(text('  '))] }),
    conversation({ toolChoice: { type: 'required' } }),
  ]) {
    const judged = judgeRequest(one, policy);
    expect([judged.exact.may, judged.semantic.may, judged.question]).toEqual([true, false, undefined]);
  }
});

test('a question of more than 4,000 characters is not compared', () => {
  const why = (length: number) =>
    judgeRequest(conversation({ turns: [asks(text('a'.repeat(length)))] }), policy).semantic;
  expect([why(4_000).may, why(4_001)]).toEqual([true, { may: false, why: 'long-question' }]);
});

const HIDDEN: Record<string, string> = {
  tags: '\u{e0053}\u{e0061}\u{e0079}',
  'blanks of no width': '\u200b\u2060',
  'a soft hyphen': '\u00ad',
  'a turn of direction': '\u202e',
  selectors: '\ufe0f',
  'a supplementary selector': '\u{e0101}',
  'a byte order mark': '\ufeff',
  'a control character': '\u0001',
  'a carriage return': '\rno',
  'a form feed': '\f',
  'a private character': '\ue000',
  'an unassigned character': '\u{3fffe}',
  'a replacement character': '\ufffd',
  'a filler': '\u3164',
  'a separator of lines': '\u2028',
  'half a pair': '\ud800',
  'a joined family': '👩\u200d👧',
  'thirty lines': '\n'.repeat(30),
  'thirty lines with blanks': ' \n'.repeat(30),
  'a row of blanks': ' '.repeat(200),
};
test.each(Object.entries(HIDDEN))('a question with %s is not compared, wherever it has it', (_, hidden) => {
  for (const question of [`Where is it?${hidden}`, `Where ${hidden} is it?`, `${hidden}Where is it?`]) {
    const judged = judgeRequest(conversation({ turns: [asks(text(question))] }), policy);
    expect([judged.exact.may, judged.semantic, judged.question]).toEqual([
      true,
      { may: false, why: 'hidden-text' },
      undefined,
    ]);
  }
});

test('what a keyboard types is compared', () => {
  for (const question of [
    'Where\u00a0is\tit?\r\n\r\n- here\n- there',
    'Où est-ce\u202f?',
    'Is it 😀, ½ or ≤ 3?',
    '是吗？',
  ])
    expect(judgeRequest(conversation({ turns: [asks(text(question))] }), policy).question).toBe(question);
});

test('what an alias does not turn on is off, whatever the client says', () => {
  const off = judgeRequest(conversation(), { sharedBy: 'team', maxTemperature: 1 }, 'only');
  expect([off.exact, off.semantic]).toEqual([
    { may: false, why: 'not-configured' },
    { may: false, why: 'not-configured' },
  ]);
});

test('the client turns it off, has the answer made anew, or wants it from a cache or not at all', () => {
  const said = (control: 'off' | 'refresh' | 'only') => judgeRequest(conversation(), policy, control).exact;
  expect(said('off')).toEqual({ may: false, why: 'client-says-off' });
  expect(said('refresh')).toEqual({ may: true, reads: false, isOnly: false });
  expect(said('only')).toEqual({ may: true, reads: true, isOnly: true });
});

describe('answers', () => {
  const answer = (more: Partial<Answer> = {}): Answer => ({
    id: '1',
    model: 'm',
    parts: [{ type: 'text', text: 'Fine.' }],
    stop: { reason: 'end', raw: 'stop' },
    ...more,
  });
  test.each(['end', 'stop-sequence'] as const)('one that ended by itself (%s) is kept', (reason) => {
    expect(judgeAnswer(answer({ stop: { reason, raw: '' } }), 'semantic')).toBeUndefined();
  });
  test.each([
    ['truncated', { stop: { reason: 'length', raw: '' } }],
    ['refusal', { stop: { reason: 'refusal', raw: '' } }],
    ['refusal', { stop: { reason: 'content-filter', raw: '' } }],
    ['refusal', { parts: [{ type: 'refusal', text: 'No.' }] }],
    ['unfinished', { stop: { reason: 'pause', raw: '' } }],
    ['unfinished', { stop: { reason: 'other', raw: '' } }],
    ['empty', { parts: [] }],
    ['empty', { parts: [{ type: 'text', text: ' ' }] }],
    ['unsaid', { unsaid: ['inlineData (image/png)'] }],
    ['several-answers', { alternatives: [{ parts: [], stop: { reason: 'end', raw: '' } }] }],
  ] as [string, Partial<Answer>][])('%s: %j is not', (why, more) => {
    expect([judgeAnswer(answer(more), 'exact'), judgeAnswer(answer(more), 'semantic')]).toEqual([why, why]);
  });
  test('a tool’s arguments belong to the very words: kept for those alone', () => {
    const call = answer({
      parts: [{ type: 'tool-call', id: '1', name: 'x', arguments: '{}' }],
      stop: { reason: 'tool-calls', raw: '' },
    });
    expect([judgeAnswer(call, 'exact'), judgeAnswer(call, 'semantic')]).toEqual([undefined, 'tool-call']);
  });
  test('what is not in the form that was asked for is not kept, nor a call with arguments that are no JSON', () => {
    const json = answer({ parts: [{ type: 'text', text: '{"a":1}' }] });
    const schema = { type: 'object', required: ['b'] };
    expect([
      judgeAnswer(answer(), 'exact', { type: 'json' }),
      judgeAnswer(json, 'exact', { type: 'json' }),
      judgeAnswer(json, 'exact', { type: 'json-schema', name: 'n', schema }),
      judgeAnswer(answer(), 'exact', { type: 'text' }),
    ]).toEqual(['invalid-output', undefined, 'invalid-output', undefined]);
    const call = (written: string) =>
      answer({
        parts: [{ type: 'tool-call', id: '1', name: 'x', arguments: written }],
        stop: { reason: 'tool-calls', raw: '' },
      });
    expect([judgeAnswer(call('{"a":'), 'exact'), judgeAnswer(call('{"a":1}'), 'exact', { type: 'json' })]).toEqual([
      'invalid-output',
      undefined,
    ]);
  });
});
