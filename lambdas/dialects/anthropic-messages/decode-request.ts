import { MAX_NAME_LENGTH, MAX_OUTPUT_TOKENS, MAX_STOP_SEQUENCES } from '../../contract/bounds.ts';
import type { CachePoint, Conversation, JsonObject, JsonValue, Turn } from '../../core/conversation.ts';
import type { Decoded } from '../../core/dialect.ts';
import {
  decoding,
  fail,
  optional,
  present,
  readArray,
  readBoolean,
  readNumber,
  readObject,
  readString,
} from '../../core/read-json.ts';
import { readCache } from './decode-content.ts';
import { readOutput, readThinking } from './decode-reasoning.ts';
import { readToolChoice, readTools } from './decode-tools.ts';
import { readMessages, readSystem } from './decode-turns.ts';
import { THREAD } from './errors.ts';
import { makeNotes, type Notes } from './notes.ts';

/** Reads the body of `POST /v1/messages`. */
export const decodeRequest = (body: JsonValue): Decoded<Conversation> => decoding(() => readConversation(body));

const readConversation = (json: JsonValue): Conversation => {
  const body = readObject(json, 'body');
  const notes = makeNotes();
  refuseThread(body.thread);
  const model = readString(body.model, 'model', { min: 1, max: MAX_NAME_LENGTH });
  // Anthropic demands it; 0 only fills the prompt cache.
  const maxOutputTokens = readNumber(body.max_tokens, 'max_tokens', { min: 0, max: MAX_OUTPUT_TOKENS, integer: true });
  if (maxOutputTokens === 0) notes.bind('max_tokens of 0');
  const turns = [...readSystem(body.system, notes), ...readMessages(body.messages, notes)];
  const tools = optional(body.tools, (value) => readTools(value, notes)) ?? [];
  const choice = optional(body.tool_choice, (value) => readToolChoice(value, tools, notes));
  const output = readOutput(body, notes);
  const cache = readCache(body.cache_control, 'cache_control');
  if (cache !== undefined) markLast(turns, cache, notes);
  noteOthers(body, notes);
  return {
    model,
    turns,
    tools: tools.map(({ tool }) => tool),
    ...present('toolChoice', choice?.toolChoice),
    ...present('parallelToolCalls', choice?.parallelToolCalls),
    ...present('format', output.format),
    maxOutputTokens,
    ...present('stopSequences', optional(body.stop_sequences, readStops)),
    ...present(
      'temperature',
      optional(body.temperature, (value) => readNumber(value, 'temperature', { min: 0, max: 1 })),
    ),
    ...present(
      'topP',
      optional(body.top_p, (value) => readNumber(value, 'top_p', { min: 0, max: 1 })),
    ),
    ...present(
      'topK',
      optional(body.top_k, (value) => readNumber(value, 'top_k', { min: 0, integer: true })),
    ),
    ...present('reasoning', readThinking(body.thinking, output.effort, notes)),
    choices: 1,
    stream: optional(body.stream, (value) => readBoolean(value, 'stream')) ?? false,
    streamUsage: true,
    ...present('user', optional(body.metadata, readUser)),
    ...notes.taken(),
  };
};

/**
 * A conversation that the server holds between requests: none is held here. The SDK's tool runner asks for one and, told
 * so in the words of errors.ts, goes on with the whole history in each request.
 */
const refuseThread = (thread: JsonValue | undefined): void => {
  if (thread === undefined || thread === null) return;
  fail(THREAD, `${THREAD}: conversations are not kept here between requests; send all of it in "messages"`);
};

const readStops = (value: JsonValue): string[] =>
  readArray(value, 'stop_sequences', { max: MAX_STOP_SEQUENCES }).map((sequence, index) =>
    readString(sequence, `stop_sequences[${index}]`, { min: 1 }),
  );

const readUser = (metadata: JsonValue): string | undefined =>
  optional(readObject(metadata, 'metadata').user_id, (value) =>
    readString(value, 'metadata.user_id', { max: MAX_NAME_LENGTH }),
  );

/** A top-level `cache_control` stands for one on the last block that can have it. */
const markLast = (turns: Turn[], cache: CachePoint, notes: Notes): void => {
  for (const part of turns.toReversed().flatMap(({ parts }): Turn['parts'][number][] => parts.toReversed())) {
    if (part.type === 'reasoning' || part.type === 'redacted-reasoning' || part.type === 'refusal') continue;
    part.cache ??= cache;
    return;
  }
  notes.lose('cache_control');
};

const READ = new Set([
  'model',
  'max_tokens',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
  'cache_control',
  'stop_sequences',
  'temperature',
  'top_p',
  'top_k',
  'stream',
  'metadata',
  'service_tier',
]);

/** Fields that set a dearer rate, or that bring tokens and fees which the body does not show. */
const COSTLY: Record<string, (value: JsonValue) => boolean> = {
  speed: (value) => value !== 'standard',
  inference_geo: (value) => value !== 'global',
  container: () => true,
  mcp_servers: (value) => !Array.isArray(value) || value.length > 0,
  fallbacks: () => true,
  fallback_credit_token: () => true,
  billing_policy: () => true,
  compaction: () => true,
  context_management: isCompacting,
};

/** Clearing old tool results or thinking costs nothing; compacting is a call of its own. */
function isCompacting(value: JsonValue): boolean {
  return JSON.stringify(value).includes('"compact');
}

const noteOthers = (body: JsonObject, notes: Notes): void => {
  const tier = optional(body.service_tier, (value) => readString(value, 'service_tier', { max: MAX_NAME_LENGTH }));
  if (tier !== undefined && tier !== 'auto' && tier !== 'standard_only') notes.charge('service_tier');
  for (const [name, value] of Object.entries(body)) {
    if (READ.has(name) || value === null) continue;
    if (Object.hasOwn(COSTLY, name) && COSTLY[name]?.(value) === true) notes.charge(name);
    else notes.lose(name);
  }
};
