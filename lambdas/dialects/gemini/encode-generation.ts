import type { Conversation, JsonObject } from '../../core/conversation.ts';
import type { EncodeContext } from './encode-parts.ts';
import { encodeThinking } from './encode-thinking.ts';
import { fitSchema } from './fit-schema.ts';

/** Google takes five; more are refused. */
const MAX_STOP_SEQUENCES = 5;
const MOST_LOGPROBS = 20;
/** Seeds are of 32 bits there, with a sign. */
const MOST_SEED = 2 ** 31 - 1;

const encodeSampling = (conversation: Conversation, { rules, dropped }: EncodeContext): JsonObject => {
  const fields: JsonObject = {};
  const set = (
    name: 'temperature' | 'topP' | 'topK' | 'presencePenalty' | 'frequencyPenalty',
    isTaken: boolean,
    usual?: number,
  ): void => {
    const value = conversation[name];
    if (value === undefined) return;
    if (isTaken) fields[name] = value;
    else if (value !== usual) dropped.add(name);
  };
  set('temperature', rules.hasSampling, 1);
  set('topP', rules.hasSampling, 1);
  set('topK', rules.hasSampling);
  set('presencePenalty', rules.hasPenalties, 0);
  set('frequencyPenalty', rules.hasPenalties, 0);
  return fields;
};

const encodeStops = (stops: readonly string[] | undefined, dropped: Set<string>): JsonObject => {
  const taken = (stops ?? []).filter((stop) => stop !== '').slice(0, MAX_STOP_SEQUENCES);
  if (stops !== undefined && taken.length < stops.length) dropped.add('stopSequences');
  return taken.length === 0 ? {} : { stopSequences: taken };
};

/** Another vendor's seed may be larger: the same one always gives the same. */
const encodeSeed = (seed: number | undefined): JsonObject =>
  seed === undefined ? {} : { seed: Math.abs(seed) > MOST_SEED ? Math.abs(seed) % MOST_SEED : seed };

const encodeLogprobs = ({ logprobs }: Conversation, { rules, dropped }: EncodeContext): JsonObject => {
  if (logprobs === undefined) return {};
  if (!rules.hasLogprobs) {
    dropped.add('logprobs');
    return {};
  }
  return {
    responseLogprobs: true,
    ...(logprobs.top > 0 && { logprobs: Math.min(logprobs.top, MOST_LOGPROBS) }),
  };
};

/** In words, for models that take no JSON format beside functions: named, since words are no guarantee. */
const askInWords = (format: NonNullable<Conversation['format']>): string => {
  const how = 'When you answer without calling a function, answer with one JSON value and nothing else, no code fence.';
  return format.type === 'json-schema'
    ? `${how} It must match this JSON Schema: ${JSON.stringify(format.schema)}`
    : how;
};

interface EncodedFormat {
  fields: JsonObject;
  /** For the system instruction. */
  words?: string;
}

const encodeFormat = (
  { format, tools, toolChoice }: Conversation,
  { rules, dropped }: EncodeContext,
): EncodedFormat => {
  if (format === undefined || format.type === 'text') return { fields: {} };
  if (tools.length > 0 && toolChoice?.type !== 'none' && !rules.takesJsonBesideTools) {
    dropped.add('format');
    return { fields: {}, words: askInWords(format) };
  }
  if (format.type === 'json') return { fields: { responseMimeType: 'application/json' } };
  const { schema, description } = format;
  const told = description !== undefined && schema['description'] === undefined ? { description, ...schema } : schema;
  return { fields: { responseMimeType: 'application/json', responseJsonSchema: fitSchema(told) } };
};

export interface EncodedGeneration {
  generationConfig: JsonObject;
  words?: string;
}

/** @param limit the output limit to send, thoughts included; undefined = the model's own */
export const encodeGeneration = (
  conversation: Conversation,
  limit: number | undefined,
  context: EncodeContext,
): EncodedGeneration => {
  const { fields, words } = encodeFormat(conversation, context);
  return {
    generationConfig: {
      ...(limit !== undefined && { maxOutputTokens: limit }),
      ...encodeSampling(conversation, context),
      ...encodeStops(conversation.stopSequences, context.dropped),
      ...encodeSeed(conversation.seed),
      ...encodeLogprobs(conversation, context),
      ...fields,
      ...encodeThinking(conversation, limit, context),
    },
    ...(words !== undefined && { words }),
  };
};
