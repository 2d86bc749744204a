import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import { reasoningOf, splitContent, toolCallId, usageOf } from './decode-answer.ts';
import { argumentsOf, countOf, listOf, objectOf, objectsOf, textOf } from './wire.ts';

/**
 * A vendor's answer in the shape that OpenAI's SDKs read, where it has another: content as a list of texts and thoughts
 * (Mistral), tool calls without an id or with their arguments as an object, choices without an index, usage beside its place
 * (Groq). Everything else stays as it came; the body itself where there is nothing to repair.
 */
export const repairAnswer = (body: JsonObject): JsonObject => {
  const { choices, usage } = body;
  const own = objectsOf(choices);
  const answerId = textOf(body['id']) ?? '';
  const repaired = listOf(choices).map((value, index) => repairChoice(value, answerId, index));
  const isChanged = repaired.some((choice, index) => choice !== listOf(choices)[index]);
  const counted = objectOf(usage) === undefined ? objectOf(usageOf(body, own)) : undefined;
  return !isChanged && counted === undefined
    ? body
    : { ...body, ...(isChanged && { choices: repaired }), ...(counted !== undefined && { usage: counted }) };
};

const repairChoice = (value: JsonValue, answerId: string, index: number): JsonValue => {
  const choice = objectOf(value);
  if (choice === undefined) return value;
  const message = objectOf(choice['message']);
  const repaired = message === undefined ? undefined : repairMessage(message, answerId, index);
  const hasIndex = countOf(choice['index']) !== undefined;
  return hasIndex && repaired === message
    ? value
    : { ...choice, ...(!hasIndex && { index }), ...(repaired !== undefined && { message: repaired }) };
};

const repairMessage = (message: JsonObject, answerId: string, choice: number): JsonObject => {
  const { content, role, tool_calls: calls } = message;
  const ids = new Set<string>();
  const repaired = listOf(calls).map((call, index) => repairCall(call, toolCallId(answerId, choice, index), ids));
  const isCalled = repaired.some((call, index) => call !== listOf(calls)[index]);
  if (!isCalled && !Array.isArray(content) && role !== undefined) return message;
  return {
    ...message,
    ...(role === undefined && { role: 'assistant' }),
    ...(Array.isArray(content) && repairContent(message, objectsOf(calls).length > 0 ? null : '')),
    ...(isCalled && { tool_calls: repaired }),
  };
};

/** @param silence what stands for a content without a word */
export const repairContent = (holder: JsonObject, silence: string | null): JsonObject => {
  const { text, reasoning } = splitContent(holder['content']);
  return {
    content: text ?? silence,
    ...(reasoning !== undefined && reasoningOf(holder) === undefined && { reasoning_content: reasoning }),
  };
};

/** @param ids those given out, as the reader does (decode-answer.ts) */
const repairCall = (value: JsonValue, spareId: string, ids: Set<string>): JsonValue => {
  const call = objectOf(value);
  if (call === undefined) return value;
  const called = objectOf(call['function']);
  // Empty arguments are none: clients parse them.
  const isWritten = called === undefined || textOf(called['arguments']) !== undefined;
  const told = textOf(call['id']);
  const hasId = told !== undefined && !ids.has(told);
  ids.add(hasId ? told : spareId);
  const hasType = textOf(call['type']) !== undefined;
  if (isWritten && hasId && hasType) return value;
  return {
    ...call,
    ...(!hasId && { id: spareId }),
    ...(!hasType && { type: typeOf(call) }),
    ...(!isWritten && { function: { ...called, arguments: writtenOf(called) } }),
  };
};

const writtenOf = (called: JsonObject): string => {
  const written = argumentsOf(called['arguments']) ?? '';
  return written === '' ? '{}' : written;
};

/** Some servers leave it out; SDKs tell by it what they hold. */
export const typeOf = (call: JsonObject): string => (objectOf(call['custom']) === undefined ? 'function' : 'custom');
