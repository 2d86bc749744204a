import type { JsonObject, TextPart, Turn, UserPart } from '../../core/conversation.ts';
import {
  type EncodeContext,
  encodeAssistantPart,
  encodePlainPart,
  encodeToolResult,
  UNSIGNED,
} from './encode-parts.ts';
import { isBlank } from './wire.ts';

/** Stands for the user's first word where a conversation begins with the model: Gemini wants a user there. */
export const OPENING = 'The conversation begins.';
/** Stands at the end for models that refuse a last turn of their own. */
export const GO_ON = 'Go on from where you stopped.';

interface Content {
  role: 'user' | 'model';
  parts: JsonObject[];
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

const asUserText = ({ text }: TextPart): JsonObject[] =>
  isBlank(text) ? [] : [{ text: `<system>\n${text}\n</system>` }];

/** Results first: they have to follow their calls. What they could not hold comes next, then the rest. */
const encodeUser = (parts: readonly UserPart[], context: EncodeContext): JsonObject[] => {
  const results = parts.flatMap((part) => (part.type === 'tool-result' ? [encodeToolResult(part, context)] : []));
  return [
    ...results.map(({ response }) => response),
    ...results.flatMap(({ beside }) => beside),
    ...parts.flatMap((part) => (part.type === 'tool-result' ? [] : encodePlainPart(part, context))),
  ];
};

const encodeTurn = (turn: Turn, context: EncodeContext): Content => {
  switch (turn.role) {
    case 'system':
      return { role: 'user', parts: turn.parts.flatMap(asUserText) };
    case 'user':
      return { role: 'user', parts: encodeUser(turn.parts, context) };
    case 'assistant':
      return { role: 'model', parts: turn.parts.flatMap((part) => encodeAssistantPart(part, context)) };
    default:
      return turn satisfies never;
  }
};

const isResult = (part: JsonObject): boolean => 'functionResponse' in part;

/** Neighbours of one role become one content, its results before all else. */
const mergeNeighbours = (contents: readonly Content[]): Content[] => {
  const merged: Content[] = [];
  for (const { role, parts } of contents) {
    const last = merged.at(-1);
    if (parts.length === 0) continue;
    if (last?.role === role) last.parts.push(...parts);
    else merged.push({ role, parts: [...parts] });
  }
  return merged.map(({ role, parts }) =>
    role === 'model'
      ? { role, parts }
      : { role, parts: [...parts.filter(isResult), ...parts.filter((part) => !isResult(part))] },
  );
};

/** The first call of a turn has to be signed; one that no Gemini made says so. Calls behind it come without. */
const signFirstCall = ({ parts }: Content): void => {
  const first = parts.find((part) => 'functionCall' in part);
  if (first !== undefined) first['thoughtSignature'] ??= UNSIGNED;
};

export interface EncodedContents {
  contents: JsonObject[];
  system: JsonObject[];
}

/** Turns as Gemini takes them: alternating, the user first, no blank text, every result before other content. */
export const encodeContents = (turns: readonly Turn[], context: EncodeContext): EncodedContents => {
  const { rules, dropped } = context;
  const { system, rest } = splitSystem(turns);
  const leading = rules.hasSystemInstruction ? [] : [{ role: 'user' as const, parts: system.flatMap(asUserText) }];
  const contents = mergeNeighbours([...leading, ...rest.map((turn) => encodeTurn(turn, context))]);
  if (contents[0]?.role !== 'user') contents.unshift({ role: 'user', parts: [{ text: OPENING }] });
  if (contents.at(-1)?.role === 'model' && !rules.takesPrefill) {
    dropped.add('prefill');
    contents.push({ role: 'user', parts: [{ text: GO_ON }] });
  }
  if (rules.wantsSignatures) for (const content of contents) if (content.role === 'model') signFirstCall(content);
  return {
    contents: contents.map(({ role, parts }) => ({ role, parts })),
    system: rules.hasSystemInstruction
      ? system.flatMap(({ text }): JsonObject[] => (isBlank(text) ? [] : [{ text }]))
      : [],
  };
};
