import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { answerEvents, collectAnswer } from '../../lambdas/core/collect-answer.ts';
import type { Answer, StreamEvent } from '../../lambdas/core/conversation.ts';
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
