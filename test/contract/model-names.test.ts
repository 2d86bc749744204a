import { describe, expect, test } from '@jest/globals';
import { claudeGeneration, isFloatingModel } from '../../lambdas/contract/model-names.ts';

describe('claudeGeneration', () => {
  test.each([
    ['claude-3-5-haiku-20241022', 3, 5],
    ['claude-3-opus-20240229', 3, 0],
    ['claude-sonnet-4-20250514', 4, 0],
    ['claude-haiku-4-5', 4, 5],
    ['claude-opus-4-5-20251101', 4, 5],
    ['claude-opus-5', 5, 0],
    ['claude-fable-5-1', 5, 1],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 4, 5],
    ['anthropic.claude-opus-4-6-v1', 4, 6],
    ['anthropic/claude-sonnet-4-5', 4, 5],
  ])('%s is %i.%i', (model, major, minor) => {
    expect(claudeGeneration(model)).toEqual({ major, minor });
  });

  test.each(['gpt-5', 'claude-mythos-preview', 'claude-instant-v1', ''])('%p says none', (model) => {
    expect(claudeGeneration(model)).toBeUndefined();
  });
});

describe('isFloatingModel', () => {
  test.each([
    ['openai', 'gpt-5-2025-08-07'],
    ['openai', 'gpt-4-0613'],
    ['openai', 'gpt-4-1106-preview'],
    ['openai', 'ft:gpt-4o-2024-08-06:acme::abc123'],
    ['anthropic', 'claude-sonnet-4-5-20250929'],
    ['anthropic', 'claude-3-opus-20240229'],
    ['anthropic', 'claude-opus-4-6'],
    ['anthropic', 'claude-sonnet-5'],
    ['anthropic', 'claude-fable-5-1'],
    ['gemini', 'gemini-2.5-pro'],
    ['gemini', 'gemini-3.1-pro-preview'],
    ['azure-openai', 'my-gpt-5'],
    ['bedrock', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'],
    ['bedrock', 'anthropic.claude-opus-5'],
    ['bedrock', 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc'],
  ] as const)('%s %s stays what it is', (kind, model) => {
    expect(isFloatingModel(kind, model)).toBe(false);
  });

  test.each([
    ['openai', 'gpt-5'],
    ['openai', 'gpt-4o'],
    ['openai', 'gpt-5-chat-latest'],
    ['openai', 'gpt-6-sol'],
    ['anthropic', 'claude-sonnet-4-5'],
    ['anthropic', 'claude-opus-4-1'],
    ['anthropic', 'claude-3-7-sonnet-latest'],
    ['anthropic', 'claude-mythos-preview'],
    ['gemini', 'gemini-flash-latest'],
    ['bedrock', 'arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1'],
  ] as const)('%s %s can move', (kind, model) => {
    expect(isFloatingModel(kind, model)).toBe(true);
  });
});
