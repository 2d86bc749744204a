/** Small conversations and their encoding, for the tests of encodeRequest. */
import type { Conversation, JsonObject, ToolResultPart, Turn, UserPart } from '../../../lambdas/core/conversation.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';

export const NOVA = 'us.amazon.nova-micro-v1:0';
export const CLAUDE_45 = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
export const CLAUDE_46 = 'us.anthropic.claude-sonnet-4-6';
export const CLAUDE_48 = 'global.anthropic.claude-opus-4-8';

export const HELLO: Turn = { role: 'user', parts: [{ type: 'text', text: 'Hello!' }] };

export const ask = (more: Partial<Conversation> = {}): Conversation => ({
  model: 'alias',
  turns: [HELLO],
  tools: [],
  choices: 1,
  stream: false,
  streamUsage: false,
  sameDialectOnly: [],
  costBearing: [],
  ...more,
});

export const encode = (
  more: Partial<Conversation>,
  model = NOVA,
  maxOutputTokens: number | undefined = undefined,
): { body: JsonObject; dropped: string[] } =>
  bedrockConverse.encodeRequest(ask(more), {
    model,
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    modelMaxOutputTokens: 10_000,
    stream: false,
    reasoningModel: false,
  });

export const user = (...parts: UserPart[]): Turn => ({ role: 'user', parts });
export const WEATHER = { name: 'weather', parameters: { type: 'object', properties: {} } };
export const CALL: Turn = {
  role: 'assistant',
  parts: [{ type: 'tool-call', id: 'a', name: 'weather', arguments: '{}' }],
};
export const RESULT: ToolResultPart = { type: 'tool-result', callId: 'a', content: [{ type: 'text', text: '30' }] };
