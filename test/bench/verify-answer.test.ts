import { describe, expect, test } from '@jest/globals';
import { answerBody, answerEvents } from '../../bench/answer.ts';
import { findFaultInAnswer, findFaultInStream, hasContent } from '../../bench/verify-answer.ts';

const stream = answerEvents(false).join('');

describe('findFaultInAnswer', () => {
  test('accepts the whole answer', () => {
    expect(findFaultInAnswer(200, answerBody())).toBeUndefined();
  });

  test.each([
    ['an error status', 500, answerBody()],
    ['a word less', 200, answerBody().replace('word7 ', '')],
    ['another end', 200, answerBody().replace('"stop"', '"length"')],
    ['no JSON', 200, '<html>'],
  ])('refuses %s', (_, status, body) => {
    expect(findFaultInAnswer(status, body)).toEqual(expect.any(String));
  });
});

describe('findFaultInStream', () => {
  test('accepts the whole stream, with and without usage', () => {
    expect(findFaultInStream(200, stream)).toBeUndefined();
    expect(findFaultInStream(200, answerEvents(true).join(''))).toBeUndefined();
  });

  test('refuses a stream that lacks any one of its events', () => {
    for (const event of answerEvents(false).slice(1)) {
      expect([event, findFaultInStream(200, stream.replace(event, ''))]).toEqual([event, expect.any(String)]);
    }
  });

  test('refuses an error event, an event after the end, and words in another order', () => {
    const [role = '', first = '', second = '', ...rest] = answerEvents(false);
    expect(findFaultInStream(200, `data: {"error":{"message":"no"}}\n\n${stream}`)).toMatch('error event');
    expect(findFaultInStream(200, `${stream}data: {}\n\n`)).toMatch('after [DONE]');
    expect(findFaultInStream(200, [role, second, first, ...rest].join(''))).toMatch('another text');
  });
});

test('content begins with the first word, not with the role', () => {
  const [role = '', first = ''] = answerEvents(false);
  expect(hasContent(role)).toBe(false);
  expect(hasContent(first)).toBe(true);
});
