import { MAX_NAME_LENGTH, MAX_OUTPUT_TOKENS } from '../../contract/bounds.ts';
import type { Conversation, JsonObject, JsonValue, OutputFormat, Turn } from '../../core/conversation.ts';
import type { Decoded } from '../../core/dialect.ts';
import {
  decoding,
  fail,
  optional,
  present,
  readBoolean,
  readNumber,
  readObject,
  readOneOf,
  readString,
} from '../../core/read-json.ts';
import { isCostBearing } from '../openai-chat/cost-bearing.ts';
import { kindOf, readText } from '../openai-chat/decode-parts.ts';
import { isOwnCost, readFieldCosts } from './costs.ts';
import { decodeInput } from './decode-input.ts';
import { decodeTools } from './decode-tools.ts';
import { createFindings, type Findings } from './findings.ts';

/** Fields that `Conversation` holds, or that are read here for what they hold. */
const CANONICAL = new Set([
  'model',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_tool_calls',
  'text',
  'max_output_tokens',
  'temperature',
  'top_p',
  'top_logprobs',
  'include',
  'reasoning',
  'stream',
  'stream_options',
  'user',
  'store',
  'background',
]);

/** Reads a body of `POST /v1/responses`. What the client said never stands in a problem's message. */
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
  readState(body, findings);
  const { tools, toolChoice, costs: toolCosts } = decodeTools(body, findings);
  const stream = optional(body['stream'], (field) => readBoolean(field, 'stream')) ?? false;
  const turns = readTurns(body, findings);
  const format = readTextSettings(body, findings);
  const reasoning = readReasoning(body['reasoning'], findings);
  const logprobs = readLogprobs(body, findings);
  const user = readUser(body);
  const others = Object.keys(body).filter((name) => !CANONICAL.has(name) && isSet(body[name]));
  const costs = readFieldCosts(body, others);
  return {
    model,
    turns,
    ...(findings.hasRemoteInput && { hasRemoteInput: true }),
    tools,
    ...present('toolChoice', toolChoice),
    ...present(
      'parallelToolCalls',
      optional(body['parallel_tool_calls'], (field) => readBoolean(field, 'parallel_tool_calls')),
    ),
    ...present('format', format),
    ...present(
      'maxOutputTokens',
      optional(body['max_output_tokens'], (field) =>
        readNumber(field, 'max_output_tokens', { integer: true, min: 1, max: MAX_OUTPUT_TOKENS }),
      ),
    ),
    ...present('temperature', readNumberField(body, 'temperature', 2)),
    ...present('topP', readNumberField(body, 'top_p', 1)),
    ...present('logprobs', logprobs),
    ...present('reasoning', reasoning),
    choices: 1,
    stream,
    streamUsage: stream,
    ...present('user', user),
    sameDialectOnly: [
      ...others.filter(
        (name) => !isCostBearing(name) && !isOwnCost(name) && !isUserName(body, name) && !isUsual(body, name),
      ),
      ...costs.dispensable,
      ...findings.sameDialectOnly,
    ],
    ...present(
      'boundTo',
      findings.bound === undefined ? undefined : { dialect: 'openai-responses' as const, what: findings.bound },
    ),
    // Also where the client says nothing.
    ...(body['store'] !== false && { storedIn: 'openai-responses' }),
    costBearing: [...costs.costBearing, ...toolCosts],
  };
};

/** SDKs write null for "not set". */
const isSet = (value: JsonValue | undefined): boolean => value !== undefined && value !== null;

const isUserName = (body: JsonObject, name: string): boolean => name === 'safety_identifier' && !isSet(body['user']);

/** Nothing is lost where it asks for what happens anyway. */
const isUsual = (body: JsonObject, name: string): boolean =>
  (name === 'truncation' && body[name] === 'disabled') ||
  (name === 'service_tier' && body[name] === 'default') ||
  (name === 'metadata' && Object.keys(body[name] ?? {}).length === 0);

const readNumberField = (body: JsonObject, name: string, max: number): number | undefined =>
  optional(body[name], (field) => readNumber(field, name, { min: 0, max }));

/** What is kept at the provider between requests: only one that speaks this dialect has it. */
const readState = (body: JsonObject, findings: Findings): void => {
  const background = optional(body['background'], (field) => readBoolean(field, 'background'));
  if (background === true)
    fail(
      'background',
      'background: not supported: what is answered later could be neither fetched nor metered here; leave it out',
    );
  for (const name of ['previous_response_id', 'conversation', 'prompt']) {
    if (!isSet(body[name])) continue;
    findings.bound ??= name;
    findings.hasRemoteInput = true;
  }
  const store = optional(body['store'], (field) => readBoolean(field, 'store'));
  if (store === true) findings.bound ??= 'store: true';
  // OpenAI keeps answers unless told not to; elsewhere nothing is kept, and the client hears of it.
  if (store === undefined) findings.sameDialectOnly.add('store');
};

const readTurns = (body: JsonObject, findings: Findings): Turn[] => {
  const { input } = body;
  const instructions = optional(
    body['instructions'],
    (field): Turn => ({
      role: 'system',
      parts: [{ type: 'text', text: readText(field, 'instructions') }],
    }),
  );
  if (!isSet(input) && !findings.hasRemoteInput)
    fail('input', `input: expected a string or an array of items, got ${kindOf(input)}`);
  const turns = input === undefined || input === null ? [] : decodeInput(input, findings);
  if (turns.length === 0 && instructions === undefined && !findings.hasRemoteInput)
    fail('input', 'input: expected at least 1 item, got 0');
  return instructions === undefined ? turns : [instructions, ...turns];
};

/** `text`: the format of the answer; how wordy it is to be, only this dialect can say. */
const readTextSettings = (body: JsonObject, findings: Findings): OutputFormat | undefined => {
  const text = optional(body['text'], (field) => readObject(field, 'text'));
  if (text === undefined) return undefined;
  if (isSet(text['verbosity']) && text['verbosity'] !== 'medium') findings.sameDialectOnly.add('text.verbosity');
  return optional(text['format'], readFormat);
};

const readFormat = (value: JsonValue): OutputFormat => {
  const param = 'text.format';
  const format = readObject(value, param);
  const type = readOneOf(format['type'], `${param}.type`, ['text', 'json_object', 'json_schema']);
  if (type === 'text') return { type: 'text' };
  if (type === 'json_object') return { type: 'json' };
  return {
    type: 'json-schema',
    name: readString(format['name'], `${param}.name`, { min: 1, max: MAX_NAME_LENGTH }),
    ...present(
      'description',
      optional(format['description'], (field) => readString(field, `${param}.description`)),
    ),
    schema: readObject(format['schema'], `${param}.schema`),
    ...present(
      'strict',
      optional(format['strict'], (field) => readBoolean(field, `${param}.strict`)),
    ),
  };
};

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

const readReasoning = (value: JsonValue | undefined, findings: Findings): Conversation['reasoning'] => {
  const reasoning = optional(value, (field) => readObject(field, 'reasoning'));
  if (reasoning === undefined) return undefined;
  const effort = optional(reasoning['effort'], (field) => readOneOf(field, 'reasoning.effort', EFFORTS));
  for (const name of ['summary', 'generate_summary', 'context'])
    if (isSet(reasoning[name]) && reasoning[name] !== 'auto') findings.sameDialectOnly.add(`reasoning.${name}`);
  return effort === undefined ? undefined : { effort };
};

/** What is included without asking, or has a place of its own here. */
const INCLUDED = new Set<JsonValue>(['reasoning.encrypted_content', 'message.output_text.logprobs']);

const readLogprobs = (body: JsonObject, findings: Findings): Conversation['logprobs'] => {
  const include = optional(body['include'], (field) =>
    Array.isArray(field) ? field : fail('include', `include: expected an array of strings, got ${kindOf(field)}`),
  );
  if (include?.some((one) => !INCLUDED.has(one))) findings.sameDialectOnly.add('include');
  const top = optional(body['top_logprobs'], (field) =>
    readNumber(field, 'top_logprobs', { integer: true, min: 0, max: 20 }),
  );
  const isAsked = include?.includes('message.output_text.logprobs') === true || (top !== undefined && top > 0);
  return isAsked ? { top: top ?? 0 } : undefined;
};

const readUser = (body: JsonObject): string | undefined =>
  optional(body['user'], (field) => readString(field, 'user', { max: MAX_NAME_LENGTH })) ??
  optional(body['safety_identifier'], (field) => readString(field, 'safety_identifier', { max: MAX_NAME_LENGTH }));
