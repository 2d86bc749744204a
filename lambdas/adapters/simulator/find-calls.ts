import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import { minimalInstance } from './minimal-instance.ts';
import { isObject } from './tokens.ts';

const MOST_CALLS = 128;

/**
 * The tool calls that a text asks for: `call get_weather {"city":"Bern"} call get_time`, as far as the request offers the
 * tools. Where `tool_choice` demands a call and the text names none, the tool is called with the smallest arguments that fit.
 */
export const findCalls = (body: JsonObject, text: string): { name: string; arguments: string }[] => {
  const tools = offeredTools(body.tools);
  const choice = body.tool_choice;
  if (tools.size === 0 || choice === 'none') return [];
  const named = isObject(choice) && isObject(choice.function) ? choice.function.name : undefined;
  const wanted = askedFor(text, (name) => tools.has(name) && (named === undefined || name === named));
  if (wanted.length === 0 && (choice === 'required' || named !== undefined)) {
    const name = typeof named === 'string' && tools.has(named) ? named : [...tools.keys()][0];
    if (name !== undefined) wanted.push({ name, arguments: JSON.stringify(minimalInstance(tools.get(name) ?? {})) });
  }
  return body.parallel_tool_calls === false ? wanted.slice(0, 1) : wanted;
};

/** Names and the schemas of their arguments. */
const offeredTools = (tools: JsonValue | undefined): Map<string, JsonValue> => {
  const offered = new Map<string, JsonValue>();
  for (const tool of Array.isArray(tools) ? tools : []) {
    const described = isObject(tool) ? tool.function : undefined;
    if (isObject(described) && typeof described.name === 'string')
      offered.set(described.name, described.parameters ?? { type: 'object' });
  }
  return offered;
};

const askedFor = (text: string, isOffered: (name: string) => boolean): { name: string; arguments: string }[] => {
  const calls: { name: string; arguments: string }[] = [];
  const pattern = /\bcall\s+([\w.-]+)\s*/g;
  for (let match = pattern.exec(text); match !== null && calls.length < MOST_CALLS; match = pattern.exec(text)) {
    const name = match[1] ?? '';
    if (!isOffered(name)) continue;
    if (text[pattern.lastIndex] !== '{') {
      calls.push({ name, arguments: '{}' });
      continue;
    }
    const end = endOfObject(text, pattern.lastIndex);
    // An object that never ends reaches to the end of the text: nothing can come after it.
    if (end === undefined) break;
    calls.push({ name, arguments: text.slice(pattern.lastIndex, end) });
    pattern.lastIndex = end;
  }
  return calls;
};

/** The place after the brace that closes the one at `start`; braces in JSON strings don't count. */
const endOfObject = (text: string, start: number): number | undefined => {
  let depth = 0;
  let inString = false;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{') depth += 1;
    else if (character === '}') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
};
