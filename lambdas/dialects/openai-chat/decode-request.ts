import {
  MAX_CHOICES,
  MAX_NAME_LENGTH,
  MAX_OUTPUT_TOKENS,
  MAX_STOP_SEQUENCES,
  MAX_TURNS,
} from '../../contract/bounds.ts';
import type { Conversation, JsonObject, JsonValue, OutputFormat } from '../../core/conversation.ts';
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
import { isCostBearing, readCosts } from './cost-bearing.ts';
import { decodeFunctions } from './decode-legacy.ts';
import { decodeMessages } from './decode-messages.ts';
import { decodeTools } from './decode-tools.ts';
import { createFindings } from './findings.ts';

/** Fields that `Conversation` holds. */
const CANONICAL = new Set([
  'model',
  'messages',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'max_tokens',
  'max_completion_tokens',
  'stop',
  'n',
  'seed',
  'temperature',
  'top_p',
  'presence_penalty',
  'frequency_penalty',
  'reasoning_effort',
  'stream',
  'stream_options',
  'user',
  'logprobs',
  'top_logprobs',
  'functions',
  'function_call',
]);

/** Reads a body of `POST /v1/chat/completions`. What the client said never stands in a problem's message. */
export const decodeRequest = (body: JsonValue): Decoded<Conversation> => decoding(() => readRequest(body));

const readRequest = (value: JsonValue): Conversation => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail(
      null,
      `the body must be a JSON object, got ${Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`}`,
    );
  const body = value;
  const findings = createFindings();
  const model = readString(body['model'], 'model', { min: 1, max: MAX_NAME_LENGTH });
  const { tools, toolChoice } = decodeTools(body, findings);
  tools.push(...decodeFunctions(body, findings));
  const stream = optional(body['stream'], (field) => readBoolean(field, 'stream')) ?? false;
  const turns = decodeMessages(readArray(body['messages'], 'messages', { min: 1, max: MAX_TURNS }), findings);
  const topK = readTopK(body['top_k']);
  const others = Object.keys(body).filter((name) => !CANONICAL.has(name) && isSet(body[name]));
  const costs = readCosts(body, others, 'openai-chat', findings.audioInput);
  return {
    model,
    turns,
    tools,
    ...present('toolChoice', toolChoice),
    ...present(
      'parallelToolCalls',
      optional(body['parallel_tool_calls'], (field) => readBoolean(field, 'parallel_tool_calls')),
    ),
    ...present('format', optional(body['response_format'], readFormat)),
    ...present('maxOutputTokens', readLimit(body)),
    ...present('stopSequences', optional(body['stop'], readStop)),
    ...present('temperature', readNumberField(body, 'temperature', { min: 0, max: 2 })),
    ...present('topP', readNumberField(body, 'top_p', { min: 0, max: 1 })),
    ...present('topK', topK),
    ...present('seed', readNumberField(body, 'seed', { integer: true })),
    ...present('presencePenalty', readNumberField(body, 'presence_penalty', { min: -2, max: 2 })),
    ...present('frequencyPenalty', readNumberField(body, 'frequency_penalty', { min: -2, max: 2 })),
    ...present('reasoning', optional(body['reasoning_effort'], readEffort)),
    choices: readNumberField(body, 'n', { integer: true, min: 1, max: MAX_CHOICES }) ?? 1,
    ...present('logprobs', readLogprobs(body)),
    stream,
    streamUsage: stream && (optional(body['stream_options'], readIncludeUsage) ?? false),
    ...present(
      'user',
      optional(body['user'], (field) => readString(field, 'user', { max: MAX_NAME_LENGTH })),
    ),
    sameDialectOnly: [
      ...others.filter((name) => !isCostBearing(name) && !(name === 'top_k' && topK !== undefined)),
      ...costs.dispensable,
      ...findings.sameDialectOnly,
    ],
    ...present(
      'boundTo',
      findings.bound === undefined ? undefined : { dialect: 'openai-chat' as const, what: findings.bound },
    ),
    ...(body['store'] === true && { storedIn: 'openai-chat' }),
    costBearing: costs.costBearing,
  };
};

/** SDKs write null for "not set". */
const isSet = (value: JsonValue | undefined): boolean => value !== undefined && value !== null;

const readNumberField = (
  body: JsonObject,
  name: string,
  bounds: { min?: number; max?: number; integer?: boolean },
): number | undefined => optional(body[name], (field) => readNumber(field, name, bounds));

const readLimit = (body: JsonObject): number | undefined => {
  const bounds = { integer: true, min: 1, max: MAX_OUTPUT_TOKENS };
  const newLimit = readNumberField(body, 'max_completion_tokens', bounds);
  const oldLimit = readNumberField(body, 'max_tokens', bounds);
  if (newLimit !== undefined && oldLimit !== undefined && newLimit !== oldLimit)
    fail('max_tokens', `max_tokens: got ${oldLimit} beside max_completion_tokens ${newLimit}; send one of the two`);
  return newLimit ?? oldLimit;
};

/** Not OpenAI's own; vLLM and others take it, with -1 or 0 for "off". Anything else that is no count stays the vendor's business. */
const readTopK = (value: JsonValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 ? value : undefined;

const readStop = (value: JsonValue): string[] | undefined => {
  if (typeof value === 'string') return [readStopSequence(value, 'stop')];
  if (!Array.isArray(value)) return fail('stop', `stop: expected a string or an array of strings, got ${got(value)}`);
  const sequences = readArray(value, 'stop', { max: MAX_STOP_SEQUENCES });
  return sequences.length === 0 ? undefined : sequences.map((one, index) => readStopSequence(one, `stop[${index}]`));
};

const readStopSequence = (value: JsonValue, param: string): string => {
  if (typeof value !== 'string') return fail(param, `${param}: expected a string, got ${got(value)}`);
  return value === '' ? fail(param, `${param}: expected a string of at least 1 character, got an empty one`) : value;
};

/** @returns undefined where none are asked for, whatever `top_logprobs` says then */
const readLogprobs = (body: JsonObject): Conversation['logprobs'] => {
  const isAsked = optional(body['logprobs'], (field) => readBoolean(field, 'logprobs'));
  const top = readNumberField(body, 'top_logprobs', { integer: true, min: 0, max: MOST_TOP_LOGPROBS });
  return isAsked === true ? { top: top ?? 0 } : undefined;
};

/** OpenAI's bound. */
const MOST_TOP_LOGPROBS = 20;

const readEffort = (value: JsonValue): NonNullable<Conversation['reasoning']> => ({
  effort: readOneOf(value, 'reasoning_effort', ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']),
});

const readIncludeUsage = (value: JsonValue): boolean | undefined =>
  optional(readObject(value, 'stream_options')['include_usage'], (field) =>
    readBoolean(field, 'stream_options.include_usage'),
  );

const readFormat = (value: JsonValue): OutputFormat => {
  const format = readObject(value, 'response_format');
  const type = readOneOf(format['type'], 'response_format.type', ['text', 'json_object', 'json_schema']);
  if (type === 'text') return { type: 'text' };
  if (type === 'json_object') return { type: 'json' };
  const param = 'response_format.json_schema';
  const schema = readObject(format['json_schema'], param);
  return {
    type: 'json-schema',
    name: readString(schema['name'], `${param}.name`, { min: 1, max: MAX_NAME_LENGTH }),
    ...present(
      'description',
      optional(schema['description'], (field) => readString(field, `${param}.description`)),
    ),
    schema: readObject(schema['schema'], `${param}.schema`),
    ...present(
      'strict',
      optional(schema['strict'], (field) => readBoolean(field, `${param}.strict`)),
    ),
  };
};
