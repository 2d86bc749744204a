import { MAX_NAME_LENGTH, MAX_PARTS } from '../../contract/bounds.ts';
import type {
  AssistantPart,
  JsonObject,
  JsonValue,
  ToolCallPart,
  ToolResultPart,
  Turn,
} from '../../core/conversation.ts';
import { fail, got, present, readArray, readObject, readOneOf, readString } from '../../core/read-json.ts';
import { reasoningOf } from './decode-answer.ts';
import { decodeFunctionCall } from './decode-legacy.ts';
import { decodeCachePoint, kindOf, readSpoken, readText, readTexts, readUserParts } from './decode-parts.ts';
import type { Findings } from './findings.ts';
import { extraSignature, placeThoughts, signText } from './reasoning-details.ts';

/** Calls by id, and whether each has its result. An id may be used again once it is answered, as some models do. */
type Calls = Map<string, 'open' | 'answered'>;

/** Reads `messages`. Tool messages that follow one another are one user turn of results. */
export const decodeMessages = (messages: readonly JsonValue[], findings: Findings): Turn[] => {
  const turns: Turn[] = [];
  const calls: Calls = new Map();
  let results: ToolResultPart[] | undefined;
  messages.forEach((value, index) => {
    const param = `messages[${index}]`;
    if (typeof value === 'string') fail(param, `${param}: expected an object, got ${kindOf(value)}`);
    const message = readObject(value, param);
    const role = readRole(message, param);
    if (message['name'] !== undefined && message['name'] !== null) findings.sameDialectOnly.add('messages[].name');
    if (role === 'tool') {
      if (results === undefined) {
        results = [];
        turns.push({ role: 'user', parts: results });
      }
      results.push(decodeToolMessage(message, param, calls));
      return;
    }
    results = undefined;
    turns.push(decodeTurn(role, message, param, calls, findings));
  });
  return turns;
};

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool', 'function'] as const;

const readRole = (message: JsonObject, param: string): (typeof ROLES)[number] =>
  readOneOf(message['role'], `${param}.role`, ROLES);

const decodeTurn = (
  role: Exclude<(typeof ROLES)[number], 'tool'>,
  message: JsonObject,
  param: string,
  calls: Calls,
  findings: Findings,
): Turn => {
  switch (role) {
    case 'system':
    case 'developer':
      return { role: 'system', parts: readTexts(message['content'], `${param}.content`) };
    case 'function':
      findings.bound ??= `a message of role function (${param})`;
      return { role: 'user', parts: readTexts(message['content'] ?? '', `${param}.content`) };
    case 'user':
      return { role, parts: readUserParts(message['content'], `${param}.content`, findings) };
    case 'assistant':
      return { role, parts: decodeAssistant(message, param, calls, findings) };
    default:
      return role satisfies never;
  }
};

const decodeAssistant = (message: JsonObject, param: string, calls: Calls, findings: Findings): AssistantPart[] => {
  if (message['audio'] !== undefined && message['audio'] !== null)
    fail(`${param}.audio`, `${param}.audio: audio is not supported; send the transcript as "content"`);
  const { content, refusal, tool_calls: toolCalls, reasoning_details: details } = message;
  const said = content === undefined || content === null ? [] : readSpoken(content, `${param}.content`);
  const refused = refusal === undefined || refusal === null ? '' : readText(refusal, `${param}.refusal`);
  const called =
    toolCalls === undefined || toolCalls === null
      ? []
      : readArray(toolCalls, `${param}.tool_calls`, { max: MAX_PARTS }).map((call, index) =>
          decodeCall(call, `${param}.tool_calls[${index}]`, calls, findings),
        );
  const legacy = message['function_call'];
  if (legacy !== undefined && legacy !== null)
    called.push(decodeFunctionCall(legacy, `${param}.function_call`, findings));
  if (details !== undefined && details !== null) readArray(details, `${param}.reasoning_details`, { max: MAX_PARTS });
  const thoughtful = Array.isArray(details) && details.length > 0;
  if (said.length === 0 && called.length === 0 && refused === '' && !thoughtful)
    fail(
      `${param}.content`,
      `${param}.content: expected a string or an array of parts where there are no tool_calls, got ${kindOf(content)}`,
    );
  // SDKs send an empty content back with tool calls; it says nothing.
  const spoken = called.length > 0 || refused !== '' || thoughtful ? said.filter(({ text }) => text !== '') : said;
  const rest = [...spoken, ...(refused === '' ? [] : [{ type: 'refusal' as const, text: refused }]), ...called];
  // What this gateway and others put beside the content; clients send the message back as they got it.
  return signText(placeThoughts(details, rest, reasoningOf(message)), extraSignature(message));
};

const decodeCall = (value: JsonValue, param: string, calls: Calls, findings: Findings): ToolCallPart => {
  const call = readObject(value, param);
  const id = readString(call['id'], `${param}.id`, { min: 1, max: MAX_NAME_LENGTH });
  if (calls.get(id) === 'open')
    fail(`${param}.id`, `${param}.id: ${got(id)} is the id of an earlier tool call; give each call its own`);
  calls.set(id, 'open');
  // Azure and some SDKs leave the type out.
  const type =
    call['type'] === undefined ? 'function' : readOneOf(call['type'], `${param}.type`, ['function', 'custom']);
  if (type === 'custom') findings.bound ??= `a custom tool call (${param})`;
  const called = readObject(call[type], `${param}.${type}`);
  const field = type === 'function' ? 'arguments' : 'input';
  const written = readText(called[field], `${param}.${type}.${field}`);
  return {
    type: 'tool-call',
    id,
    name: readString(called['name'], `${param}.${type}.name`, { min: 1, max: MAX_NAME_LENGTH }),
    arguments: type === 'function' && written.trim() === '' ? '{}' : written,
    ...extraSignature(call),
    ...present('cache', decodeCachePoint(call)),
  };
};

const decodeToolMessage = (message: JsonObject, param: string, calls: Calls): ToolResultPart => {
  const callId = readString(message['tool_call_id'], `${param}.tool_call_id`, { min: 1, max: MAX_NAME_LENGTH });
  const state = calls.get(callId);
  if (state === undefined)
    fail(
      `${param}.tool_call_id`,
      `${param}.tool_call_id: no assistant message before it has a tool call with the id ${got(callId)}`,
    );
  if (state === 'answered')
    fail(
      `${param}.tool_call_id`,
      `${param}.tool_call_id: the tool call ${got(callId)} has its result already; send one tool message a call`,
    );
  calls.set(callId, 'answered');
  const content = readTexts(message['content'], `${param}.content`);
  return {
    type: 'tool-result',
    callId,
    content: content.filter(({ text }) => text !== ''),
    ...present('cache', decodeCachePoint(message)),
  };
};
