import { expect, test } from '@jest/globals';
import { chatQuirksOf } from '../../../lambdas/contract/chat-quirks.ts';
import type { SignatureMaker } from '../../../lambdas/core/conversation.ts';
import { signatureMakerOf } from '../../../lambdas/core/route/signature-maker.ts';

test.each<[string, string, string, SignatureMaker | undefined]>([
  ['anthropic', 'anthropic-messages', 'claude-sonnet-4-5-20250929', 'anthropic'],
  ['bedrock', 'bedrock-converse', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'anthropic'],
  ['bedrock', 'bedrock-converse', 'amazon.nova-2-lite-v1:0', undefined],
  [
    'bedrock',
    'bedrock-converse',
    'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc',
    'anthropic',
  ],
  ['bedrock', 'bedrock-converse', 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0', undefined],
  ['gemini', 'gemini', 'gemini-3-pro', 'google'],
  ['openai', 'openai-chat', 'gpt-5', undefined],
  ['openai', 'openai-responses', 'gpt-5', 'openai'],
  ['simulator', 'openai-chat', 'echo', undefined],
])('%s in %s, %s: %s', (kind, dialect, model, maker) => {
  expect(signatureMakerOf({ kind }, dialect, model)).toBe(maker);
});

test.each<[string, string, SignatureMaker | undefined]>([
  ['https://openrouter.ai/api/v1', 'anthropic/claude-sonnet-4.5', 'anthropic'],
  ['https://openrouter.ai/api/v1', 'google/gemini-3-pro', 'google'],
  ['https://openrouter.ai/api/v1', 'openai/gpt-5', 'openai'],
  ['https://openrouter.ai/api/v1', 'x-ai/grok-4', undefined],
  ['https://generativelanguage.googleapis.com/v1beta/openai', 'gemini-3-pro', 'google'],
  ['https://api.deepseek.com', 'deepseek-chat', undefined],
  ['https://vllm.example.com/v1', 'anthropic/claude', undefined],
])('an OpenAI-compatible server at %s, %s: %s', (baseUrl, model, maker) => {
  expect(signatureMakerOf({ kind: 'openai-compatible', quirks: chatQuirksOf(baseUrl) }, 'openai-chat', model)).toBe(
    maker,
  );
});
