import { MAX_NAME_LENGTH, MAX_TOOLS } from '../../contract/bounds.ts';
import type { JsonObject, JsonValue, Tool, ToolChoice } from '../../core/conversation.ts';
import {
  fail,
  got,
  optional,
  present,
  readArray,
  readBoolean,
  readObject,
  readOneOf,
  readString,
} from '../../core/read-json.ts';
import { decodeCachePoint } from './decode-parts.ts';
import type { Findings } from './findings.ts';

/** Reads `tools` and `tool_choice`. `allowed_tools` becomes the tools that it allows: to the model the others are not there. */
export const decodeTools = (body: JsonObject, findings: Findings): { tools: Tool[]; toolChoice?: ToolChoice } => {
  const tools =
    optional(body['tools'], (value) =>
      readArray(value, 'tools', { max: MAX_TOOLS }).map((tool, index) => decodeTool(tool, `tools[${index}]`, findings)),
    ) ?? [];
  const value = body['tool_choice'];
  if (value === undefined || value === null) return { tools };
  const choice = typeof value === 'string' ? undefined : readObject(value, 'tool_choice');
  if (choice?.['type'] === 'allowed_tools') return decodeAllowed(choice, tools);
  const toolChoice = choice === undefined ? decodeMode(value) : decodeNamed(choice, tools);
  if (tools.length > 0) return { tools, toolChoice };
  if (toolChoice.type === 'auto' || toolChoice.type === 'none') return { tools };
  return fail('tool_choice', 'tool_choice: asks for a tool call, but "tools" is empty; send the tools as well');
};

const decodeTool = (value: JsonValue, param: string, findings: Findings): Tool => {
  const tool = readObject(value, param);
  const type = readOneOf(tool['type'], `${param}.type`, ['function', 'custom']);
  const inner = `${param}.${type}`;
  const definition = readObject(tool[type], inner);
  const name = readString(definition['name'], `${inner}.name`, { min: 1, max: MAX_NAME_LENGTH });
  const description = optional(definition['description'], (field) => readString(field, `${inner}.description`));
  if (type === 'custom') {
    // Its format is a grammar, for which no other dialect has words; kept here so that its size is counted.
    findings.bound ??= `a custom tool (${param})`;
    return { name, ...present('description', description), parameters: definition };
  }
  return {
    name,
    ...present('description', description),
    ...present(
      'parameters',
      optional(definition['parameters'], (field) => readObject(field, `${inner}.parameters`)),
    ),
    ...present(
      'strict',
      optional(definition['strict'], (field) => readBoolean(field, `${inner}.strict`)),
    ),
    ...present('cache', decodeCachePoint(tool)),
  };
};

const CHOICES = '"none", "auto", "required" or {"type":"function","function":{"name":…}}';

const decodeMode = (value: JsonValue): ToolChoice => {
  if (value === 'none' || value === 'auto' || value === 'required') return { type: value };
  return fail('tool_choice', `tool_choice: expected ${CHOICES}, got ${got(value)}`);
};

const decodeNamed = (choice: JsonObject, tools: readonly Tool[]): ToolChoice => {
  const { type } = choice;
  if (type !== 'function' && type !== 'custom')
    return fail(
      'tool_choice.type',
      `tool_choice.type: expected "function", "custom" or "allowed_tools", got ${got(type)}`,
    );
  const param = `tool_choice.${type}`;
  const name = readString(readObject(choice[type], param)['name'], `${param}.name`, { min: 1, max: MAX_NAME_LENGTH });
  return { type: 'tool', name: known(name, tools, `${param}.name`) };
};

const decodeAllowed = (choice: JsonObject, tools: Tool[]): { tools: Tool[]; toolChoice: ToolChoice } => {
  const param = 'tool_choice.allowed_tools';
  const allowed = readObject(choice['allowed_tools'], param);
  const mode = readOneOf(allowed['mode'], `${param}.mode`, ['auto', 'required']);
  const names = new Set(
    readArray(allowed['tools'], `${param}.tools`, { min: 1, max: MAX_TOOLS }).map((value, index) => {
      const inner = `${param}.tools[${index}]`;
      const tool = readObject(value, inner);
      const type = readOneOf(tool['type'], `${inner}.type`, ['function', 'custom']);
      const name = readString(readObject(tool[type], `${inner}.${type}`)['name'], `${inner}.${type}.name`);
      return known(name, tools, `${inner}.${type}.name`);
    }),
  );
  return { tools: tools.filter(({ name }) => names.has(name)), toolChoice: { type: mode } };
};

const known = (name: string, tools: readonly Tool[], param: string): string => {
  if (tools.some((tool) => tool.name === name)) return name;
  const names = tools.slice(0, 10).map((tool) => got(tool.name));
  return fail(
    param,
    `${param}: expected the name of one of the ${tools.length} tools (${names.join(', ')}), got ${got(name)}`,
  );
};
