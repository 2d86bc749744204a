import { MAX_NAME_LENGTH, MAX_TOOL_USES, MAX_TOOLS } from '../../contract/bounds.ts';
import type { Conversation, JsonObject, JsonValue, Tool } from '../../core/conversation.ts';
import {
  fail,
  got,
  optional,
  present,
  readArray,
  readBoolean,
  readNumber,
  readObject,
  readOneOf,
  readString,
} from '../../core/read-json.ts';
import { readCache } from './decode-content.ts';
import type { Notes } from './notes.ts';

interface ReadTool {
  tool: Tool;
  /** Whether it stands for tools whose names are not in the body. */
  isSet: boolean;
}

/** Tools of Anthropic's own that the client runs itself, by the beginning of their type: no fee beyond the tokens. */
const CLIENT_RUN = ['bash_', 'text_editor_', 'computer_', 'memory_', 'browser_toolset_'];

/** Those that Anthropic runs and whose uses a request can bound. Searches have a fee; what both bring in is input. */
const SEARCHES = [
  { prefix: 'web_search_', tool: 'web-search', bound: 'web_search' },
  { prefix: 'web_fetch_', tool: 'web-fetch', bound: 'web_fetch' },
] as const;

/** Anthropic's rule for names; OpenAI's and Bedrock's differ only in the length. */
const NAME = /^[a-zA-Z0-9_-]{1,128}$/;

const CLIENT_FIELDS = new Set(['type', 'name', 'description', 'input_schema', 'strict', 'cache_control']);

export const readTools = (value: JsonValue, notes: Notes): ReadTool[] => {
  const tools = readArray(value, 'tools', { max: MAX_TOOLS }).map((tool, index) =>
    readTool(readObject(tool, `tools[${index}]`), `tools[${index}]`, notes),
  );
  const names = new Set<string>();
  for (const [index, { tool }] of tools.entries()) {
    if (names.has(tool.name)) fail(`tools[${index}].name`, `tools[${index}].name: ${got(tool.name)} is there twice`);
    names.add(tool.name);
  }
  return tools;
};

const readTool = (tool: JsonObject, param: string, notes: Notes): ReadTool => {
  const type = optional(tool.type, (value) => readString(value, `${param}.type`, { min: 1, max: MAX_NAME_LENGTH }));
  if (type !== undefined && type !== 'custom') return readVendorTool(tool, type, param, notes);
  const name = readString(tool.name, `${param}.name`, { min: 1, max: MAX_NAME_LENGTH });
  if (!NAME.test(name))
    fail(`${param}.name`, `${param}.name: expected letters, digits, "_" and "-", at most 128, got ${got(name)}`);
  const schema = readObject(tool.input_schema, `${param}.input_schema`);
  readOneOf(schema.type, `${param}.input_schema.type`, ['object']);
  for (const field of Object.keys(tool)) if (!CLIENT_FIELDS.has(field)) notes.lose(`tools.${field}`);
  return {
    isSet: false,
    tool: {
      name,
      ...present(
        'description',
        optional(tool.description, (value) => readString(value, `${param}.description`)),
      ),
      parameters: schema,
      ...present(
        'strict',
        optional(tool.strict, (value) => readBoolean(value, `${param}.strict`)),
      ),
      ...present('cache', readCache(tool.cache_control, `${param}.cache_control`)),
    },
  };
};

/** A tool that only Anthropic knows. Those that Anthropic runs cost fees, or tokens that nobody can bound from the body. */
const readVendorTool = (tool: JsonObject, type: string, param: string, notes: Notes): ReadTool => {
  notes.bind(`${param} (${got(type)})`);
  const searched = SEARCHES.find(({ prefix }) => type.startsWith(prefix));
  if (searched !== undefined) {
    const uses = optional(tool.max_uses, (value) =>
      readNumber(value, `${param}.max_uses`, { integer: true, min: 1, max: MAX_TOOL_USES }),
    );
    notes.charge(
      `tools: ${type}`,
      { kind: 'tool', tool: searched.tool, size: 'medium', ...present('uses', uses) },
      searched.bound,
    );
  } else if (!CLIENT_RUN.some((prefix) => type.startsWith(prefix))) {
    notes.charge(`tools: ${type}`, { kind: 'unpriced' }, type.replace(/_\d{8}$/, ''));
  }
  const name = optional(tool.name, (value) => readString(value, `${param}.name`, { min: 1, max: MAX_NAME_LENGTH }));
  return {
    isSet: name === undefined,
    tool: {
      name: name ?? type,
      // For the estimate of the input, which is all that this tool is used for.
      description: JSON.stringify(tool),
      ...present('cache', readCache(tool.cache_control, `${param}.cache_control`)),
    },
  };
};

type Choice = Pick<Conversation, 'toolChoice' | 'parallelToolCalls'>;

export const readToolChoice = (value: JsonValue, tools: readonly ReadTool[], notes: Notes): Choice => {
  const choice = readObject(value, 'tool_choice');
  const type = readOneOf(choice.type, 'tool_choice.type', ['auto', 'any', 'tool', 'none']);
  if (tools.length === 0 && type !== 'none')
    fail('tool_choice', `tool_choice: "${type}" needs tools, and the request has none`);
  const isSingle = optional(choice.disable_parallel_tool_use, (flag) =>
    readBoolean(flag, 'tool_choice.disable_parallel_tool_use'),
  );
  for (const field of Object.keys(choice))
    if (!['type', 'name', 'disable_parallel_tool_use'].includes(field)) notes.lose(`tool_choice.${field}`);
  const parallel = present('parallelToolCalls', isSingle === undefined ? undefined : !isSingle);
  if (type === 'any') return { toolChoice: { type: 'required' }, ...parallel };
  if (type !== 'tool') return { toolChoice: { type }, ...parallel };
  const name = readString(choice.name, 'tool_choice.name', { min: 1, max: MAX_NAME_LENGTH });
  if (!tools.some(({ tool, isSet }) => isSet || tool.name === name))
    fail('tool_choice.name', `tool_choice.name: there is no tool ${got(name)} in tools`);
  return { toolChoice: { type: 'tool', name }, ...parallel };
};
