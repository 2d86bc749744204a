import type Anthropic from '@anthropic-ai/sdk';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Answer, StreamEvent } from '../../../lambdas/core/conversation.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { answers, usages } from '../../support/conversations.ts';
import { answerOfEvents, streamsOf } from '../../support/streams.ts';
import { cuttingsOf, interleave, readSse, sdkAnsweredBy, streamResponse } from './wire.ts';

const CONTEXT = { requestId: 'req_1', alias: 'assistant', createdAt: 0, streamUsage: true };
const PARAMS = { model: 'assistant', max_tokens: 10, messages: [{ role: 'user' as const, content: 'hi' }] };

const write = (events: readonly StreamEvent[]): string => {
  const encoder = anthropicMessages.encodeStream(CONTEXT);
  return events.map((event) => encoder.push(event)).join('');
};

const readWire = (chunks: readonly Uint8Array[]): StreamEvent[] => {
  const decoder = anthropicMessages.decodeStream();
  return readSse(chunks).flatMap((event) => decoder.push(event));
};

const WORDS: Partial<Record<Answer['stop']['reason'], string>> = {
  end: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
};

const NOTHING = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

/** What of an answer survives this dialect: a refusal is text here, a filtered answer a refusal, uncounted is zero. */
const carried = (answer: Answer): Answer => ({
  id: 'msg_req_1',
  model: 'assistant',
  parts: answer.parts.map((part) => (part.type === 'refusal' ? { type: 'text', text: part.text } : part)),
  stop: {
    reason: answer.stop.reason === 'content-filter' ? 'refusal' : answer.stop.reason,
    raw: WORDS[answer.stop.reason] ?? '?',
  },
  usage: answer.usage ?? NOTHING,
});

/** JSON of the arguments without regard to white space. */
const compact = (answer: Answer | undefined): Answer | undefined =>
  answer && {
    ...answer,
    parts: answer.parts.map((part) =>
      part.type === 'tool-call' ? { ...part, arguments: JSON.stringify(JSON.parse(part.arguments)) } : part,
    ),
  };

const valid = answers({ without: ['invalid-arguments'], with: ['citations'] });
/** Answers with each a stream that means them; some interleaved. */
const streamed = (some: fc.Arbitrary<Answer>) =>
  some.chain((answer) =>
    fc
      .tuple(streamsOf(answer), fc.array(fc.nat(5), { maxLength: 20 }))
      .map(([events, picks]) => ({ answer, events, mixed: interleave(events, picks) })),
  );
const withStream = streamed(valid);
/** Signed by anybody, wherever a signature may stand. */
const ofAnybody = streamed(
  answers({ without: ['invalid-arguments'], with: ['citations', 'makers', 'signed-parts', 'logprobs'] }),
);

describe('answers', () => {
  test('what is encoded is decoded the same, but for what the dialect has no words for', () => {
    fc.assert(
      fc.property(valid, (answer) => {
        expect(compact(anthropicMessages.decodeAnswer(anthropicMessages.encodeAnswer(answer, CONTEXT)))).toEqual(
          compact(carried(answer)),
        );
      }),
    );
  });

  test('a stream means what the plain answer means, interleaved or not', () => {
    fc.assert(
      fc.property(withStream, ({ answer, events, mixed }) => {
        for (const some of [events, mixed])
          expect(compact(answerOfEvents(readWire([new TextEncoder().encode(write(some))])))).toEqual(
            compact(carried(answer)),
          );
      }),
    );
  });

  test('however the bytes are cut, the events are the same', () => {
    const some = withStream.chain(({ mixed }) => {
      const text = write(mixed);
      return cuttingsOf(text).map((chunks) => ({ text, chunks }));
    });
    fc.assert(
      fc.property(some, ({ text, chunks }) => {
        expect(readWire(chunks)).toEqual(readWire([new TextEncoder().encode(text)]));
      }),
    );
  });

  test('the SDK accumulates a stream, interleaved or not, to the plain answer', async () => {
    await fc.assert(
      fc.asyncProperty(ofAnybody, async ({ answer, events, mixed }) => {
        const plain = anthropicMessages.encodeAnswer(answer, CONTEXT);
        for (const some of [events, mixed]) {
          const message = await sdkAnsweredBy(() => streamResponse(write(some)))
            .messages.stream(PARAMS)
            .finalMessage();
          const { stop_reason, stop_sequence, content, model, id, usage } = message;
          expect({ stop_reason, stop_sequence, model, id }).toEqual({
            stop_reason: plain.stop_reason,
            stop_sequence: plain.stop_sequence,
            model: 'assistant',
            id: 'msg_req_1',
          });
          expect(JSON.parse(JSON.stringify(content))).toEqual(plain.content);
          expect(usage).toMatchObject({
            input_tokens: answer.usage?.inputTokens ?? 0,
            output_tokens: answer.usage?.outputTokens ?? 0,
            cache_read_input_tokens: answer.usage?.cachedInputTokens ?? 0,
          });
        }
      }),
      { numRuns: 60 },
    );
  });

  test('never are two blocks open, and their indexes have no gaps', () => {
    fc.assert(
      fc.property(withStream, ({ mixed }) => {
        let open: number | undefined;
        let next = 0;
        const types = readSse([new TextEncoder().encode(write(mixed))]).map(({ type, data }) => {
          const { index } = JSON.parse(data as string) as { index?: number };
          if (type === 'content_block_start') {
            expect([open, index]).toEqual([undefined, next]);
            open = index;
            next += 1;
          }
          if (type === 'content_block_delta' || type === 'content_block_stop') expect(index).toBe(open);
          if (type === 'content_block_stop') open = undefined;
          return type;
        });
        expect(open).toBeUndefined();
        expect(types[0]).toBe('message_start');
        expect(types.slice(-2)).toEqual(['message_delta', 'message_stop']);
      }),
    );
  });

  test('usage of every kind survives plain and streamed', () => {
    fc.assert(
      fc.property(usages(), (usage) => {
        const answer: Answer = { id: 'a', model: 'm', parts: [], stop: { reason: 'end', raw: 'stop' }, usage };
        expect(anthropicMessages.decodeAnswer(anthropicMessages.encodeAnswer(answer, CONTEXT))?.usage).toEqual(usage);
        const text = write([
          { type: 'answer-start', id: 'a', model: 'm' },
          { type: 'usage', usage },
          { type: 'answer-end' },
        ]);
        expect(answerOfEvents(readWire([new TextEncoder().encode(text)])).usage).toEqual(usage);
      }),
    );
  });
});

describe('encodeStream', () => {
  const start: StreamEvent = { type: 'answer-start', id: 'x', model: 'gpt' };
  const types = (text: string): string[] => readSse([new TextEncoder().encode(text)]).map(({ type }) => type);

  test('the first part is written as it comes, the second waits for its end', () => {
    const encoder = anthropicMessages.encodeStream(CONTEXT);
    encoder.push(start);
    encoder.push({ type: 'tool-call-start', index: 0, id: 'a', name: 'f' });
    expect(encoder.push({ type: 'tool-call-start', index: 1, id: 'b', name: 'g' })).toBe('');
    expect(types(encoder.push({ type: 'tool-call-delta', index: 0, arguments: '{}' }))).toEqual([
      'content_block_delta',
    ]);
    expect(encoder.push({ type: 'tool-call-delta', index: 1, arguments: '{"a":' })).toBe('');
    expect(types(encoder.push({ type: 'part-end', index: 0 }))).toEqual([
      'content_block_stop',
      'content_block_start',
      'content_block_delta',
    ]);
    expect(types(encoder.push({ type: 'tool-call-delta', index: 1, arguments: '1}' }))).toEqual([
      'content_block_delta',
    ]);
  });

  test('message_start waits for the first part and carries the usage told before it', () => {
    const encoder = anthropicMessages.encodeStream(CONTEXT);
    expect(encoder.push(start)).toBe('');
    expect(encoder.push({ type: 'usage', usage: { ...NOTHING, inputTokens: 7 } })).toBe('');
    encoder.push({ type: 'text-start', index: 0 });
    const [first] = readSse([new TextEncoder().encode(encoder.push({ type: 'text-delta', index: 0, text: 'a' }))]);
    expect(JSON.parse(first?.data as string)).toMatchObject({ message: { usage: { input_tokens: 7 } } });
  });

  test('a text part without text leaves no block', () => {
    const text = write([
      start,
      { type: 'text-start', index: 0 },
      { type: 'part-end', index: 0 },
      { type: 'tool-call-start', index: 1, id: 'a', name: 'f' },
      { type: 'part-end', index: 1 },
      { type: 'stop', stop: { reason: 'tool-calls', raw: 'tool_calls' } },
      { type: 'answer-end' },
    ]);
    expect(types(text)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(text).toContain('"index":0');
    expect(text).not.toContain('"index":1');
  });

  test('parts that the vendor left open are ended with the answer', () => {
    const text = write([
      start,
      { type: 'text-start', index: 0 },
      { type: 'text-delta', index: 0, text: 'a' },
      { type: 'tool-call-start', index: 1, id: 'a', name: 'f' },
      { type: 'answer-end' },
    ]);
    expect(types(text).filter((type) => type === 'content_block_stop')).toHaveLength(2);
  });

  test('a break after content reaches the SDK as an error of our type, and nothing follows it', async () => {
    const encoder = anthropicMessages.encodeStream(CONTEXT);
    const text = [
      encoder.push(start),
      encoder.push({ type: 'text-start', index: 0 }),
      encoder.push({ type: 'text-delta', index: 0, text: 'Half' }),
      encoder.fail({ code: 'all_targets_failed', message: 'The provider broke off.' }),
      encoder.push({ type: 'answer-end' }),
      encoder.fail({ code: 'internal_error', message: 'again' }),
    ].join('');
    expect(types(text).at(-1)).toBe('error');
    const seen: string[] = [];
    const stream = sdkAnsweredBy(() => streamResponse(text)).messages.stream(PARAMS);
    stream.on('text', (delta) => seen.push(delta));
    await expect(stream.finalMessage()).rejects.toMatchObject({
      type: 'api_error',
      error: {
        request_id: 'req_1',
        error: { message: 'The provider broke off.', tollgate: { code: 'all_targets_failed' } },
      },
    });
    expect(seen).toEqual(['Half']);
  });

  test('empty parts leave no block in a plain answer either', () => {
    const parts: Answer['parts'] = [
      { type: 'reasoning', text: '' },
      { type: 'text', text: '' },
      { type: 'refusal', text: 'No.' },
    ];
    const answer: Answer = { id: 'x', model: 'm', parts, stop: { reason: 'end', raw: 'stop' } };
    expect(anthropicMessages.encodeAnswer(answer, CONTEXT).content).toEqual([{ type: 'text', text: 'No.' }]);
  });

  test.each<[Answer['stop'], string]>([
    [{ reason: 'length', raw: 'model_context_window_exceeded' }, 'model_context_window_exceeded'],
    [{ reason: 'length', raw: 'length' }, 'max_tokens'],
    [{ reason: 'stop-sequence', raw: 'stop_sequence', sequence: 'END' }, 'stop_sequence'],
    [{ reason: 'pause', raw: 'pause_turn' }, 'pause_turn'],
    [{ reason: 'content-filter', raw: 'guardrail_intervened' }, 'refusal'],
    [{ reason: 'other', raw: 'mystery' }, 'end_turn'],
    // A word of Anthropic's that means something else with the vendor that said it.
    [{ reason: 'end', raw: 'max_tokens' }, 'end_turn'],
  ])('a stop of %j is %s, plain and streamed', (stop, word) => {
    const plain = anthropicMessages.encodeAnswer({ id: 'x', model: 'm', parts: [], stop }, CONTEXT);
    expect([plain.stop_reason, plain.stop_sequence]).toEqual([word, stop.sequence ?? null]);
    const [delta] = readSse([
      new TextEncoder().encode(write([start, { type: 'stop', stop }, { type: 'answer-end' }])),
    ]).slice(1);
    expect(JSON.parse(delta?.data as string)).toMatchObject({
      delta: { stop_reason: word, stop_sequence: stop.sequence ?? null },
    });
  });

  test('the SDK reads the plain answer as its Message', async () => {
    const answer: Answer = {
      id: 'x',
      model: 'gpt',
      parts: [{ type: 'tool-call', id: 'call_1', name: 'f', arguments: '{"a": 1}' }],
      stop: { reason: 'tool-calls', raw: 'tool_calls' },
      usage: { ...NOTHING, inputTokens: 3, outputTokens: 4 },
    };
    const body = anthropicMessages.encodeAnswer(answer, CONTEXT);
    const client = sdkAnsweredBy(() => Response.json(body));
    const message: Anthropic.Message = await client.messages.create(PARAMS);
    expect(message.content).toEqual([{ type: 'tool_use', id: 'call_1', name: 'f', input: { a: 1 } }]);
    expect([message.stop_reason, message.usage.input_tokens, message.usage.output_tokens]).toEqual(['tool_use', 3, 4]);
  });

  test.each([
    ['{"city": "Par', { INVALID_JSON: '{"city": "Par' }],
    ['[1]', { INVALID_JSON: '[1]' }],
    ['', {}],
    [' ', {}],
    ['{"__proto__": 1}', JSON.parse('{"__proto__": 1}')],
  ])('arguments %j become an object', (text, input) => {
    const parts: Answer['parts'] = [{ type: 'tool-call', id: 'a', name: 'f', arguments: text }];
    const body = anthropicMessages.encodeAnswer(
      { id: '', model: '', parts, stop: { reason: 'end', raw: '' } },
      CONTEXT,
    );
    expect(JSON.stringify(body.content)).toBe(JSON.stringify([{ type: 'tool_use', id: 'a', name: 'f', input }]));
  });
});
