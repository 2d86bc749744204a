/** Small conversations, their encoding, and streams as they come off the wire, for the tests of the Gemini codec. */
import type { Conversation, JsonObject, StreamEvent, Turn, UserPart } from '../../../lambdas/core/conversation.ts';
import type { AnswerContext, EncodeTarget } from '../../../lambdas/core/dialect.ts';
import { gemini } from '../../../lambdas/dialects/gemini/codec.ts';

export const FLASH_2 = 'gemini-2.0-flash';
export const FLASH_25 = 'gemini-2.5-flash';
export const PRO_25 = 'gemini-2.5-pro';
export const FLASH_3 = 'gemini-3-flash-preview';
export const PRO_31 = 'gemini-3.1-pro-preview';
export const FLASH_38 = 'gemini-3.8-flash';

export const CONTEXT: AnswerContext = { requestId: 'r', alias: 'a', createdAt: 0, streamUsage: true };
export const TARGET: Omit<EncodeTarget, 'model'> = {
  modelMaxOutputTokens: 65_536,
  stream: false,
  reasoningModel: false,
};

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
  model = FLASH_3,
  maxOutputTokens?: number,
): { body: JsonObject; dropped: string[] } =>
  gemini.encodeRequest(ask(more), {
    ...TARGET,
    model,
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
  });

/** `generationConfig` of what is sent, and what was dropped. */
export const configOf = (
  more: Partial<Conversation>,
  model?: string,
  maxOutputTokens?: number,
): { config: JsonObject; dropped: string[] } => {
  const { body, dropped } = encode(more, model, maxOutputTokens);
  return { config: (body['generationConfig'] ?? {}) as JsonObject, dropped };
};

export const contentsOf = (turns: Turn[], model?: string): JsonObject[] =>
  encode({ turns }, model).body['contents'] as JsonObject[];

export const user = (...parts: UserPart[]): Turn => ({ role: 'user', parts });
export const text = (value: string) => ({ type: 'text' as const, text: value });
export const call = (id: string, more: object = {}) => ({
  type: 'tool-call' as const,
  id,
  name: 'weather',
  arguments: '{"city":"Oslo"}',
  ...more,
});
export const assistant = (...parts: Extract<Turn, { role: 'assistant' }>['parts']): Turn => ({
  role: 'assistant',
  parts,
});
export const result = (callId: string, content: string, more: object = {}) => ({
  type: 'tool-result' as const,
  callId,
  content: [text(content)],
  ...more,
});

/** What a stream of those chunks means. */
export const decodeChunks = (chunks: readonly (object | string)[]): StreamEvent[] => {
  const decoder = gemini.decodeStream();
  const events = chunks.flatMap((chunk) =>
    decoder.push({ type: '', data: typeof chunk === 'string' ? chunk : JSON.stringify(chunk) }),
  );
  return [...events, ...(decoder.end?.() ?? [])];
};

/** As the gateway takes it: a regular close after the stop is the end. */
export const atClose = (events: readonly StreamEvent[]): StreamEvent[] => [
  ...events,
  ...(events.some(({ type }) => type === 'stop') ? [{ type: 'answer-end' } as const] : []),
];

export const candidate = (parts: object[], more: object = {}): object => ({
  candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }],
  modelVersion: 'gemini-3-flash',
  responseId: 'resp-1',
});
