import type { JsonObject, TextPart, Turn } from '../../core/conversation.ts';
import { type EncodeContext, encodeAssistantPart, encodeUserPart } from './encode-content.ts';
import { isBlank, objectOf, textOf } from './wire.ts';

/** Stands for the user's first word where a conversation begins with the assistant: Converse wants a user there. */
export const OPENING = 'The conversation begins.';

/** Stands beside documents that came without a word: Converse wants text in their message. */
export const BESIDE_DOCUMENT = 'See the document.';

interface Message {
  role: 'user' | 'assistant';
  /** One group a part: its block and the cache point that stands on it. */
  groups: JsonObject[][];
}

/** The leading system turns; those further in become user text, within `<system>` tags, where they stand. */
const splitSystem = (turns: readonly Turn[]): { system: TextPart[]; rest: readonly Turn[] } => {
  const first = turns.findIndex(({ role }) => role !== 'system');
  const end = first === -1 ? turns.length : first;
  return {
    system: turns.slice(0, end).flatMap((turn) => (turn.role === 'system' ? turn.parts : [])),
    rest: turns.slice(end),
  };
};

const asUserText = (part: TextPart): TextPart =>
  isBlank(part.text) ? part : { ...part, text: `<system>\n${part.text}\n</system>` };

const groupsOf = (turn: Turn, context: EncodeContext): JsonObject[][] => {
  switch (turn.role) {
    case 'assistant':
      return turn.parts.map((part) => encodeAssistantPart(part, context));
    case 'user':
      return turn.parts.map((part) => encodeUserPart(part, context));
    case 'system':
      return turn.parts.map((part) => encodeUserPart(asUserText(part), context));
    default:
      return turn satisfies never;
  }
};

const isCachePoint = (block: JsonObject | undefined): boolean => block !== undefined && 'cachePoint' in block;

/** Nothing is cached twice at one place, and reasoning takes no cache point. */
const takesCachePoint = (group: readonly JsonObject[] | undefined): boolean => {
  const last = group?.at(-1);
  return last !== undefined && !isCachePoint(last) && !('reasoningContent' in last);
};

/** A cache point whose own text was blank stands on what came before it: that is as much as it could cache. */
const settleCachePoints = (groups: readonly JsonObject[][]): JsonObject[][] => {
  const settled: JsonObject[][] = [];
  for (const group of groups) {
    const last = settled.at(-1);
    if (group.length === 0) continue;
    if (!isCachePoint(group[0])) settled.push([...group]);
    else if (takesCachePoint(last)) last?.push(...group);
  }
  return settled;
};

const encodeTurn = (turn: Turn, context: EncodeContext): Message => ({
  role: turn.role === 'assistant' ? 'assistant' : 'user',
  groups: settleCachePoints(groupsOf(turn, context)),
});

/** Neighbours of one role become one message: Converse wants the roles to alternate. */
const mergeNeighbours = (messages: readonly Message[]): Message[] => {
  const merged: Message[] = [];
  for (const { role, groups } of messages) {
    const last = merged.at(-1);
    if (groups.length === 0) continue;
    if (last?.role === role) last.groups.push(...groups);
    else merged.push({ role, groups: [...groups] });
  }
  return merged;
};

const isResult = ([block]: JsonObject[]): boolean => block !== undefined && 'toolResult' in block;

/** Results come first, as Claude demands; a document needs a text beside it. */
const finishUserMessage = (groups: readonly JsonObject[][]): JsonObject[] => {
  const content = [...groups.filter(isResult), ...groups.filter((group) => !isResult(group))].flat();
  const lonelyDocument = content.some((block) => 'document' in block) && !content.some((block) => 'text' in block);
  return lonelyDocument ? [...content, { text: BESIDE_DOCUMENT }] : content;
};

/** A prefill must not end in white space. */
const trimPrefill = (messages: JsonObject[]): void => {
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || !Array.isArray(last.content)) return;
  const block = last.content.map(objectOf).findLast((one) => !isCachePoint(one));
  const text = textOf(block?.text);
  if (block !== undefined && text !== undefined) block.text = text.trimEnd();
};

export const encodeSystem = (turns: readonly Turn[], context: EncodeContext): JsonObject[] =>
  settleCachePoints(splitSystem(turns).system.map((part) => encodeUserPart(part, context))).flat();

/** Turns as Converse takes them: alternating, the user first, no blank text, every result before other content. */
export const encodeMessages = (turns: readonly Turn[], context: EncodeContext): JsonObject[] => {
  const merged = mergeNeighbours(splitSystem(turns).rest.map((turn) => encodeTurn(turn, context)));
  const messages: JsonObject[] = merged.map(({ role, groups }) => ({
    role,
    content: role === 'user' ? finishUserMessage(groups) : groups.flat(),
  }));
  trimPrefill(messages);
  return messages[0]?.role === 'assistant' ? [{ role: 'user', content: [{ text: OPENING }] }, ...messages] : messages;
};
