import { expect, test } from '@jest/globals';
import { wilsonInterval } from '../../lambdas/core/wilson-interval.ts';

test('Wilson’s interval as the textbooks have it: 10 of 100 lies between 5.5 and 17.4 %', () => {
  const { low, high } = wilsonInterval(10, 100);
  expect([low.toFixed(4), high.toFixed(4)]).toEqual(['0.0552', '0.1744']);
  expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
});
