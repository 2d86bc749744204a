import { MAX_NAME_LENGTH, MAX_OUTPUT_TOKENS, MAX_STOP_SEQUENCES } from '../../contract/bounds.ts';
import type { CachePoint, Charge, Conversation, JsonObject, JsonValue, Turn } from '../../core/conversation.ts';
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

/**
 * Top-level fields that can be billed by something else than the tokens at standard rates, and how each is (SDK 1.12, its beta
 * fields included; platform.claude.com/docs/en/about-claude/pricing). Whatever is not here is passed on as free.
 *
 * `service_tier` is not one: `auto` may use a prepaid capacity, and falls back on the standard rates. Cache points are held at
 * the write rate of their own time to live.
 */
const COST_BEARING: Record<string, (value: JsonValue) => Charge | undefined> = {
  speed: (value) =>
    value === 'standard' ? undefined : value === 'fast' ? { kind: 'service', service: 'fast' } : UNPRICED,
  inference_geo: (value) =>
    typeof value === 'string' ? { kind: 'geo', geo: value === 'global' ? '' : value.toLowerCase() } : UNPRICED,
  container: () => UNPRICED,
  mcp_servers: (value) => (Array.isArray(value) && value.length === 0 ? undefined : UNPRICED),
  fallbacks: () => UNPRICED,
  fallback_credit_token: () => UNPRICED,
  billing_policy: () => UNPRICED,
  compaction: () => UNPRICED,
  // Clearing old tool results or thinking costs nothing; compacting is a call of its own.
  context_management: (value) => (JSON.stringify(value).includes('"compact') ? UNPRICED : undefined),
};

const UNPRICED: Charge = { kind: 'unpriced' };

const noteOthers = (body: JsonObject, notes: Notes): void => {
  const tier = optional(body.service_tier, (value) => readString(value, 'service_tier', { max: MAX_NAME_LENGTH }));
  if (tier !== undefined && tier !== 'auto' && tier !== 'standard_only') notes.charge('service_tier', UNPRICED);
  for (const [name, value] of Object.entries(body)) {
    if (READ.has(name) || value === null) continue;
    const charge = Object.hasOwn(COST_BEARING, name) ? COST_BEARING[name]?.(value) : undefined;
    if (charge === undefined) notes.lose(name);
    else notes.charge(name, charge);
    // A target of another dialect answers without it; the client is told.
    if (name === 'speed' && charge !== undefined) notes.lose(name);
  }
};
