import { describe, expect, test } from '@jest/globals';
import type { JsonObject, StreamEvent } from '../../../lambdas/core/conversation.ts';
import { MOST_UNSAID } from '../../../lambdas/core/says-nothing.ts';
import { gemini } from '../../../lambdas/dialects/gemini/codec.ts';
import { answerOfEvents } from '../../support/streams.ts';
import { atClose, candidate, decodeChunks } from './encoding.ts';

const END = candidate([], { finishReason: 'STOP' });
const answerOf = (chunks: readonly object[]) => answerOfEvents(atClose(decodeChunks(chunks)));
const kindsOf = (events: readonly StreamEvent[]) => events.map(({ type }) => type);

describe('the parts of a stream', () => {
  test('text goes on in one part over chunks; thoughts are a part of their own', () => {
    const answer = answerOf([
      candidate([{ text: 'Hm', thought: true }]),
      candidate([{ text: '…', thought: true }]),
      candidate([{ text: 'The ' }]),
      candidate([{ text: 'end.' }], { finishReason: 'STOP' }),
    ]);
    expect(answer.parts).toEqual([
      { type: 'reasoning', text: 'Hm…' },
      { type: 'text', text: 'The end.' },
    ]);
  });

  test('a signature that comes by itself is of the text before it', () => {
    const answer = answerOf([candidate([{ text: 'Yes.' }]), candidate([{ text: '', thoughtSignature: 'c2ln' }]), END]);
    expect(answer.parts).toEqual([{ type: 'text', text: 'Yes.', signature: 'c2ln', signedBy: 'google' }]);
  });

  test('a signature with nothing before it is kept, on an empty text', () => {
    const answer = answerOf([candidate([{ text: '', thoughtSignature: 'c2ln' }]), END]);
    expect(answer.parts).toEqual([{ type: 'text', text: '', signature: 'c2ln', signedBy: 'google' }]);
  });

  test('text behind a signature is another part: it was not signed with it', () => {
    const answer = answerOf([
      candidate([{ text: 'One', thoughtSignature: 'c2ln' }]),
      candidate([{ text: 'Two' }]),
      END,
    ]);
    expect(answer.parts.map((part) => ('text' in part ? part.text : ''))).toEqual(['One', 'Two']);
  });

  test('calls come whole, each with its own signature, and the stop says so', () => {
    const answer = answerOf([
      candidate([
        { functionCall: { id: 'a', name: 'weather', args: { city: 'Oslo' } }, thoughtSignature: 'c2ln' },
        { functionCall: { id: 'b', name: 'weather' } },
      ]),
      END,
    ]);
    expect(answer.parts).toEqual([
      {
        type: 'tool-call',
        id: 'a',
        name: 'weather',
        arguments: '{"city":"Oslo"}',
        signature: 'c2ln',
        signedBy: 'google',
      },
      { type: 'tool-call', id: 'b', name: 'weather', arguments: '{}' },
    ]);
    expect(answer.stop).toEqual({ reason: 'tool-calls', raw: 'STOP' });
  });

  test('calls without ids get some: the same each time, and each its own, also where they are alike', () => {
    const same = { functionCall: { name: 'roll', args: { sides: 6 } } };
    const chunks = [candidate([same, same]), END];
    const ids = answerOf(chunks).parts.map((part) => (part.type === 'tool-call' ? part.id : ''));
    expect(new Set(ids).size).toBe(2);
    expect(ids.every((id) => /^call_[A-Za-z0-9]{24}$/.test(id))).toBe(true);
    expect(answerOf(chunks).parts.map((part) => (part.type === 'tool-call' ? part.id : ''))).toEqual(ids);
    const other = chunks.map((chunk) => ({ ...chunk, responseId: 'resp-2' }));
    const others = answerOf(other).parts.map((part) => (part.type === 'tool-call' ? part.id : ''));
    expect(others.some((id) => ids.includes(id))).toBe(false);
  });

  test('what Google’s own tools ran and drew is left out', () => {
    const answer = answerOf([
      candidate([{ executableCode: { code: '1+1' } }, { codeExecutionResult: { output: '2' } }]),
      candidate([{ inlineData: { mimeType: 'image/png', data: 'AA==' } }, { text: '2' }], { finishReason: 'STOP' }),
    ]);
    expect(answer.parts).toEqual([{ type: 'text', text: '2' }]);
  });

  test('only the first candidate is read', () => {
    const second = { candidates: [{ index: 1, content: { parts: [{ text: 'no' }] }, finishReason: 'STOP' }] };
    expect(kindsOf(decodeChunks([second]))).toEqual(['answer-start']);
  });
});

describe('how a stream ends', () => {
  test('never by itself: the stop is told, the end is the connection’s', () => {
    expect(kindsOf(decodeChunks([candidate([{ text: 'Hi' }], { finishReason: 'STOP' })]))).toEqual([
      'answer-start',
      'text-start',
      'text-delta',
      'part-end',
      'stop',
    ]);
  });

  test('counts come with each chunk and are told when they change; also behind the reason', () => {
    const counted = (candidates: object, count: number) => ({
      ...candidates,
      usageMetadata: { promptTokenCount: 5, candidatesTokenCount: count, totalTokenCount: 5 + count },
    });
    const events = decodeChunks([
      counted(candidate([{ text: 'a' }]), 1),
      counted(candidate([{ text: 'b' }]), 1),
      counted(candidate([{ text: 'c' }], { finishReason: 'STOP' }), 3),
      counted({ candidates: [] }, 4),
    ]);
    const told = events.flatMap((event) => (event.type === 'usage' ? [event.usage.outputTokens] : []));
    expect(told).toEqual([1, 3, 4]);
    expect(kindsOf(events).slice(-3)).toEqual(['usage', 'part-end', 'stop']);
  });

  test.each([
    ['SAFETY', 'content-filter'],
    ['RECITATION', 'content-filter'],
    ['PROHIBITED_CONTENT', 'content-filter'],
    ['SPII', 'content-filter'],
    ['MAX_TOKENS', 'length'],
    ['A_NEW_ONE', 'other'],
  ])('%s is %s, and the vendor’s word stays', (raw, reason) => {
    expect(answerOf([candidate([{ text: 'So' }]), candidate([], { finishReason: raw })]).stop).toEqual({ reason, raw });
  });

  test.each(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'TOO_MANY_TOOL_CALLS'])(
    '%s is a failure, with what the vendor says of it',
    (raw) => {
      const finish = { finishReason: raw, finishMessage: 'Malformed function call: f(' };
      expect(answerOf([candidate([{ text: 'So' }]), candidate([], finish)]).stop).toMatchObject({
        reason: 'error',
        raw,
        error: {
          type: 'malformed_output',
          message: `the answer ended with finishReason ${raw}: Malformed function call: f(`,
        },
      });
    },
  );

  test('what comes after a STOP belongs to the answer, which ends with the connection', () => {
    const answer = answerOf([
      candidate([{ text: 'Hm', thought: true }], { finishReason: 'STOP' }),
      candidate([{ text: 'Hello ' }], { finishReason: 'STOP' }),
      candidate([{ text: 'world' }], { finishReason: 'STOP' }),
    ]);
    expect(answer).toMatchObject({
      parts: [
        { type: 'reasoning', text: 'Hm' },
        { type: 'text', text: 'Hello world' },
      ],
      stop: { reason: 'end', raw: 'STOP' },
    });
  });

  test.each([
    ['MAX_TOKENS', 'STOP'],
    ['STOP', 'MAX_TOKENS'],
  ])('of %s and %s the telling word counts', (first, then) => {
    const answer = answerOf([
      candidate([{ text: 'a' }], { finishReason: first }),
      candidate([{ text: 'b' }], { finishReason: then }),
    ]);
    expect(answer.stop).toEqual({ reason: 'length', raw: 'MAX_TOKENS' });
  });

  test('parts that no canonical part can say are named', () => {
    const parts = [
      { text: 'Here:' },
      { inlineData: { mimeType: 'image/png', data: 'AA==' } },
      { executableCode: { language: 'PYTHON', code: '1' } },
    ];
    const told = decodeChunks([candidate(parts), END]).flatMap((event) =>
      event.type === 'unsaid' ? [event.what] : [],
    );
    expect(told).toEqual(['inlineData (image/png)', 'executableCode']);
    expect(
      gemini.decodeAnswer(candidate([...parts, ...parts], { finishReason: 'STOP' }) as JsonObject)?.unsaid,
    ).toEqual(told);
  });

  test('of thousands that no canonical part can say twenty are named', () => {
    const part = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, 1]));
    const answer = gemini.decodeAnswer(candidate([part], { finishReason: 'STOP' }) as JsonObject);
    expect(answer?.unsaid).toHaveLength(MOST_UNSAID);
  });

  test('more parts than a call takes arguments are read', () => {
    const parts = Array.from({ length: 60_000 }, () => ({ text: 'a' }));
    expect(gemini.decodeAnswer(candidate(parts, { finishReason: 'STOP' }) as JsonObject)?.parts).toHaveLength(60_000);
  });

  test('an answer that is empty is one', () => {
    expect(answerOf([END])).toMatchObject({ parts: [], stop: { reason: 'end', raw: 'STOP' } });
  });

  test('a turned down prompt says why, where the vendor does', () => {
    const blocked = {
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
      usageMetadata: { promptTokenCount: 4, totalTokenCount: 4 },
    };
    expect(answerOf([blocked])).toMatchObject({
      parts: [],
      stop: { reason: 'content-filter', raw: 'PROHIBITED_CONTENT' },
      usage: { inputTokens: 4, outputTokens: 0 },
    });
    expect(answerOf([candidate([], { finishReason: 'SAFETY', finishMessage: 'No.' })]).parts).toEqual([
      { type: 'refusal', text: 'No.' },
    ]);
  });

  test('what the vendor says of a stop is no answer where the model gave one', () => {
    expect(answerOf([candidate([{ text: 'Half' }], { finishReason: 'SAFETY', finishMessage: 'No.' })]).parts).toEqual([
      { type: 'text', text: 'Half' },
    ]);
  });
});

describe('errors in a stream', () => {
  test('an error object ends it, with the status that it names', () => {
    const events = decodeChunks([
      candidate([{ text: 'So' }]),
      { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } },
      candidate([{ text: ' on' }], { finishReason: 'STOP' }),
    ]);
    expect(events.at(-1)).toEqual({
      type: 'error',
      error: { status: 503, type: 'UNAVAILABLE', message: 'The model is overloaded.' },
    });
  });

  test('an error without a number has the status of its word', () => {
    const [event] = decodeChunks([{ error: { message: 'Slow down.', status: 'RESOURCE_EXHAUSTED' } }]);
    expect(event).toMatchObject({ type: 'error', error: { status: 429 } });
  });

  test.each(['{"candidates":[', 'null', '[]', '"text"'])('%s is malformed, and ends it', (data) => {
    const events = decodeChunks([data, JSON.stringify(END)]);
    expect(events).toMatchObject([{ type: 'error', error: { type: 'malformed_stream', status: 502 } }]);
  });
});

describe('what a text rests on', () => {
  const grounding = (startIndex: number, endIndex: number) => ({
    groundingChunks: [{ web: { uri: 'https://a.example', title: 'A' } }, { web: { uri: 'https://b.example' } }],
    groundingSupports: [{ segment: { startIndex, endIndex }, groundingChunkIndices: [0, 1, 7] }],
  });

  test('places are told in bytes and become characters', () => {
    const answer = answerOf([
      candidate([{ text: 'Öl ' }]),
      candidate([{ text: 'ist 😀 teuer.' }], { finishReason: 'STOP', groundingMetadata: grounding(4, 12) }),
    ]);
    expect(answer.parts[0]).toMatchObject({ text: 'Öl ist 😀 teuer.' });
    const events = decodeChunks([
      candidate([{ text: 'Öl ' }]),
      candidate([{ text: 'ist 😀 teuer.' }], { finishReason: 'STOP', groundingMetadata: grounding(4, 12) }),
    ]).filter(({ type }) => type === 'citation');
    expect(events).toEqual([
      {
        type: 'citation',
        index: 0,
        citation: { span: { start: 3, end: 9 }, source: { type: 'url', url: 'https://a.example' }, title: 'A' },
      },
      {
        type: 'citation',
        index: 0,
        citation: { span: { start: 3, end: 9 }, source: { type: 'url', url: 'https://b.example' } },
      },
    ]);
    expect('Öl ist 😀 teuer.'.slice(3, 9)).toBe('ist 😀');
  });

  test('a recitation without an end is of the rest; one that ends nowhere is of the whole', () => {
    const body = {
      candidates: [
        {
          content: { parts: [{ text: 'To be or not' }] },
          finishReason: 'RECITATION',
          citationMetadata: {
            citationSources: [
              { startIndex: 3, uri: 'https://h.example' },
              { startIndex: 900, uri: 'https://i.example' },
              { startIndex: 1 },
            ],
          },
        },
      ],
    };
    const [part] = gemini.decodeAnswer(body)?.parts ?? [];
    expect(part).toMatchObject({
      citations: [
        { span: { start: 3, end: 12 }, source: { type: 'url', url: 'https://h.example' } },
        { source: { type: 'url', url: 'https://i.example' } },
      ],
    });
  });

  test('a place in the middle of a character is before it', () => {
    const citationMetadata = { citationSources: [{ startIndex: 3, endIndex: 7, uri: 'https://h.example' }] };
    const body = { candidates: [{ content: { parts: [{ text: 'a😀b😀' }] }, finishReason: 'STOP', citationMetadata }] };
    // Bytes 3 and 7 are inside the two characters of four bytes that begin at 1 and 6.
    expect(gemini.decodeAnswer(body)?.parts).toMatchObject([{ citations: [{ span: { start: 1, end: 4 } }] }]);
  });

  test('likelihoods of tokens are told with their alternatives', () => {
    const logprobsResult = {
      chosenCandidates: [{ token: 'Hi', logProbability: -0.25 }],
      topCandidates: [
        {
          candidates: [
            { token: 'Hi', logProbability: -0.25 },
            { token: 'Yo', logProbability: -2 },
          ],
        },
      ],
    };
    const body = { candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP', logprobsResult }] };
    expect(gemini.decodeAnswer(body)?.parts).toMatchObject([
      {
        logprobs: [
          {
            token: 'Hi',
            logprob: -0.25,
            top: [
              { token: 'Hi', logprob: -0.25 },
              { token: 'Yo', logprob: -2 },
            ],
          },
        ],
      },
    ]);
  });
});

describe('a whole answer', () => {
  test('keeps the borders of its parts', () => {
    const body = { candidates: [{ content: { parts: [{ text: 'One' }, { text: 'Two' }] }, finishReason: 'STOP' }] };
    expect(gemini.decodeAnswer(body)?.parts).toEqual([
      { type: 'text', text: 'One' },
      { type: 'text', text: 'Two' },
    ]);
  });

  test('without a candidate or a reason it is an answer that failed', () => {
    expect(gemini.decodeAnswer({ usageMetadata: { promptTokenCount: 3 } })).toMatchObject({
      parts: [],
      stop: { reason: 'error', raw: '' },
      usage: { inputTokens: 3 },
    });
  });

  test.each([{}, { error: { message: 'no' } }, [], 'text', null, { choices: [] }])('%j is none', (body) => {
    expect(gemini.decodeAnswer(body as never)).toBeUndefined();
  });

  test('thoughts are output also where no total is told', () => {
    const usageMetadata = { promptTokenCount: 1, candidatesTokenCount: 2, thoughtsTokenCount: 3 };
    expect(gemini.decodeAnswer({ candidates: [], usageMetadata })?.usage).toMatchObject({
      outputTokens: 5,
      reasoningTokens: 3,
    });
  });

  test('all that is billed is counted once: tools’ input, cached input, thoughts, and what the parts leave out', () => {
    const usageMetadata = {
      promptTokenCount: 100,
      cachedContentTokenCount: 40,
      toolUsePromptTokenCount: 25,
      candidatesTokenCount: 10,
      thoughtsTokenCount: 30,
      totalTokenCount: 170,
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 60 },
        { modality: 'IMAGE', tokenCount: 30 },
        { modality: 'AUDIO', tokenCount: 10 },
      ],
      serviceTier: 'priority',
    };
    expect(gemini.decodeAnswer({ candidates: [], usageMetadata })?.usage).toEqual({
      inputTokens: 85,
      cachedInputTokens: 40,
      cacheWrite5mTokens: 0,
      cacheWrite1hTokens: 0,
      outputTokens: 45,
      reasoningTokens: 30,
      billed: { service: 'priority', audioInputTokens: 10, imageInputTokens: 30 },
    });
  });
});
