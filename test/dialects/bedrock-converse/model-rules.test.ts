import { describe, expect, test } from '@jest/globals';
import { claudeVersionOf, modelRulesOf } from '../../../lambdas/dialects/bedrock-converse/model-rules.ts';

describe("a Claude's version, read from its id", () => {
  test.each<[string, number, number, string]>([
    ['anthropic.claude-v2:1', 2, 0, 'v2'],
    ['anthropic.claude-instant-v1', 1, 0, 'instant'],
    ['anthropic.claude-3-opus-20240229-v1:0', 3, 0, 'opus'],
    ['us.anthropic.claude-3-5-haiku-20241022-v1:0', 3, 5, 'haiku'],
    ['eu.anthropic.claude-3-7-sonnet-20250219-v1:0', 3, 7, 'sonnet'],
    ['us.anthropic.claude-sonnet-4-20250514-v1:0', 4, 0, 'sonnet'],
    ['us.anthropic.claude-opus-4-1-20250805-v1:0', 4, 1, 'opus'],
    ['global.anthropic.claude-haiku-4-5-20251001-v1:0', 4, 5, 'haiku'],
    ['us.anthropic.claude-opus-4-6-v1', 4, 6, 'opus'],
    ['anthropic.claude-fable-5-2', 5, 2, 'fable'],
    ['anthropic.claude-mythos-preview', Number.POSITIVE_INFINITY, 0, 'mythos'],
    ['arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-6', 4, 6, 'sonnet'],
    ['arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-8', 4, 8, 'opus'],
  ])('%s', (model, major, minor, family) => {
    const version = claudeVersionOf(model);
    expect(version).toMatchObject({ major, minor });
    if (!family.startsWith('v')) expect(version?.family).toBe(family);
  });

  test.each(['us.amazon.nova-pro-v1:0', 'us.deepseek.r1-v1:0', 'gpt-5'])('%s is none', (model) => {
    expect(claudeVersionOf(model)).toBeUndefined();
  });
});

describe('families', () => {
  test("an ARN that names a foundation model has that model's rules", () => {
    const arn = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0';
    expect(modelRulesOf(arn)).toEqual(modelRulesOf('us.amazon.nova-lite-v1:0'));
  });

  test('an ARN that hides its model is sent what the client asks for', () => {
    const rules = modelRulesOf('arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdef123456');
    expect(rules).toMatchObject({
      caches: { prompt: true, oneHour: true },
      takesSignedReasoning: true,
      reasoning: undefined,
    });
  });

  test('the newest Claudes refuse forced calls', () => {
    const forced = (model: string): boolean => modelRulesOf(model).takesForcedTools;
    expect([forced('anthropic.claude-opus-5'), forced('anthropic.claude-opus-5-5')]).toEqual([true, false]);
    expect([forced('anthropic.claude-fable-5'), forced('anthropic.claude-fable-5-1')]).toEqual([true, false]);
  });
});
