/** What leaves for a target, of what a client sends. */
import { type ChatVendor, chatQuirksOf } from '../../../lambdas/contract/chat-quirks.ts';
import { encodeCall } from '../../../lambdas/core/call/encode-call.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { Dialect, Surface } from '../../../lambdas/core/dialect.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { makeTarget } from './call-fixture.ts';

export const encode = (surface: Surface, body: JsonObject, target: Target, dialect: Dialect) => {
  const decoded = surface.decodeRequest(body);
  if (!decoded.ok) throw new Error(decoded.problem.message);
  const request = { surface, conversation: decoded.value, body, outputLimit: () => 100, alias: {} as never };
  return encodeCall(request, target, dialect);
};

export const chatTarget = (like?: ChatVendor, model = 'm'): Target =>
  makeTarget('t', {
    dialect: 'openai-chat',
    model,
    provider: {
      name: 't',
      kind: 'openai-compatible',
      baseUrl: 'https://llm.example.com/v1',
      quirks: chatQuirksOf('', like === undefined ? {} : { like }),
    },
  });
export const OPENAI = makeTarget('o', {
  dialect: 'openai-chat',
  model: 'gpt-x',
  provider: { name: 'o', kind: 'openai', baseUrl: 'https://api.openai.com/v1' },
});
export const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } };
export const chatBody = (message: JsonObject, more: JsonObject = {}): JsonObject => ({
  model: 'assistant',
  messages: [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: null, tool_calls: [call], ...message },
    { role: 'tool', tool_call_id: 'call_1', content: 'ok' },
  ],
  ...more,
});
export const assistantOf = ({ body }: { body: JsonObject }): JsonObject => (body['messages'] as JsonObject[])[1] ?? {};
