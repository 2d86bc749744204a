import type {
  Charge,
  Conversation,
  CostBearing,
  JsonObject,
  JsonValue,
  OutputFormat,
  ReasoningEffort,
  Tool,
  ToolChoice,
  Turn,
} from '../../core/conversation.ts';
import type { Decoded } from '../../core/dialect.ts';
import {
  decoding,
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
import { MAX_ITEMS, readAssistantParts, readCachePoint, readTextParts, readUserParts } from './decode-content.ts';
import { toolNameOf } from './fit-names.ts';
import { serviceOf } from './usage.ts';
import { parseObject } from './wire.ts';

const readTurn = (value: JsonValue, param: string): Turn => {
  const message = readObject(value, param);
  const role = readOneOf(message.role, `${param}.role`, ['user', 'assistant', 'system']);
  const content = `${param}.content`;
  switch (role) {
    case 'user':
      return { role, parts: readUserParts(message.content, content) };
    case 'assistant':
      return { role, parts: readAssistantParts(message.content, content) };
    case 'system':
      return { role, parts: readTextParts(message.content, content) };
    default:
      return role satisfies never;
  }
};

const readTool = (spec: JsonObject, param: string): Tool => ({
  name: toolNameOf(readString(spec.name, `${param}.name`, { min: 1 })),
  ...present(
    'description',
    optional(spec.description, (text) => readString(text, `${param}.description`)),
  ),
  parameters: readObject(readObject(spec.inputSchema, `${param}.inputSchema`).json, `${param}.inputSchema.json`),
  ...present(
    'strict',
    optional(spec.strict, (strict) => readBoolean(strict, `${param}.strict`)),
  ),
});

/** `toolConfig.tools`; the vendor's own tools bill by use and are named as cost-bearing. */
const readTools = (config: JsonObject | undefined): { tools: Tool[]; costBearing: CostBearing[] } => {
  const tools: Tool[] = [];
  const costBearing: CostBearing[] = [];
  if (config === undefined) return { tools, costBearing };
  for (const [index, item] of readArray(config.tools, 'toolConfig.tools', { max: MAX_ITEMS }).entries()) {
    const at = `toolConfig.tools[${index}]`;
    const entry = readObject(item, at);
    if (entry.toolSpec !== undefined)
      tools.push(readTool(readObject(entry.toolSpec, `${at}.toolSpec`), `${at}.toolSpec`));
    else if (entry.systemTool !== undefined)
      costBearing.push(costOf(`${at}.systemTool`, 'systemTool', { kind: 'unpriced' }));
    else if (entry.cachePoint !== undefined)
      Object.assign(tools.at(-1) ?? {}, { cache: readCachePoint(entry.cachePoint, `${at}.cachePoint`) });
    else fail(at, `${at}: expected toolSpec, systemTool or cachePoint, got ${got(Object.keys(entry)[0])}`);
  }
  return { tools, costBearing };
};

const readToolChoice = (value: JsonValue): ToolChoice => {
  const choice = readObject(value, 'toolConfig.toolChoice');
  if (choice.tool !== undefined) {
    const tool = readObject(choice.tool, 'toolConfig.toolChoice.tool');
    return { type: 'tool', name: toolNameOf(readString(tool.name, 'toolConfig.toolChoice.tool.name')) };
  }
  if (choice.any !== undefined) return { type: 'required' };
  return choice.auto !== undefined
    ? { type: 'auto' }
    : fail(
        'toolConfig.toolChoice',
        `toolConfig.toolChoice: expected auto, any or tool, got ${got(Object.keys(choice)[0])}`,
      );
};

const readFormat = (value: JsonValue): OutputFormat => {
  const param = 'outputConfig.textFormat';
  const format = readObject(value, param);
  readOneOf(format.type, `${param}.type`, ['json_schema']);
  const at = `${param}.structure.jsonSchema`;
  const definition = readObject(readObject(format.structure, `${param}.structure`).jsonSchema, at);
  const schema = parseObject(readString(definition.schema, `${at}.schema`));
  return {
    type: 'json-schema',
    name: optional(definition.name, (name) => readString(name, `${at}.name`)) ?? 'answer',
    ...present(
      'description',
      optional(definition.description, (text) => readString(text, `${at}.description`)),
    ),
    schema: schema ?? fail(`${at}.schema`, `${at}.schema: expected a JSON Schema as text, got no JSON object`),
  };
};

const EFFORTS: Record<string, ReasoningEffort> = {
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
};

const readEffort = (value: JsonValue, param: string): ReasoningEffort =>
  EFFORTS[readOneOf(value, param, ['low', 'medium', 'high', 'xhigh', 'max'])] ?? 'medium';

/** What Claude, Nova and gpt-oss read from additionalModelRequestFields that a conversation can hold. */
const readExtra = (extra: JsonObject, effortWord: JsonValue | undefined): Partial<Conversation> => {
  const param = 'additionalModelRequestFields';
  const thinking = optional(extra.thinking, (value) => readObject(value, `${param}.thinking`));
  const nova = optional(extra.reasoningConfig, (value) => readObject(value, `${param}.reasoningConfig`));
  const toolChoice = optional(extra.tool_choice, (value) => readObject(value, `${param}.tool_choice`));
  const topK =
    extra.top_k ?? optional(extra.inferenceConfig, (value) => readObject(value, `${param}.inferenceConfig`))?.topK;
  const budgetTokens = optional(thinking?.budget_tokens, (value) =>
    readNumber(value, `${param}.thinking.budget_tokens`, { min: 1, integer: true }),
  );
  const effort =
    optional(effortWord, (value) => readEffort(value, 'outputConfig.effort')) ??
    optional(extra.reasoning_effort, (value) => readEffort(value, `${param}.reasoning_effort`)) ??
    optional(nova?.maxReasoningEffort, (value) => readEffort(value, `${param}.reasoningConfig.maxReasoningEffort`)) ??
    (thinking?.type === 'disabled' ? 'none' : undefined);
  return {
    ...present(
      'topK',
      optional(topK, (value) => readNumber(value, `${param}.top_k`, { min: 0, integer: true })),
    ),
    ...((budgetTokens !== undefined || effort !== undefined) && {
      reasoning: { ...present('effort', effort), ...present('budgetTokens', budgetTokens) },
    }),
    ...(toolChoice?.disable_parallel_tool_use === true && { parallelToolCalls: false }),
  };
};

const readInference = (config: JsonObject): Partial<Conversation> => {
  const number = (name: string, bounds: Parameters<typeof readNumber>[2]): number | undefined =>
    optional(config[name], (value) => readNumber(value, `inferenceConfig.${name}`, bounds));
  const stops = optional(config.stopSequences, (value) =>
    readArray(value, 'inferenceConfig.stopSequences', { max: MAX_ITEMS }).map((stop, index) =>
      readString(stop, `inferenceConfig.stopSequences[${index}]`, { min: 1 }),
    ),
  );
  return {
    ...present('maxOutputTokens', number('maxTokens', { min: 1, integer: true })),
    ...present('temperature', number('temperature', { min: 0, max: 1 })),
    ...present('topP', number('topP', { min: 0, max: 1 })),
    ...(stops !== undefined && stops.length > 0 && { stopSequences: stops }),
  };
};

const CARRIED = new Set([
  'modelId',
  'messages',
  'system',
  'inferenceConfig',
  'toolConfig',
  'outputConfig',
  'additionalModelRequestFields',
  // What Claude is asked to tell of its stop; asked for again where the answer is for Claude.
  'additionalModelResponseFieldPaths',
  'serviceTier',
  'performanceConfig',
]);

/** Fields that choose a dearer (or cheaper) way of serving. `reserved` is prepaid. */
const readCostBearing = (body: JsonObject): CostBearing[] => {
  const tier = optional(body.serviceTier, (value) => readObject(value, 'serviceTier'))?.type;
  const latency = optional(body.performanceConfig, (value) => readObject(value, 'performanceConfig'))?.latency;
  const service = serviceOf(tier);
  return [
    ...(tier === undefined || service === 'standard'
      ? []
      : [
          costOf(
            'serviceTier',
            'serviceTier',
            service === undefined ? { kind: 'unpriced' } : { kind: 'service', service },
          ),
        ]),
    ...(latency === undefined || latency === 'standard'
      ? []
      : [costOf('performanceConfig', 'performanceConfig', { kind: 'unpriced' })]),
  ];
};

const costOf = (field: string, bound: string, charge: Charge): CostBearing => ({
  field,
  bound,
  dialect: 'bedrock-converse',
  isDispensable: bound === 'serviceTier',
  ...charge,
});

/** Reads a Converse body in its JSON form. The model is in the path, so it is '' unless the body carries `modelId` as the SDKs' input does. */
export const decodeRequest = (body: JsonValue): Decoded<Conversation> =>
  decoding(() => {
    const request = readObject(body, 'body');
    const config = optional(request.toolConfig, (value) => readObject(value, 'toolConfig'));
    const output = optional(request.outputConfig, (value) => readObject(value, 'outputConfig')) ?? {};
    const extra =
      optional(request.additionalModelRequestFields, (value) => readObject(value, 'additionalModelRequestFields')) ??
      {};
    const system = readTextParts(request.system ?? [], 'system');
    const turns = readArray(request.messages, 'messages', { min: 1, max: MAX_ITEMS });
    const { tools, costBearing } = readTools(config);
    return {
      model: optional(request.modelId, (value) => readString(value, 'modelId')) ?? '',
      turns: [
        ...(system.length > 0 ? [{ role: 'system', parts: system } as const] : []),
        ...turns.map((turn, index) => readTurn(turn, `messages[${index}]`)),
      ],
      tools,
      ...present('toolChoice', optional(config?.toolChoice, readToolChoice)),
      ...present('format', optional(output.textFormat, readFormat)),
      ...readInference(optional(request.inferenceConfig, (value) => readObject(value, 'inferenceConfig')) ?? {}),
      ...readExtra(extra, output.effort),
      choices: 1,
      stream: false,
      streamUsage: true,
      sameDialectOnly: Object.keys(request).filter((name) => !CARRIED.has(name)),
      costBearing: [...costBearing, ...readCostBearing(request)],
    };
  });
