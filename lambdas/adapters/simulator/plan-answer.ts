import type { SimulatedBehaviour } from '../../contract/simulator-model.ts';
import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import { findCalls } from './find-calls.ts';
import { minimalInstance } from './minimal-instance.ts';
import { isObject, textOf, toTokens } from './tokens.ts';

/** One output token. A tool call is one for its name and one for each word of its arguments. */
export type Piece =
  | { type: 'text'; text: string }
  | { type: 'call'; call: number; name: string }
  | { type: 'arguments'; call: number; text: string };

export interface AnswerPlan {
  pieces: Piece[];
  finish: 'stop' | 'length' | 'tool_calls';
}

const FILLER = 'so many words as were asked for and not one more, '.split(' ').filter((word) => word !== '');

/** What a body gets for an answer: the words that were asked for, tool calls, JSON, or the last text again. */
export const planAnswer = (body: JsonObject, { tokens }: SimulatedBehaviour): AnswerPlan => {
  const limit = limitOf(body);
  if (tokens !== undefined) {
    const length = Math.min(tokens, limit);
    return { pieces: Array.from({ length }, filler), finish: length < tokens ? 'length' : 'stop' };
  }
  const messages = Array.isArray(body.messages) ? body.messages.filter(isObject) : [];
  const { role, text } = lastSaid(messages);
  const calls = findCalls(body, role === 'user' ? text : '');
  const pieces =
    calls.length > 0 ? callPieces(calls) : textPieces(formatted(untilStop(text, body.stop), body.response_format));
  if (pieces.length > limit) return { pieces: pieces.slice(0, limit), finish: 'length' };
  return { pieces, finish: calls.length > 0 ? 'tool_calls' : 'stop' };
};

/** Tool results are answered with the results, so that a round trip ends; everything else with the last user text. */
const lastSaid = (messages: JsonObject[]): { role: string; text: string } => {
  const results = messages.slice(messages.findLastIndex(({ role }) => role !== 'tool') + 1);
  if (results.length > 0) return { role: 'tool', text: results.map(({ content }) => textOf(content)).join('\n') };
  const asked = messages.findLast(({ role }) => role === 'user');
  return { role: 'user', text: textOf(asked?.content) };
};

const limitOf = (body: JsonObject): number => {
  const limit = body.max_completion_tokens ?? body.max_tokens;
  return typeof limit === 'number' && limit >= 0 ? Math.floor(limit) : Number.POSITIVE_INFINITY;
};

const filler = (_: unknown, index: number): Piece => ({
  type: 'text',
  text: `${index === 0 ? '' : ' '}${FILLER[index % FILLER.length]}`,
});

const callPieces = (calls: { name: string; arguments: string }[]): Piece[] =>
  calls.flatMap(({ name, arguments: text }, call): Piece[] => [
    { type: 'call', call, name },
    ...toTokens(text).map((token): Piece => ({ type: 'arguments', call, text: token })),
  ]);

const textPieces = (text: string): Piece[] => toTokens(text).map((token) => ({ type: 'text', text: token }));

/** OpenAI's `stop`: a string or up to four; the answer ends before the first that occurs. */
const untilStop = (text: string, stop: JsonValue | undefined): string => {
  const sequences = (Array.isArray(stop) ? stop : [stop]).filter((one) => typeof one === 'string' && one !== '');
  const ends = sequences.map((sequence) => text.indexOf(String(sequence))).filter((at) => at >= 0);
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends));
};

const formatted = (text: string, format: JsonValue | undefined): string => {
  if (!isObject(format)) return text;
  if (format.type === 'json_object') return isJsonObject(text) ? text : JSON.stringify({ echo: text });
  if (format.type !== 'json_schema' || !isObject(format.json_schema)) return text;
  return JSON.stringify(minimalInstance(format.json_schema.schema ?? {}));
};

const isJsonObject = (text: string): boolean => {
  try {
    return isObject(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
};
