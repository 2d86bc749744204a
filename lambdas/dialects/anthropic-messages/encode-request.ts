import type { Conversation, JsonObject, Tool } from '../../core/conversation.ts';
import type { Encoded, EncodeTarget } from '../../core/dialect.ts';
import { type ModelTraits, traitsOf } from './claude-models.ts';
import { encodeCache } from './encode-content.ts';
import { type EncodedReasoning, encodeReasoning } from './encode-reasoning.ts';
import { type EncodedTurns, encodeTurns, type Message } from './encode-turns.ts';
import { fitSchema } from './fit-schema.ts';

/** Breakpoints that one request may have. */
const MAX_CACHE_POINTS = 4;
/** Anthropic's bound on `metadata.user_id`. */
const LONGEST_USER = 256;

const JSON_ONLY = 'Answer with one JSON value and nothing else: no words around it, no code fence.';

/** A conversation as a Messages request. What is dropped is named; what is said in another way is not. */
export const encodeRequest = (conversation: Conversation, target: EncodeTarget): Encoded => {
  const traits = traitsOf(target.model);
  const dropped = new Set(conversation.sameDialectOnly);
  const maxTokens = target.maxOutputTokens ?? target.modelMaxOutputTokens;
  const turns = encodeTurns(conversation.turns, traits, dropped);
  const { tools, choice } = encodeTools(conversation, turns, traits, dropped);
  const reasoning = encodeReasoning(conversation.reasoning ?? {}, traits, {
    isForced: choice?.type === 'any' || choice?.type === 'tool',
    mayThink: mayThink(turns.messages),
    maxTokens,
  });
  for (const name of reasoning.dropped) dropped.add(name);
  const format = encodeFormat(conversation, turns, dropped);
  const output = { ...(reasoning.effort !== undefined && { effort: reasoning.effort }), ...format };
  limitCachePoints([...tools, ...turns.system, ...turns.messages.flatMap(({ content }) => content)], dropped);
  nameTheUnsayable(conversation, dropped);
  return {
    body: {
      model: target.model,
      max_tokens: maxTokens,
      ...(turns.system.length > 0 && { system: turns.system }),
      messages: turns.messages.map(({ role, content }) => ({ role, content })),
      ...(tools.length > 0 && { tools }),
      ...(choice !== undefined && { tool_choice: choice }),
      ...(reasoning.thinking !== undefined && { thinking: reasoning.thinking }),
      ...(Object.keys(output).length > 0 && { output_config: output }),
      ...encodeSampling(conversation, reasoning, traits, dropped),
      ...encodeStops(conversation, dropped),
      ...encodeUser(conversation, dropped),
      stream: target.stream,
    },
    dropped: [...dropped],
  };
};

const nameTheUnsayable = (conversation: Conversation, dropped: Set<string>): void => {
  for (const name of ['seed', 'presencePenalty', 'frequencyPenalty', 'logprobs'] as const)
    if (conversation[name] !== undefined) dropped.add(name);
  if (conversation.choices > 1) dropped.add('choices');
};

const encodeTools = (
  conversation: Conversation,
  { messages }: EncodedTurns,
  traits: ModelTraits,
  dropped: Set<string>,
): { tools: JsonObject[]; choice: JsonObject | undefined } => {
  const tools = conversation.tools.map((tool) => encodeTool(tool, traits, dropped));
  if (tools.length === 0) {
    // A history with calls needs tools, though none may be called any more.
    const called = new Set(messages.flatMap(namesOfCalls));
    const named = [...called].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }));
    return { tools: named, choice: named.length > 0 ? { type: 'none' } : undefined };
  }
  return { tools, choice: encodeChoice(conversation, traits, dropped) };
};

const namesOfCalls = ({ content }: Message): string[] =>
  content.flatMap(({ type, name }) => (type === 'tool_use' && typeof name === 'string' ? [name] : []));

const encodeTool = (tool: Tool, traits: ModelTraits, dropped: Set<string>): JsonObject => {
  const { name, description, parameters, strict, cache } = tool;
  const schema: JsonObject = { ...parameters, type: 'object' };
  if (parameters === undefined) schema.properties = {};
  const isStrict = strict === true && traits.takesStrictTools;
  if (strict === true && !isStrict) dropped.add('tools.strict');
  const fitted = isStrict ? fitSchema(schema) : undefined;
  // A closed schema would take the map's keys away; loose, the model keeps them.
  const keepsStrict = fitted?.isNarrower === false;
  if (fitted?.isNarrower === true) dropped.add('tools.strict');
  return {
    name,
    ...(description !== undefined && { description }),
    input_schema: keepsStrict ? fitted.schema : schema,
    ...(keepsStrict && { strict: true }),
    ...encodeCache(cache),
  };
};

const encodeChoice = (
  { toolChoice, parallelToolCalls }: Conversation,
  traits: ModelTraits,
  dropped: Set<string>,
): JsonObject | undefined => {
  if (toolChoice?.type === 'none') return { type: 'none' };
  const parallel = parallelToolCalls === undefined ? {} : { disable_parallel_tool_use: !parallelToolCalls };
  const isForced = toolChoice?.type === 'required' || toolChoice?.type === 'tool';
  if (isForced && !traits.takesForcedTools) dropped.add('toolChoice');
  if (toolChoice?.type === 'required' && traits.takesForcedTools) return { type: 'any', ...parallel };
  if (toolChoice?.type === 'tool' && traits.takesForcedTools)
    return { type: 'tool', name: toolChoice.name, ...parallel };
  return toolChoice === undefined && parallelToolCalls === undefined ? undefined : { type: 'auto', ...parallel };
};

/** Within a tool loop Anthropic takes a thinking budget only where the loop's assistant turn began with signed thinking. */
const mayThink = (messages: readonly Message[]): boolean => {
  if (messages.findLast(({ role }) => role !== 'system')?.content[0]?.type !== 'tool_result') return true;
  const first = messages.findLast(({ role }) => role === 'assistant')?.content[0];
  return first?.type === 'thinking' || first?.type === 'redacted_thinking';
};

const encodeFormat = ({ format }: Conversation, turns: EncodedTurns, dropped: Set<string>): JsonObject => {
  if (format?.type === 'json') {
    // Anthropic has no free JSON mode: asked for in words, and named, since words are no guarantee.
    turns.system.push({ type: 'text', text: JSON_ONLY });
    dropped.add('format');
  }
  if (format?.type !== 'json-schema') return {};
  const { schema, isNarrower } = fitSchema(format.schema);
  if (isNarrower) dropped.add('format.schema');
  const told =
    format.description === undefined || schema.description !== undefined ? {} : { description: format.description };
  return { format: { type: 'json_schema', schema: { ...schema, ...told } } };
};

const encodeSampling = (
  { temperature, topP, topK }: Conversation,
  { thinking }: EncodedReasoning,
  traits: ModelTraits,
  dropped: Set<string>,
): JsonObject => {
  const isThinking = thinking?.type === 'enabled' || thinking?.type === 'adaptive';
  const isFree = traits.takesSampling && !isThinking;
  const sampling: JsonObject = {};
  if (temperature !== undefined) {
    if (isFree) sampling.temperature = Math.min(temperature, 1);
    // 1 is what an absent temperature means.
    if (isFree ? temperature > 1 : temperature !== 1) dropped.add('temperature');
  }
  if (topP !== undefined) {
    const isTaken = traits.takesSampling && (!isThinking || topP >= 0.95);
    if (isTaken && (sampling.temperature === undefined || traits.takesTemperatureWithTopP)) sampling.top_p = topP;
    else if (topP !== 1) dropped.add('topP');
  }
  if (topK !== undefined) {
    if (isFree) sampling.top_k = topK;
    else dropped.add('topK');
  }
  return sampling;
};

/** Anthropic refuses sequences of nothing but white space. */
const encodeStops = ({ stopSequences = [] }: Conversation, dropped: Set<string>): JsonObject => {
  const taken = stopSequences.filter((sequence) => sequence.trim() !== '');
  if (taken.length < stopSequences.length) dropped.add('stopSequences');
  return taken.length > 0 ? { stop_sequences: taken } : {};
};

const encodeUser = ({ user }: Conversation, dropped: Set<string>): JsonObject => {
  if (user === undefined || user === '') return {};
  if (user.length <= LONGEST_USER) return { metadata: { user_id: user } };
  dropped.add('user');
  return {};
};

/** Keeps the last points: each covers everything before it. */
const limitCachePoints = (blocks: readonly JsonObject[], dropped: Set<string>): void => {
  const points = blocks.flatMap((block) => [...innerBlocks(block), block]).filter((block) => 'cache_control' in block);
  for (const block of points.slice(0, -MAX_CACHE_POINTS)) {
    delete block.cache_control;
    dropped.add('cache');
  }
};

const innerBlocks = ({ type, content }: JsonObject): JsonObject[] =>
  type === 'tool_result' && Array.isArray(content) ? (content as JsonObject[]) : [];
