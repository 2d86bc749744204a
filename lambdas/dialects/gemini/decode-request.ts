import type {
  Conversation,
  CostBearing,
  JsonObject,
  JsonValue,
  OutputFormat,
  ReasoningEffort,
  Turn,
} from '../../core/conversation.ts';
import type { Decoded } from '../../core/dialect.ts';
import {
  decoding,
  optional,
  present,
  readArray,
  readNumber,
  readObject,
  readOneOf,
  readString,
} from '../../core/read-json.ts';
import { type CallPairs, fieldOf, MAX_ITEMS, makeCallPairs, readModelPart, readUserPart } from './decode-parts.ts';
import { readTools } from './decode-tools.ts';
import { readOpenApiSchema } from './fit-schema.ts';
import { serviceOf } from './usage.ts';

const readTurn = (value: JsonValue, param: string, pairs: CallPairs): Turn => {
  const content = readObject(value, param);
  const role = optional(content['role'], (word) => readOneOf(word, `${param}.role`, ['user', 'model', 'function', '']));
  const parts = optional(content['parts'], (list) => readArray(list, `${param}.parts`, { max: MAX_ITEMS })) ?? [];
  return role === 'model'
    ? { role: 'assistant', parts: parts.map((part, index) => readModelPart(part, `${param}.parts[${index}]`, pairs)) }
    : { role: 'user', parts: parts.map((part, index) => readUserPart(part, `${param}.parts[${index}]`, pairs)) };
};

const readSystem = (value: JsonValue): Turn[] => {
  const parts = readArray(readObject(value, 'systemInstruction')['parts'], 'systemInstruction.parts', {
    max: MAX_ITEMS,
  });
  const texts = parts.map((part, index) => {
    const at = `systemInstruction.parts[${index}]`;
    return { type: 'text' as const, text: readString(readObject(part, at)['text'], `${at}.text`) };
  });
  return texts.length === 0 ? [] : [{ role: 'system', parts: texts }];
};

const CONFIG = 'generationConfig';

const readFormat = (config: JsonObject): OutputFormat | undefined => {
  const type = optional(fieldOf(config, 'responseMimeType'), (word) => readString(word, `${CONFIG}.responseMimeType`));
  const jsonSchema = optional(fieldOf(config, 'responseJsonSchema'), (value) =>
    readObject(value, `${CONFIG}.responseJsonSchema`),
  );
  const openApi = optional(fieldOf(config, 'responseSchema'), (value) => readObject(value, `${CONFIG}.responseSchema`));
  const schema = jsonSchema ?? (openApi && readOpenApiSchema(openApi));
  if (schema === undefined) return type === 'application/json' ? { type: 'json' } : undefined;
  const title = schema['title'];
  const name = typeof title === 'string' && /^[\w-]{1,64}$/.test(title) ? title : 'answer';
  return { type: 'json-schema', name, schema };
};

const EFFORTS: Record<string, ReasoningEffort> = { minimal: 'minimal', low: 'low', medium: 'medium', high: 'high' };

/** A budget of -1, and thoughts that are only to be shown, leave it to the model: nothing is asked of it. */
const readReasoning = (config: JsonObject): Conversation['reasoning'] => {
  const thinking = optional(fieldOf(config, 'thinkingConfig'), (value) =>
    readObject(value, `${CONFIG}.thinkingConfig`),
  );
  if (thinking === undefined) return undefined;
  const level = optional(fieldOf(thinking, 'thinkingLevel'), (word) => readString(word, `${CONFIG}.thinkingLevel`));
  const effort = level === undefined ? undefined : EFFORTS[level.toLowerCase()];
  const budget = optional(fieldOf(thinking, 'thinkingBudget'), (value) =>
    readNumber(value, `${CONFIG}.thinkingConfig.thinkingBudget`, { min: -1, integer: true }),
  );
  if (budget === 0) return { effort: 'none' };
  if (budget !== undefined && budget > 0) return { budgetTokens: budget };
  return effort === undefined ? undefined : { effort };
};

const NUMBERS = [
  ['temperature', 'temperature'],
  ['topP', 'topP'],
  ['topK', 'topK'],
  ['seed', 'seed'],
  ['presencePenalty', 'presencePenalty'],
  ['frequencyPenalty', 'frequencyPenalty'],
  ['maxOutputTokens', 'maxOutputTokens'],
] as const;

const readConfig = (config: JsonObject): Partial<Conversation> => {
  const numbers: Partial<Conversation> = {};
  for (const [field, name] of NUMBERS) {
    const value = optional(fieldOf(config, field), (one) => readNumber(one, `${CONFIG}.${field}`, {}));
    if (value !== undefined) numbers[name] = value;
  }
  const stops = optional(fieldOf(config, 'stopSequences'), (value) =>
    readArray(value, `${CONFIG}.stopSequences`, { max: MAX_ITEMS }).map((stop, index) =>
      readString(stop, `${CONFIG}.stopSequences[${index}]`),
    ),
  );
  const top = optional(config['logprobs'], (value) =>
    readNumber(value, `${CONFIG}.logprobs`, { min: 0, integer: true }),
  );
  return {
    ...numbers,
    ...(stops !== undefined && stops.length > 0 && { stopSequences: stops }),
    ...present('format', readFormat(config)),
    ...present('reasoning', readReasoning(config)),
    ...(fieldOf(config, 'responseLogprobs') === true && { logprobs: { top: top ?? 0 } }),
  };
};

const CARRIED = new Set([
  'model',
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'generationConfig',
  'serviceTier',
]);

const camelCase = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** What chooses another way of serving, or an answer that is more than text. */
const readCostBearing = (body: JsonObject, config: JsonObject): CostBearing[] => {
  const tier = optional(fieldOf(body, 'serviceTier'), (word) => readString(word, 'serviceTier'));
  const service = serviceOf(tier);
  const modalities = optional(fieldOf(config, 'responseModalities'), (value) =>
    readArray(value, `${CONFIG}.responseModalities`, { max: MAX_ITEMS }),
  );
  const costs: CostBearing[] = [];
  if (tier !== undefined && service !== 'standard')
    costs.push({
      field: 'serviceTier',
      bound: 'serviceTier',
      dialect: 'gemini',
      isDispensable: true,
      ...(service === undefined ? { kind: 'unpriced' } : { kind: 'service', service }),
    });
  for (const modality of modalities ?? []) {
    if (modality === 'TEXT') continue;
    costs.push({
      field: `${CONFIG}.responseModalities`,
      bound: 'responseModalities',
      dialect: 'gemini',
      isDispensable: false,
      kind: modality === 'AUDIO' ? 'audio' : 'unpriced',
    });
  }
  return costs;
};

/** Reads a body of generateContent. The model is in the path, so it is '' unless the body carries it as the SDKs' input does. */
export const decodeRequest = (body: JsonValue): Decoded<Conversation> =>
  decoding(() => {
    const request = readObject(body, 'body');
    const config = optional(fieldOf(request, CONFIG), (value) => readObject(value, CONFIG)) ?? {};
    const contents = readArray(request['contents'], 'contents', { min: 1, max: MAX_ITEMS });
    const pairs = makeCallPairs();
    const { tools, toolChoice, costBearing } = readTools(request);
    const candidates = optional(fieldOf(config, 'candidateCount'), (value) =>
      readNumber(value, `${CONFIG}.candidateCount`, { min: 1, integer: true }),
    );
    return {
      model: optional(request['model'], (value) => readString(value, 'model')) ?? '',
      turns: [
        ...(optional(fieldOf(request, 'systemInstruction'), readSystem) ?? []),
        ...contents.map((content, index) => readTurn(content, `contents[${index}]`, pairs)),
      ],
      tools,
      ...present('toolChoice', toolChoice),
      ...readConfig(config),
      choices: candidates ?? 1,
      stream: false,
      streamUsage: true,
      sameDialectOnly: Object.keys(request).filter((name) => !CARRIED.has(camelCase(name))),
      costBearing: [...costBearing, ...readCostBearing(request, config)],
    };
  });
