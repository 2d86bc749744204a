import type { ChatQuirks } from '../../contract/chat-quirks.ts';
import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import { listOf, objectOf, textOf } from './wire.ts';

/** In every server's messages; where thoughts stand was decided before (fit-thoughts.ts). */
const EVERYWHERE = [
  'role',
  'content',
  'tool_calls',
  'tool_call_id',
  'reasoning_content',
  'reasoning',
  'reasoning_details',
  'extra_content',
];

const CACHE_MARKS = ['cache_control', 'prompt_cache_breakpoint'] as const;

/**
 * Messages as a server takes them that is none of OpenAI's; each that has nothing to change is returned as it is.
 *
 * - `developer` is `system`, which all know and mean by it.
 * - Nulls and empty lists, which OpenAI's SDKs and this gateway write beside an answer's content, are left out.
 * - Fields that a strict server refuses are left out, and named; a refusal becomes text.
 *
 * @param quirks the server's ways; absent = OpenAI's own, where nothing is changed
 */
export const fitMessages = (
  messages: JsonValue | undefined,
  quirks: ChatQuirks | undefined,
  dropped: Set<string>,
): JsonValue | undefined => {
  if (quirks === undefined || !Array.isArray(messages)) return messages;
  const fitted = messages.map((message) => fitMessage(message, quirks, dropped));
  return fitted.some((message, index) => message !== messages[index]) ? fitted : messages;
};

const fitMessage = (value: JsonValue, quirks: ChatQuirks, dropped: Set<string>): JsonValue => {
  const message = objectOf(value);
  if (message === undefined) return value;
  const { messageFields, cachePoints } = quirks;
  let fitted = withoutNothings(message['role'] === 'developer' ? { ...message, role: 'system' } : message);
  if (messageFields !== undefined) fitted = withKnown(withRefusalAsText(fitted), messageFields, dropped);
  return cachePoints === 'none' ? withoutMarks(fitted) : fitted;
};

/** A null content is said: beside tool calls some servers want it. */
const isNothing = (field: string, value: JsonValue | undefined): boolean =>
  field !== 'content' &&
  (value === null ||
    ((field === 'annotations' || field === 'tool_calls') && Array.isArray(value) && value.length === 0));

const withoutNothings = (message: JsonObject): JsonObject => without(message, isNothing);

const withKnown = (message: JsonObject, known: readonly string[], dropped: Set<string>): JsonObject =>
  without(message, (field) => {
    if (EVERYWHERE.includes(field) || known.includes(field)) return false;
    const isMark = CACHE_MARKS.some((mark) => mark === field);
    // The text of a refusal is in the content by now.
    if (!isMark && field !== 'refusal')
      dropped.add(field === 'annotations' || field === 'citations' ? 'citations' : `messages[].${field}`);
    return true;
  });

/** What the model refused is part of what it said, to a server that has no word for it. */
const withRefusalAsText = (message: JsonObject): JsonObject => {
  const { content } = message;
  const refusal = textOf(message['refusal']);
  const isSaid = Array.isArray(content) && content.some((part) => objectOf(part)?.['type'] === 'refusal');
  if (refusal === undefined && !isSaid) return message;
  const said = typeof content === 'string' ? (content === '' ? [] : [textPart(content)]) : listOf(content);
  const parts = [
    ...said.map((part) =>
      objectOf(part)?.['type'] === 'refusal' ? textPart(textOf(objectOf(part)?.['refusal']) ?? '') : part,
    ),
    ...(refusal === undefined ? [] : [textPart(refusal)]),
  ];
  const only = parts.length === 1 ? objectOf(parts[0])?.['text'] : undefined;
  return { ...message, content: only ?? parts };
};

const textPart = (text: string): JsonObject => ({ type: 'text', text });

const withoutMarks = (message: JsonObject): JsonObject => {
  const unmarked = withoutMark(message);
  const { content, tool_calls: calls } = unmarked;
  const parts = each(content, withoutMark);
  const called = each(calls, withoutMark);
  return parts === content && called === calls
    ? unmarked
    : {
        ...unmarked,
        ...(parts !== undefined && { content: parts }),
        ...(called !== undefined && { tool_calls: called }),
      };
};

/** Tools as a server takes them that is none of OpenAI's. */
export const fitTools = (tools: JsonValue | undefined, quirks: ChatQuirks | undefined): JsonValue | undefined =>
  quirks?.cachePoints === 'none' ? each(tools, withoutMark) : tools;

const withoutMark = (holder: JsonObject): JsonObject =>
  without(holder, (field) => CACHE_MARKS.some((mark) => mark === field));

const each = (list: JsonValue | undefined, change: (one: JsonObject) => JsonObject): JsonValue | undefined => {
  if (!Array.isArray(list)) return list;
  const fitted = list.map((one) => {
    const object = objectOf(one);
    return object === undefined ? one : change(object);
  });
  return fitted.some((one, index) => one !== list[index]) ? fitted : list;
};

/** The object itself where nothing goes. */
const without = (object: JsonObject, goes: (field: string, value: JsonValue | undefined) => boolean): JsonObject => {
  const going = Object.keys(object).filter((field) => goes(field, object[field]));
  if (going.length === 0) return object;
  const left = { ...object };
  for (const field of going) delete left[field];
  return left;
};
