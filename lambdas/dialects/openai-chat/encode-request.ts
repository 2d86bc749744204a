import type {
  Conversation,
  JsonObject,
  OutputFormat,
  ReasoningEffort,
  Tool,
  ToolChoice,
} from '../../core/conversation.ts';
import type { Encoded, EncodeTarget } from '../../core/dialect.ts';
import { encodeTurns, type Marks, markAsAnthropic, markNothing } from './encode-turns.ts';
import { fitMessages } from './fit-messages.ts';

/** OpenAI takes four; more are refused. */
const MAX_STOP_SEQUENCES = 4;

/**
 * Writes a conversation as a body of `POST /chat/completions`. One rule an item for what has no place here:
 * - documents by URL: their URL as text, and named
 * - images and documents in a tool result: in a user message after it (encode-turns.ts)
 * - `isError` of a tool result, `topK`: left out and named
 * - reasoning of earlier turns: where the server takes it, else left out and named (encode-turns.ts)
 * - a reasoning budget: the effort nearest to it; reasoning for a model without it: left out and named
 * - sampling and stop sequences for OpenAI's reasoning models, which refuse them: left out and named
 * - cache points: left out, since these vendors cache by themselves; OpenRouter's Claude and Gemini get them (encode-turns.ts).
 */
export const encodeRequest = (conversation: Conversation, target: EncodeTarget): Encoded => {
  const dropped = new Set(conversation.sameDialectOnly);
  const { tools, toolChoice, parallelToolCalls, format, user, seed, topK, choices, maxOutputTokens, logprobs } =
    conversation;
  const limit = target.maxOutputTokens ?? maxOutputTokens;
  if (topK !== undefined) dropped.add('topK');
  const marks = marksOf(target);
  const messages = encodeTurns(conversation.turns, target.thoughtsIn, dropped, marks);
  const body: JsonObject = {
    model: target.model,
    messages: fitMessages(messages, target.quirks, dropped) ?? messages,
    ...(tools.length > 0 && {
      tools: tools.map((tool) => encodeTool(tool, marks)),
      ...(toolChoice !== undefined && { tool_choice: encodeToolChoice(toolChoice) }),
      ...(parallelToolCalls !== undefined && { parallel_tool_calls: parallelToolCalls }),
    }),
    ...(format !== undefined && { response_format: encodeFormat(format) }),
    ...(limit !== undefined && { [target.reasoningModel ? 'max_completion_tokens' : 'max_tokens']: limit }),
    ...encodeSampling(conversation, target, dropped),
    ...(seed !== undefined && { seed }),
    ...encodeReasoning(conversation.reasoning, target, dropped),
    ...(choices !== 1 && { n: choices }),
    ...encodeLogprobs(logprobs, target, dropped),
    ...(user !== undefined && { user }),
    ...(target.stream && { stream: true, stream_options: { include_usage: true } }),
    ...(target.serviceTier !== undefined && { service_tier: target.serviceTier }),
  };
  return { body, dropped: [...dropped] };
};

/** Models that cache nothing unless it is marked, and those that take marks beside what they do by themselves; OpenRouter's names. */
const CACHES_WHAT_IS_MARKED = /^~?(anthropic|google)\//;

const marksOf = ({ quirks, model }: EncodeTarget): Marks =>
  quirks?.cachePoints === 'cache_control' && CACHES_WHAT_IS_MARKED.test(model) ? markAsAnthropic : markNothing;

const encodeTool = (tool: Tool, marks: Marks): JsonObject => {
  const { name, description, parameters, strict } = tool;
  return {
    type: 'function',
    function: {
      name,
      ...(description !== undefined && { description }),
      ...(parameters !== undefined && { parameters }),
      ...(strict !== undefined && { strict }),
    },
    ...marks(tool),
  };
};

const encodeToolChoice = (choice: ToolChoice): string | JsonObject =>
  choice.type === 'tool' ? { type: 'function', function: { name: choice.name } } : choice.type;

const encodeFormat = (format: OutputFormat): JsonObject => {
  switch (format.type) {
    case 'text':
      return { type: 'text' };
    case 'json':
      return { type: 'json_object' };
    case 'json-schema': {
      const { name, description, schema, strict } = format;
      return {
        type: 'json_schema',
        json_schema: {
          name,
          ...(description !== undefined && { description }),
          schema,
          ...(strict !== undefined && { strict }),
        },
      };
    }
    default:
      return format satisfies never;
  }
};

const encodeSampling = (conversation: Conversation, target: EncodeTarget, dropped: Set<string>): JsonObject => {
  const { temperature, topP, presencePenalty, frequencyPenalty, stopSequences } = conversation;
  const fields: JsonObject = {};
  const set = (name: string, field: string, value: number | string[] | undefined, usual?: number): void => {
    if (value === undefined) return;
    if (!target.reasoningModel) fields[field] = value;
    else if (value !== usual) dropped.add(name);
  };
  set('temperature', 'temperature', temperature, 1);
  set('topP', 'top_p', topP, 1);
  set('presencePenalty', 'presence_penalty', presencePenalty, 0);
  set('frequencyPenalty', 'frequency_penalty', frequencyPenalty, 0);
  if (stopSequences !== undefined && stopSequences.length > MAX_STOP_SEQUENCES) dropped.add('stopSequences');
  set('stopSequences', 'stop', stopSequences?.slice(0, MAX_STOP_SEQUENCES));
  return fields;
};

/** OpenAI's reasoning models refuse it. */
const encodeLogprobs = (logprobs: Conversation['logprobs'], target: EncodeTarget, dropped: Set<string>): JsonObject => {
  if (logprobs === undefined) return {};
  if (!target.reasoningModel) return { logprobs: true, ...(logprobs.top > 0 && { top_logprobs: logprobs.top }) };
  dropped.add('logprobs');
  return {};
};

/** Anthropic's budgets run from 1,024 tokens; the borders are where its users' "think", "think hard" and "ultrathink" lie. */
export const effortOf = (budgetTokens: number): ReasoningEffort => {
  if (budgetTokens <= 4_096) return 'low';
  return budgetTokens <= 16_384 ? 'medium' : 'high';
};

const encodeReasoning = (
  reasoning: Conversation['reasoning'],
  target: EncodeTarget,
  dropped: Set<string>,
): JsonObject => {
  const { effort, budgetTokens } = reasoning ?? {};
  const asked = effort ?? (budgetTokens === undefined ? undefined : effortOf(budgetTokens));
  if (asked === undefined) return {};
  if (target.reasoningModel || target.takesEffort === true) return { reasoning_effort: asked };
  if (asked !== 'none') dropped.add('reasoning');
  return {};
};
