import { MAX_NAME_LENGTH, MAX_TOOL_USES, MAX_TOOLS } from '../../contract/bounds.ts';
import type { CostBearing, JsonObject, JsonValue, Tool, ToolChoice } from '../../core/conversation.ts';
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
import { decodeCachePoint } from '../openai-chat/decode-parts.ts';
import { costOfTool } from './costs.ts';
import type { Findings } from './findings.ts';

export interface Tools {
  tools: Tool[];
  toolChoice?: ToolChoice;
  costs: CostBearing[];
}

/** Reads `tools` and `tool_choice`. `allowed_tools` becomes the tools that it allows: to the model the others are not there. */
export const decodeTools = (body: JsonObject, findings: Findings): Tools => {
  const given = optional(body['tools'], (value) => readArray(value, 'tools', { max: MAX_TOOLS })) ?? [];
  const mostCalls = optional(body['max_tool_calls'], (value) =>
    readNumber(value, 'max_tool_calls', { integer: true, min: 1, max: MAX_TOOL_USES }),
  );
  const tools: Tool[] = [];
  const costs: CostBearing[] = [];
  given.forEach((value, index) => {
    const param = `tools[${index}]`;
    const tool = readObject(value, param);
    const type = readString(tool['type'], `${param}.type`, { min: 1, max: MAX_NAME_LENGTH });
    if (type === 'function') {
      tools.push(readFunction(tool, param, findings));
      return;
    }
    findings.bound ??= `the tool ${got(type)} (${param})`;
    const cost = costOfTool(tool, type, mostCalls);
    if (cost !== undefined) costs.push(cost);
    // Its definition is input too: it is kept so that its size is counted.
    tools.push({ name: typeof tool['name'] === 'string' ? tool['name'] : type, parameters: tool });
  });
  return { ...decodeChoice(body['tool_choice'], tools, findings), costs };
};

const readFunction = (tool: JsonObject, param: string, findings: Findings): Tool => {
  if (isOn(tool['defer_loading']) || isOn(tool['async']) || Array.isArray(tool['allowed_callers']))
    findings.bound ??= `a function that is called by other rules (${param})`;
  if (tool['output_schema'] !== undefined && tool['output_schema'] !== null)
    findings.sameDialectOnly.add('tools[].output_schema');
  return {
    name: readString(tool['name'], `${param}.name`, { min: 1, max: MAX_NAME_LENGTH }),
    ...present(
      'description',
      optional(tool['description'], (field) => readString(field, `${param}.description`)),
    ),
    ...present(
      'parameters',
      optional(tool['parameters'], (field) => readObject(field, `${param}.parameters`)),
    ),
    ...present(
      'strict',
      optional(tool['strict'], (field) => readBoolean(field, `${param}.strict`)),
    ),
    ...present('cache', decodeCachePoint(tool)),
  };
};

const isOn = (value: JsonValue | undefined): boolean => value === true;

const decodeChoice = (value: JsonValue | undefined, tools: Tool[], findings: Findings): Omit<Tools, 'costs'> => {
  if (value === undefined || value === null) return { tools };
  const choice = typeof value === 'string' ? undefined : readObject(value, 'tool_choice');
  if (choice?.['type'] === 'allowed_tools') return decodeAllowed(choice, tools, findings);
  const toolChoice = choice === undefined ? decodeMode(value) : decodeNamed(choice, tools, findings);
  if (tools.length > 0) return { tools, ...present('toolChoice', toolChoice) };
  if (toolChoice === undefined || toolChoice.type === 'auto' || toolChoice.type === 'none') return { tools };
  return fail('tool_choice', 'tool_choice: asks for a tool call, but "tools" is empty; send the tools as well');
};

const decodeMode = (value: JsonValue): ToolChoice =>
  value === 'none' || value === 'auto' || value === 'required'
    ? { type: value }
    : fail('tool_choice', `tool_choice: expected "none", "auto", "required" or an object, got ${got(value)}`);

/** @returns undefined for a choice among the provider's own tools, which only this dialect can say */
const decodeNamed = (choice: JsonObject, tools: readonly Tool[], findings: Findings): ToolChoice | undefined => {
  const type = readString(choice['type'], 'tool_choice.type', { min: 1, max: MAX_NAME_LENGTH });
  if (type === 'function') return { type: 'tool', name: knownName(choice, tools, 'tool_choice') };
  findings.bound ??= `the tool choice ${got(type)} (tool_choice)`;
  return undefined;
};

const decodeAllowed = (choice: JsonObject, tools: Tool[], findings: Findings): Omit<Tools, 'costs'> => {
  const mode = readOneOf(choice['mode'], 'tool_choice.mode', ['auto', 'required']);
  const allowed = readArray(choice['tools'], 'tool_choice.tools', { min: 1, max: MAX_TOOLS }).map((value, index) => {
    const param = `tool_choice.tools[${index}]`;
    const tool = readObject(value, param);
    if (tool['type'] === 'function') return knownName(tool, tools, param);
    findings.bound ??= `the tool choice ${got(tool['type'])} (${param})`;
    return undefined;
  });
  // Where it names the provider's own tools too, the target reads the client's own words; all definitions stay counted.
  if (allowed.includes(undefined)) return { tools };
  return { tools: tools.filter(({ name }) => allowed.includes(name)), toolChoice: { type: mode } };
};

const knownName = (value: JsonObject, tools: readonly Tool[], param: string): string => {
  const name = readString(value['name'], `${param}.name`, { min: 1, max: MAX_NAME_LENGTH });
  if (tools.some((tool) => tool.name === name)) return name;
  const names = tools.slice(0, 10).map((tool) => got(tool.name));
  return fail(
    `${param}.name`,
    `${param}.name: expected the name of one of the ${tools.length} tools (${names.join(', ')}), got ${got(name)}`,
  );
};
