import { expect, test } from '@jest/globals';
import { traitsOf } from '../../../lambdas/dialects/anthropic-messages/claude-models.ts';

test.each([
  // model, thinking, off, sampling, forced tools, strict tools, late system
  ['claude-2.1', 'none', 'omit', true, true, false, false],
  ['claude-3-opus-latest', 'none', 'omit', true, true, false, false],
  ['claude-3-5-sonnet-20241022', 'none', 'omit', true, true, false, false],
  ['claude-3-7-sonnet-20250219', 'budget', 'omit', true, true, false, false],
  ['claude-sonnet-4-20250514', 'budget', 'omit', true, true, false, false],
  ['claude-sonnet-4@20250514', 'budget', 'omit', true, true, false, false],
  ['claude-opus-4-1-20250805', 'budget', 'omit', true, true, true, false],
  ['claude-haiku-4-5', 'budget', 'omit', true, true, true, false],
  ['claude-sonnet-4-5-20250929', 'budget', 'omit', true, true, true, false],
  ['claude-sonnet-4-6', 'either', 'omit', true, true, true, false],
  ['claude-opus-4-7', 'adaptive', 'omit', false, true, true, false],
  ['claude-opus-4-8-20260528', 'adaptive', 'omit', false, true, true, true],
  ['claude-sonnet-5', 'adaptive', 'disabled', false, true, true, false],
  ['claude-opus-5', 'adaptive', 'disabled', false, true, true, true],
  ['claude-haiku-5-5', 'adaptive', 'disabled', false, true, true, true],
  ['claude-sonnet-5-5', 'adaptive', 'between_tools', false, false, true, true],
  ['claude-opus-5-5', 'adaptive', 'never', false, false, true, true],
  ['claude-fable-5', 'adaptive', 'never', false, true, true, true],
  ['claude-fable-5-1', 'adaptive', 'never', false, false, true, true],
  ['claude-mythos-preview', 'adaptive', 'never', false, false, true, true],
  ['claude-novel-7-1', 'adaptive', 'never', false, false, true, true],
  ['kimi-k3', 'budget', 'omit', true, true, true, false],
] as const)('%s', (model, thinking, off, sampling, forced, strict, late) => {
  const traits = traitsOf(model);
  expect([traits.thinking, traits.thinkingOff]).toEqual([thinking, off]);
  expect([traits.takesSampling, traits.takesForcedTools]).toEqual([sampling, forced]);
  expect([traits.takesStrictTools, traits.takesLateSystem]).toEqual([strict, late]);
});
