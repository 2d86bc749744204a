import { expect, jest, test } from '@jest/globals';
import { compareTexts, readOnce } from '../../../lambdas/core/cache/guards/read-once.ts';
import { wordTexts } from '../../../lambdas/core/cache/guards/words.ts';

const reader = () => {
  const read = jest.fn((text: string) => (text === '' ? undefined : [text]));
  return { read, reads: readOnce(read) };
};

test('while texts are compared each is read once, also one that says nothing', () => {
  const { read, reads } = reader();
  compareTexts(() => {
    expect(reads('a')).toBe(reads('a'));
    expect([reads('b'), reads(''), reads('')]).toEqual([['b'], undefined, undefined]);
  });
  expect(read.mock.calls).toEqual([['a'], ['b'], ['']]);
});

test('two readers of one text do not take one another’s', () => {
  const [once, length] = [reader().reads, readOnce((text) => text.length)];
  expect(compareTexts(() => [once('abc'), length('abc')])).toEqual([['abc'], 3]);
});

test('nothing of it is known after the comparison, nor where none runs', () => {
  const { read, reads } = reader();
  compareTexts(() => reads('a'));
  compareTexts(() => reads('a'));
  expect(() =>
    compareTexts(() => {
      reads('a');
      throw new Error('broke');
    }),
  ).toThrow('broke');
  reads('a');
  reads('a');
  expect(read).toHaveBeenCalledTimes(5);
});

test('a comparison within another shares what has been read, and does not end it', () => {
  const { read, reads } = reader();
  compareTexts(() => {
    compareTexts(() => reads('a'));
    compareTexts(() => reads('a'));
    reads('a');
  });
  expect(read).toHaveBeenCalledTimes(1);
});

test('the guards share a text’s words', () => {
  const text = 'How do I cancel my booking?';
  compareTexts(() => expect(wordTexts(text)).toBe(wordTexts(text)));
  expect(wordTexts(text)).not.toBe(wordTexts(text));
});
