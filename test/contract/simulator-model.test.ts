import { describe, expect, test } from '@jest/globals';
import { parseSimulatorModel } from '../../lambdas/contract/simulator-model.ts';

describe('the name of a simulator model', () => {
  test.each([
    ['echo', { echo: true }],
    ['hang', { hang: true }],
    ['slow-0', { slowMs: 0 }],
    ['fail-429', { failStatus: 429 }],
    ['flaky-30+fail-503+echo', { flakyPercent: 30, failStatus: 503, echo: true }],
    ['slow-200+tokens-50+cut-20', { slowMs: 200, tokens: 50, cutAfterTokens: 20 }],
    ['cut-5+hang', { cutAfterTokens: 5, hang: true }],
    ['slow-100+fail-500', { slowMs: 100, failStatus: 500 }],
  ])('%s is understood', (name, behaviour) => {
    expect(parseSimulatorModel(name)).toEqual({ ok: true, behaviour });
  });

  test.each([
    ['', '""'],
    ['gpt-5', '"gpt-5"'],
    ['echo-1', '"echo-1"'],
    ['slow', '"slow"'],
    ['slow--5', '"slow--5"'],
    ['slow-1.5', '"slow-1.5"'],
    ['echo+', '""'],
    ['constructor-1', '"constructor-1"'],
    ['fail-200', 'an HTTP status from 400 to 599'],
    ['flaky-101', 'percent from 0 to 100'],
    ['echo+echo', 'given twice'],
    ['slow-1+slow-2', 'given twice'],
  ])('%j is refused and told why', (name, why) => {
    expect(parseSimulatorModel(name)).toEqual({ ok: false, message: expect.stringContaining(why) });
  });
});
