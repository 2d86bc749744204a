import type { JsonObject, JsonValue } from '../../core/conversation.ts';

/** What an image, a document or any other part that is not text counts as. */
const MEDIA_TOKENS = 10;

/** The simulator's tokens: a word with the white space before it. Joined, they are the text again. */
export const toTokens = (text: string): string[] => {
  const words = text.match(/\s*\S+/g) ?? [];
  const rest = text.slice(words.reduce((length, word) => length + word.length, 0));
  if (rest === '') return words;
  const last = words.pop();
  return [...words, `${last ?? ''}${rest}`];
};

/**
 * Input tokens of a chat completions body: the words of all messages (tool calls as their name and arguments), of the tools
 * and of the answer's schema as JSON, and ten for each part that is not text.
 */
export const countInputTokens = (body: JsonObject): number => {
  const messages = Array.isArray(body.messages) ? body.messages : [];
  let tokens = messages.reduce<number>((sum, message) => sum + countMessage(message), 0);
  for (const field of ['tools', 'response_format'])
    if (body[field] !== undefined) tokens += toTokens(JSON.stringify(body[field])).length;
  return tokens;
};

const countMessage = (message: JsonValue): number => {
  if (!isObject(message)) return 0;
  let tokens = countContent(message.content);
  for (const call of Array.isArray(message.tool_calls) ? message.tool_calls : []) {
    const called = isObject(call) && isObject(call.function) ? call.function : {};
    tokens += 1 + toTokens(typeof called.arguments === 'string' ? called.arguments : '').length;
  }
  return tokens;
};

const countContent = (content: JsonValue | undefined): number => {
  if (typeof content === 'string') return toTokens(content).length;
  if (!Array.isArray(content)) return 0;
  return content.reduce<number>((sum, part) => {
    const text = isObject(part) && (part.text ?? part.refusal);
    return sum + (typeof text === 'string' ? toTokens(text).length : MEDIA_TOKENS);
  }, 0);
};

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The text of a message's content, its parts joined. */
export const textOf = (content: JsonValue | undefined): string => {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('');
};
