import { describe, expect, test } from '@jest/globals';
import { compareAnswers, OTHER_ANSWER_COSINE, SAME_ANSWER_COSINE } from '../../../lambdas/core/cache/same-answer.ts';

describe('whether a kept answer is what the model says now', () => {
  test.each([
    ['another dose', 'Take 400 mg twice.', 'Take 800 mg twice.'],
    ['another unit', 'It takes 30 seconds.', 'It takes 30 minutes.'],
    ['another name', 'The capital is Canberra.', 'The capital is Sydney.'],
    ['another date', 'It is due on Monday.', 'It is due on Friday.'],
    ['no instead of yes', 'It is included.', 'It is not included.'],
    ['the opposite', 'The price is high.', 'The price is low.'],
    ['another flag', 'Use `ls -a` here.', 'Use `ls -l` here.'],
  ])('%s is wrong, however alike the vectors are', (_, kept, now) => {
    expect(compareAnswers(kept, now, 0.999)).toBe('wrong');
    expect(compareAnswers(now, kept, 0.999)).toBe('wrong');
    expect(compareAnswers(kept, now, undefined)).toBe('unknown');
  });

  test('a flag in another case is another flag, though all the rest is formatting', () => {
    expect(compareAnswers('The flag is `-r`.', 'The flag is `-R`', 0.999)).toBe('wrong');
    expect(compareAnswers('The flag is `-r`.', 'the flag is **-r**', undefined)).toBe('same');
  });

  test('the numbers of a list are formatting', () => {
    expect(compareAnswers('1. Open the app.\n2. Tap Delete.', '- Open the app.\n- Tap Delete.', undefined)).toBe(
      'same',
    );
    expect(compareAnswers('1. Open the app.\n2. Tap Delete.', 'Open the app, then tap Delete.', 0.9)).toBe('same');
  });

  test('what is told in other words is the same from 0.8, unknown below, and wrong below 0.7', () => {
    const [kept, now] = ['You have 30 days for returns.', 'Returns are possible for 30 days.'];
    expect(compareAnswers(kept, now, SAME_ANSWER_COSINE)).toBe('same');
    expect(compareAnswers(kept, now, SAME_ANSWER_COSINE - 0.01)).toBe('unknown');
    expect(compareAnswers(kept, now, OTHER_ANSWER_COSINE - 0.01)).toBe('wrong');
  });

  test('one word in the place of another leaves it open, unless the two are as good as one', () => {
    expect(compareAnswers('Take it with food.', 'Take it with water.', 0.88)).toBe('unknown');
    expect(compareAnswers('All staff may enter.', 'Some staff may enter.', 0.88)).toBe('unknown');
    expect(compareAnswers('The flat is tidy.', 'The flat is neat.', 0.97)).toBe('same');
  });

  test('a long answer that leaves out an example with a number is not called wrong for it', () => {
    const long = 'It depends on the size of the house and on what it is built of. '.repeat(10);
    expect(compareAnswers(long, `${long} A shed takes 3 days.`, 0.97)).toBe('unknown');
    expect(compareAnswers('It depends.', 'It depends. A shed takes 3 days.', 0.97)).toBe('wrong');
  });

  test('nothing is known of vectors that could not be read', () => {
    expect(compareAnswers('Yes, it is.', 'It is.', Number.NaN)).toBe('unknown');
  });
});
