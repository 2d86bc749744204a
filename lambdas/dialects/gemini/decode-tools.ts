import type { CostBearing, JsonObject, JsonValue, Tool, ToolChoice } from '../../core/conversation.ts';
import { optional, present, readArray, readObject, readOneOf, readString } from '../../core/read-json.ts';
import { fieldOf, MAX_ITEMS } from './decode-parts.ts';
import { readOpenApiSchema } from './fit-schema.ts';

const readFunction = (value: JsonValue, param: string): Tool => {
  const declared = readObject(value, param);
  const description = optional(declared['description'], (text) => readString(text, `${param}.description`));
  const jsonSchema = optional(fieldOf(declared, 'parametersJsonSchema'), (schema) =>
    readObject(schema, `${param}.parametersJsonSchema`),
  );
  const openApi = optional(declared['parameters'], (schema) => readObject(schema, `${param}.parameters`));
  return {
    name: readString(declared['name'], `${param}.name`, { min: 1 }),
    ...(description !== undefined && description !== '' && { description }),
    ...present('parameters', jsonSchema ?? (openApi && readOpenApiSchema(openApi))),
  };
};

/** Google's own tools that search or read the web; all others have no price by use. */
const chargeOf = (
  name: string,
): Pick<CostBearing & { kind: 'tool' }, 'kind' | 'tool' | 'size'> | { kind: 'unpriced' } => {
  switch (name) {
    case 'googleSearch':
    case 'google_search':
    case 'googleSearchRetrieval':
    case 'google_search_retrieval':
      return { kind: 'tool', tool: 'web-search', size: 'medium' };
    case 'urlContext':
    case 'url_context':
      return { kind: 'tool', tool: 'web-fetch', size: 'medium' };
    default:
      return { kind: 'unpriced' };
  }
};

export interface DecodedTools {
  tools: Tool[];
  toolChoice?: ToolChoice;
  costBearing: CostBearing[];
}

/** `tools` and `toolConfig`. Functions that a call may not be of (`allowedFunctionNames`) are left out: they can't be called. */
export const readTools = (body: JsonObject): DecodedTools => {
  const entries = optional(body['tools'], (value) => readArray(value, 'tools', { max: MAX_ITEMS })) ?? [];
  const tools: Tool[] = [];
  const costBearing: CostBearing[] = [];
  for (const [index, value] of entries.entries()) {
    const entry = readObject(value, `tools[${index}]`);
    for (const [name, inner] of Object.entries(entry)) {
      if (name === 'functionDeclarations' || name === 'function_declarations') {
        const at = `tools[${index}].functionDeclarations`;
        const declared = readArray(inner, at, { max: MAX_ITEMS });
        tools.push(...declared.map((one, position) => readFunction(one, `${at}[${position}]`)));
      } else if (inner !== null)
        costBearing.push({
          field: `tools[${index}].${name}`,
          bound: name,
          dialect: 'gemini',
          isDispensable: false,
          ...chargeOf(name),
        });
    }
  }
  return { ...readChoice(body, tools), costBearing };
};

const readChoice = (body: JsonObject, tools: Tool[]): { tools: Tool[]; toolChoice?: ToolChoice } => {
  const config = optional(fieldOf(body, 'toolConfig'), (value) => readObject(value, 'toolConfig'));
  const at = 'toolConfig.functionCallingConfig';
  const calling = optional(config && fieldOf(config, 'functionCallingConfig'), (value) => readObject(value, at));
  if (calling === undefined) return { tools };
  const mode = optional(calling['mode'], (value) =>
    readOneOf(typeof value === 'string' ? value.toUpperCase() : value, `${at}.mode`, [
      'MODE_UNSPECIFIED',
      'AUTO',
      'ANY',
      'NONE',
      'VALIDATED',
    ]),
  );
  const names = optional(fieldOf(calling, 'allowedFunctionNames'), (value) =>
    readArray(value, `${at}.allowedFunctionNames`, { max: MAX_ITEMS }).map((name, index) =>
      readString(name, `${at}.allowedFunctionNames[${index}]`),
    ),
  );
  const allowed = names === undefined || names.length === 0 ? tools : tools.filter(({ name }) => names.includes(name));
  const [only] = names ?? [];
  switch (mode) {
    case 'NONE':
      return { tools, toolChoice: { type: 'none' } };
    case 'ANY':
      return names?.length === 1 && only !== undefined
        ? { tools, toolChoice: { type: 'tool', name: only } }
        : { tools: allowed, toolChoice: { type: 'required' } };
    case 'VALIDATED':
      return { tools: allowed.map((tool) => ({ ...tool, strict: true })), toolChoice: { type: 'auto' } };
    case 'AUTO':
      return { tools: allowed, toolChoice: { type: 'auto' } };
    case 'MODE_UNSPECIFIED':
    case undefined:
      return { tools: allowed };
    default:
      return mode satisfies never;
  }
};
