import type { Conversation, JsonObject, OutputFormat, Tool, ToolChoice, Turn } from '../../core/conversation.ts';
import type { Encoded, EncodeTarget } from '../../core/dialect.ts';
import { effortOf } from '../openai-chat/encode-request.ts';
import { encodeInput } from './encode-input.ts';

/**
 * Writes a conversation as a body of `POST /responses`. Nothing is kept at the provider (`store: false`): reasoning comes and
 * goes encrypted, in the client's own hands. One rule an item for what has no place here:
 * - `isError` of a tool result, reasoning without a proof that OpenAI can read, citations, stop sequences, `topK`, `seed` and
 *   penalties: left out and named
 * - a reasoning budget: the effort nearest to it; reasoning for a model without it: left out and named
 * - sampling for OpenAI's reasoning models, which refuse it: left out and named
 * - documents of text: as text
 * - cache points: left out; these vendors cache by themselves.
 */
export const encodeRequest = (conversation: Conversation, target: EncodeTarget): Encoded => {
  const dropped = new Set(conversation.sameDialectOnly);
  const { tools, toolChoice, parallelToolCalls, format, user, maxOutputTokens, logprobs } = conversation;
  const limit = target.maxOutputTokens ?? maxOutputTokens;
  const { instructions, turns } = splitInstructions(conversation.turns);
  for (const name of UNSAID) if (conversation[name] !== undefined) dropped.add(name);
  // OpenAI's reasoning models refuse it.
  const tellsLogprobs = logprobs !== undefined && !target.reasoningModel;
  if (logprobs !== undefined && !tellsLogprobs) dropped.add('logprobs');
  const include = [
    ...(target.reasoningModel ? ['reasoning.encrypted_content'] : []),
    ...(tellsLogprobs ? ['message.output_text.logprobs'] : []),
  ];
  const body: JsonObject = {
    model: target.model,
    ...(instructions !== undefined && { instructions }),
    input: encodeInput(turns, dropped),
    ...(tools.length > 0 && {
      tools: tools.map(encodeTool),
      ...(toolChoice !== undefined && { tool_choice: encodeToolChoice(toolChoice) }),
      ...(parallelToolCalls !== undefined && { parallel_tool_calls: parallelToolCalls }),
    }),
    ...(format !== undefined && { text: { format: encodeFormat(format) } }),
    ...(limit !== undefined && { max_output_tokens: limit }),
    ...encodeSampling(conversation, target, dropped),
    ...encodeReasoning(conversation.reasoning, target, dropped),
    ...(tellsLogprobs && logprobs.top > 0 && { top_logprobs: logprobs.top }),
    ...(include.length > 0 && { include }),
    ...(user !== undefined && { user }),
    ...(target.stream && { stream: true }),
    ...(target.serviceTier !== undefined && { service_tier: target.serviceTier }),
    store: false,
  };
  return { body, dropped: [...dropped] };
};

/** What this API has no field for. */
const UNSAID = ['stopSequences', 'topK', 'seed', 'presencePenalty', 'frequencyPenalty'] as const;

/** A first system turn of one text stands apart, unless there is nothing else: some input there must be. */
const splitInstructions = (turns: readonly Turn[]): { instructions?: string; turns: readonly Turn[] } => {
  const [first, ...rest] = turns;
  const [text, ...more] = first?.role === 'system' ? first.parts : [];
  return text === undefined || more.length > 0 || rest.length === 0
    ? { turns }
    : { instructions: text.text, turns: rest };
};

/** Unless told otherwise this API bends schemas to its strict form; the client's stays as it is. */
const encodeTool = ({ name, description, parameters, strict }: Tool): JsonObject => ({
  type: 'function',
  name,
  ...(description !== undefined && { description }),
  parameters: parameters ?? null,
  strict: strict ?? false,
});

const encodeToolChoice = (choice: ToolChoice): string | JsonObject =>
  choice.type === 'tool' ? { type: 'function', name: choice.name } : choice.type;

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
        name,
        ...(description !== undefined && { description }),
        schema,
        ...(strict !== undefined && { strict }),
      };
    }
    default:
      return format satisfies never;
  }
};

const encodeSampling = (
  { temperature, topP }: Conversation,
  target: EncodeTarget,
  dropped: Set<string>,
): JsonObject => {
  const fields: JsonObject = {};
  const set = (name: string, field: string, value: number | undefined): void => {
    if (value === undefined) return;
    if (!target.reasoningModel) fields[field] = value;
    else if (value !== 1) dropped.add(name);
  };
  set('temperature', 'temperature', temperature);
  set('topP', 'top_p', topP);
  return fields;
};

const encodeReasoning = (
  reasoning: Conversation['reasoning'],
  target: EncodeTarget,
  dropped: Set<string>,
): JsonObject => {
  const { effort, budgetTokens } = reasoning ?? {};
  const asked = effort ?? (budgetTokens === undefined ? undefined : effortOf(budgetTokens));
  if (asked === undefined) return {};
  if (target.reasoningModel || target.takesEffort === true) return { reasoning: { effort: asked } };
  if (asked !== 'none') dropped.add('reasoning');
  return {};
};
