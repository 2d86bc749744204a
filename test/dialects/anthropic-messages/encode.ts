/** Encodes the smallest conversation with some more in it. */
import type { Conversation, JsonObject } from '../../../lambdas/core/conversation.ts';
import type { EncodeTarget } from '../../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import type { Body } from './api-rules.ts';

const BARE: Conversation = {
  model: 'assistant',
  turns: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
  tools: [],
  choices: 1,
  stream: false,
  streamUsage: false,
  sameDialectOnly: [],
  costBearing: [],
};

export const encode = (
  more: Partial<Conversation>,
  target: Partial<EncodeTarget> = {},
): { body: Body & JsonObject; dropped: string[] } => {
  const { body, dropped } = anthropicMessages.encodeRequest(
    { ...BARE, ...more },
    {
      model: 'claude-sonnet-4-5',
      modelMaxOutputTokens: 64_000,
      stream: more.stream ?? false,
      reasoningModel: false,
      ...target,
    },
  );
  return { body: body as Body & JsonObject, dropped };
};
