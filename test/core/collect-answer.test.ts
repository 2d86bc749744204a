import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { answerEvents, collectAnswer } from '../../lambdas/core/collect-answer.ts';
import type { Answer, StreamEvent, TokenLogprob } from '../../lambdas/core/conversation.ts';
import { MOST_UNSAID } from '../../lambdas/core/says-nothing.ts';
import { answers } from '../support/conversations.ts';
import { answerOfEvents, streamsOf } from '../support/streams.ts';

const collected = (events: readonly StreamEvent[]): Answer => {
  const collector = collectAnswer();
  for (const event of events) collector.see(event);
  expect(collector.hasEnded).toBe(true);
  return collector.answer;
};

test('an answer that is replayed as a stream and put together again is the same answer', () => {
  fc.assert(
    fc.property(answers(), (answer) => {
      expect(collected(answerEvents(answer))).toEqual(answer);
    }),
  );
});

test('a replayed stream keeps the rules of streams, and means the answer', () => {
  fc.assert(
    fc.property(answers(), (answer) => {
      expect(answerOfEvents(answerEvents(answer))).toEqual(answer);
    }),
  );
});

test('however a stream was cut in pieces, what is put together is its answer', () => {
  fc.assert(
    fc.property(
      answers().chain((answer) => fc.tuple(fc.constant(answer), streamsOf(answer))),
      ([answer, events]) => {
        expect(collected(events)).toEqual(answer);
      },
    ),
  );
});

test('parts that interleave each get their own words', () => {
  const { answer } = ((): { answer: Answer } => {
    const collector = collectAnswer();
    const events: StreamEvent[] = [
      { type: 'text-start', index: 0 },
      { type: 'tool-call-start', index: 1, id: 'a', name: 'find' },
      { type: 'text-delta', index: 0, text: 'Let me ' },
      { type: 'tool-call-delta', index: 1, arguments: '{"q":' },
      { type: 'text-delta', index: 0, text: 'look.' },
      { type: 'tool-call-delta', index: 1, arguments: '1}' },
      { type: 'unsaid', what: 'inlineData (image/png)' },
      { type: 'unsaid', what: 'inlineData (image/png)' },
    ];
    for (const event of events) collector.see(event);
    expect(collector.hasEnded).toBe(false);
    return collector;
  })();
  expect(answer.parts).toEqual([
    { type: 'text', text: 'Let me look.' },
    { type: 'tool-call', id: 'a', name: 'find', arguments: '{"q":1}' },
  ]);
  expect(answer.unsaid).toEqual(['inlineData (image/png)']);
});

test('what is told of a text token by token goes on in one list: a new one each time would be copied thousands of times', () => {
  const collector = collectAnswer();
  const tell = (): Extract<Answer['parts'][number], { type: 'text' }> | undefined => {
    collector.see({ type: 'logprobs', index: 0, tokens: [{ token: 'a', logprob: -1, top: [] }] });
    collector.see({ type: 'citation', index: 0, citation: { source: { type: 'url', url: 'https://a.example' } } });
    const [part] = collector.answer.parts;
    return part?.type === 'text' ? part : undefined;
  };
  collector.see({ type: 'text-start', index: 0 });
  const { logprobs, citations } = tell() ?? {};
  const again = tell();
  expect(again?.logprobs).toBe(logprobs);
  expect(again?.citations).toBe(citations);
  expect([logprobs?.length, citations?.length]).toEqual([2, 2]);
});

test('a list that an event brings stays as it was', () => {
  const tokens = [{ token: 'a', logprob: -1, top: [] }];
  const collector = collectAnswer();
  for (const event of [{ type: 'text-start', index: 0 } as const, ...[1, 2].map(() => told(tokens))])
    collector.see(event);
  expect(tokens).toHaveLength(1);
});

const told = (tokens: TokenLogprob[]): StreamEvent => ({ type: 'logprobs', index: 0, tokens });

test('of the names that no part can say twenty are kept', () => {
  const collector = collectAnswer();
  for (let i = 0; i < 100; i++) collector.see({ type: 'unsaid', what: `k${i % 50}` });
  expect(collector.answer.unsaid).toEqual(Array.from({ length: MOST_UNSAID }, (_, i) => `k${i}`));
});
