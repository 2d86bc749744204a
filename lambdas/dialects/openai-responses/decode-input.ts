import { MAX_NAME_LENGTH, MAX_TURNS } from '../../contract/bounds.ts';
import type {
  AssistantPart,
  JsonObject,
  JsonValue,
  ToolCallPart,
  ToolResultPart,
  Turn,
  UserPart,
} from '../../core/conversation.ts';
import { fail, got, present, readArray, readObject, readOneOf, readString } from '../../core/read-json.ts';
import { decodeCachePoint, kindOf, readText } from '../openai-chat/decode-parts.ts';
import { stringifyJson, textOf } from '../openai-chat/wire.ts';
import { readInputParts, readSpoken, readTexts } from './decode-content.ts';
import type { Findings } from './findings.ts';
import { decodeReasoningItem, decodeSigned } from './seals.ts';

interface Reading {
  turns: Turn[];
  /** Calls by id, and whether each has its output. An id may be used again once it is answered. */
  calls: Map<string, 'open' | 'answered'>;
  /** Outputs, by their place, whose call was not there: it may lie with the provider. */
  unpaired: { param: string; callId: string }[];
  findings: Findings;
}

/**
 * Reads `input`. What the model said in a row, whatever the items, is one turn; outputs of functions in a row are one turn of
 * results. Items that this gateway has no words for stay with a target of this dialect, and count with their size.
 */
export const decodeInput = (value: JsonValue, findings: Findings): Turn[] => {
  if (typeof value === 'string') return [{ role: 'user', parts: [{ type: 'text', text: value }] }];
  if (!Array.isArray(value))
    return fail('input', `input: expected a string or an array of items, got ${kindOf(value)}`);
  const reading: Reading = { turns: [], calls: new Map(), unpaired: [], findings };
  readArray(value, 'input', { max: MAX_TURNS }).forEach((item, index) => {
    const param = `input[${index}]`;
    if (typeof item === 'string') fail(param, `${param}: expected an object, got ${kindOf(item)}`);
    readItem(readObject(item, param), param, reading);
  });
  const [lost] = reading.unpaired;
  if (lost !== undefined && !findings.hasRemoteInput)
    fail(
      `${lost.param}.call_id`,
      `${lost.param}.call_id: no function_call before it has the call_id ${got(lost.callId)}`,
    );
  return reading.turns;
};

const readItem = (item: JsonObject, param: string, reading: Reading): void => {
  switch (typeOf(item)) {
    case 'message':
      readMessage(item, param, reading);
      return;
    case 'function_call':
    case 'custom_tool_call':
      say(reading, readCall(item, param, reading));
      return;
    case 'function_call_output':
    case 'custom_tool_call_output':
      answer(reading, readOutput(item, param, reading));
      return;
    case 'reasoning':
      readReasoning(item, param, reading);
      return;
    case 'item_reference':
      readString(item['id'], `${param}.id`, { min: 1, max: MAX_NAME_LENGTH });
      reading.findings.bound ??= `an item_reference (${param})`;
      reading.findings.hasRemoteInput = true;
      return;
    default:
      keepItem(item, param, reading);
      return;
  }
};

/** A message may leave its type out, and so may a reference. */
const typeOf = (item: JsonObject): JsonValue | undefined =>
  item['type'] ?? (item['role'] !== undefined ? 'message' : item['id'] !== undefined ? 'item_reference' : undefined);

const readMessage = (item: JsonObject, param: string, reading: Reading): void => {
  const { findings, turns } = reading;
  const role = readOneOf(item['role'], `${param}.role`, ['user', 'assistant', 'system', 'developer']);
  const content = `${param}.content`;
  if (item['phase'] !== undefined && item['phase'] !== null) findings.sameDialectOnly.add('input[].phase');
  if (role === 'assistant') say(reading, ...readSpoken(item['content'], content));
  else if (role === 'user') turns.push({ role, parts: readInputParts(item['content'], content, findings, 1) });
  else turns.push({ role: 'system', parts: readTexts(item['content'], content) });
};

const say = ({ turns }: Reading, ...parts: AssistantPart[]): void => {
  const last = turns.at(-1);
  if (last?.role === 'assistant') last.parts.push(...parts);
  else if (parts.length > 0) turns.push({ role: 'assistant', parts });
};

const answer = ({ turns }: Reading, part: UserPart): void => {
  const last = turns.at(-1);
  const isOfResults =
    last?.role === 'user' && last.parts.length > 0 && last.parts.every(({ type }) => type === 'tool-result');
  if (isOfResults && part.type === 'tool-result') last.parts.push(part);
  else turns.push({ role: 'user', parts: [part] });
};

const readCall = (item: JsonObject, param: string, { calls, findings }: Reading): ToolCallPart => {
  const id = readString(item['call_id'], `${param}.call_id`, { min: 1, max: MAX_NAME_LENGTH });
  if (calls.get(id) === 'open')
    fail(`${param}.call_id`, `${param}.call_id: ${got(id)} is the id of an earlier call; give each call its own`);
  calls.set(id, 'open');
  const isCustom = item['type'] === 'custom_tool_call';
  if (isCustom) findings.bound ??= `a custom tool call (${param})`;
  if (typeof item['namespace'] === 'string') findings.bound ??= `a namespace (${param}.namespace)`;
  const field = isCustom ? 'input' : 'arguments';
  const written = readText(item[field], `${param}.${field}`);
  return {
    type: 'tool-call',
    id,
    name: readString(item['name'], `${param}.name`, { min: 1, max: MAX_NAME_LENGTH }),
    arguments: !isCustom && written.trim() === '' ? '{}' : written,
    ...present('cache', decodeCachePoint(item)),
    ...decodeSigned(item),
  };
};

const readOutput = (item: JsonObject, param: string, { calls, unpaired, findings }: Reading): ToolResultPart => {
  const callId = readString(item['call_id'], `${param}.call_id`, { min: 1, max: MAX_NAME_LENGTH });
  const state = calls.get(callId);
  if (item['type'] === 'custom_tool_call_output') findings.bound ??= `a custom tool's output (${param})`;
  if (state === undefined) unpaired.push({ param, callId });
  if (state === 'answered')
    fail(`${param}.call_id`, `${param}.call_id: the call ${got(callId)} has its output already; send one a call`);
  calls.set(callId, 'answered');
  const content = readInputParts(item['output'], `${param}.output`, findings, 0);
  return {
    type: 'tool-result',
    callId,
    content: content.filter((part) => part.type !== 'text' || part.text !== ''),
    ...present('cache', decodeCachePoint(item)),
  };
};

const readReasoning = (item: JsonObject, param: string, reading: Reading): void => {
  const parts = decodeReasoningItem(item);
  say(reading, ...parts);
  if (parts.length > 0 || textOf(item['id']) === undefined) return;
  // Only its id: the provider that stored it knows the rest.
  reading.findings.bound ??= `a reasoning item without its encrypted_content (${param})`;
  reading.findings.hasRemoteInput = true;
};

/** Calls and outputs of the provider's own tools, and what is still to be invented. */
const keepItem = (item: JsonObject, param: string, reading: Reading): void => {
  const type = readString(item['type'], `${param}.type`, { min: 1, max: MAX_NAME_LENGTH });
  reading.findings.bound ??= `an item of type ${got(type)} (${param})`;
  if (type === 'computer_call_output') {
    // A screenshot.
    answer(reading, { type: 'image', source: { type: 'url', url: `item:${param}` } });
    return;
  }
  // Clients answer some of the provider's own calls (`local_shell_call`) as they would a function's.
  const callId = textOf(item['call_id']);
  if (callId !== undefined && type.endsWith('_call')) reading.calls.set(callId, 'open');
  const encrypted = textOf(item['encrypted_content']);
  say(
    reading,
    encrypted === undefined
      ? { type: 'reasoning', text: stringifyJson(item) ?? '' }
      : { type: 'redacted-reasoning', data: encrypted, madeBy: 'openai' },
  );
};
