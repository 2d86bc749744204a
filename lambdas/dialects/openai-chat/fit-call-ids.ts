import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import { digestOf } from '../../core/digest.ts';
import { objectOf, objectsOf } from './wire.ts';

/** OpenAI refuses ids of tool calls above 40 characters; other vendors make longer ones, and a conversation may move between them. */
export const fitOpenaiCallId = (id: string): string => (id.length <= 40 ? id : `call_${digestOf(id, 24)}`);

/** Mistral refuses all but nine letters and digits. */
export const fitMistralCallId = (id: string): string => (/^[A-Za-z0-9]{9}$/.test(id) ? id : digestOf(id, 9));

/**
 * A body with the ids of tool calls, and of the results that go with them, in the form that the server takes. The same id
 * becomes the same every time, so that a prompt cache holds; a body that has nothing to change is returned as it is.
 */
export const fitCallIds = (body: JsonObject, fitId: (id: string) => string): JsonObject => {
  const { messages } = body;
  if (!Array.isArray(messages)) return body;
  const fitted = messages.map((message) => fitMessage(message, fitId));
  return fitted.some((message, index) => message !== messages[index]) ? { ...body, messages: fitted } : body;
};

const fitMessage = (value: JsonValue, fitId: (id: string) => string): JsonValue => {
  const message = objectOf(value);
  if (message === undefined) return value;
  const { tool_call_id: callId, tool_calls: calls } = message;
  if (typeof callId === 'string') {
    const fitted = fitId(callId);
    return fitted === callId ? value : { ...message, tool_call_id: fitted };
  }
  const known = objectsOf(calls);
  if (known.every(({ id }) => typeof id !== 'string' || fitId(id) === id)) return value;
  return {
    ...message,
    tool_calls: known.map((call) => (typeof call['id'] === 'string' ? { ...call, id: fitId(call['id']) } : call)),
  };
};
