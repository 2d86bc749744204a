/**
 * What an answer says, read from the wire format of each vendor, whole or streamed, in the plainest way there is. It shares
 * nothing with the codecs: the recorded answer and what a client reads can be compared by it.
 */
import type { WireEvent } from '../../lambdas/core/dialect.ts';

// biome-ignore lint/suspicious/noExplicitAny: wire JSON, read by hand
type Json = any;

export interface Said {
  text: string;
  refusal: string;
  reasoning: string;
  signatures: string[];
  redacted: string[];
  calls: { id: string; name: string; input: unknown }[];
  stop: 'end' | 'length' | 'tool-calls' | 'stop-sequence' | 'content-filter' | 'refusal' | null;
  sequence: string | null;
  /** Tokens, none counted twice; null where nobody counted. */
  usage: { input: number; cached: number; cacheWrite: number; output: number } | null;
}

const nothing = (): Said => ({
  text: '',
  refusal: '',
  reasoning: '',
  signatures: [],
  redacted: [],
  calls: [],
  stop: null,
  sequence: null,
  usage: null,
});

const stopOf = (words: Record<string, Said['stop']>, word: unknown): Said['stop'] => {
  if (word === null || word === undefined) return null;
  const stop = words[String(word)];
  if (stop === undefined) throw new Error(`no such reason to stop: ${String(word)}`);
  return stop;
};

const OPENAI_STOPS: Record<string, Said['stop']> = {
  stop: 'end',
  length: 'length',
  tool_calls: 'tool-calls',
  content_filter: 'content-filter',
};

/** The total settles where reasoning is counted: xAI leaves it out of the completion's tokens. */
const openaiUsage = (usage: Json): Said['usage'] => {
  if (usage === null || usage === undefined) return null;
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  const cacheWrite = usage.prompt_tokens_details?.cache_write_tokens ?? 0;
  return {
    input: usage.prompt_tokens - cached - cacheWrite,
    cached,
    cacheWrite,
    output: usage.total_tokens - usage.prompt_tokens,
  };
};

/** A `chat.completion`. */
export const saidInCompletion = ({ choices, usage }: Json): Said => {
  const [{ message = {}, finish_reason: reason }] = choices;
  return {
    ...nothing(),
    text: message.content ?? '',
    refusal: message.refusal ?? '',
    reasoning: message.reasoning_content ?? message.reasoning ?? '',
    calls: (message.tool_calls ?? []).map(({ id, function: { name, arguments: written } }: Json) => ({
      id,
      name,
      input: JSON.parse(written),
    })),
    stop: stopOf(OPENAI_STOPS, reason),
    usage: openaiUsage(usage),
  };
};

/** `chat.completion.chunk`s, put together as the SDK's own helper does: deltas appended, calls by index. */
export const saidInChunks = (chunks: readonly Json[]): Said => {
  const said = nothing();
  const calls: { id: string; name: string; written: string }[] = [];
  for (const { choices, usage } of chunks) {
    said.usage = openaiUsage(usage) ?? said.usage;
    const [choice] = choices;
    if (choice === undefined) continue;
    const { content, refusal, reasoning_content: thought, reasoning, tool_calls: deltas = [] } = choice.delta;
    said.text += content ?? '';
    said.refusal += refusal ?? '';
    said.reasoning += thought ?? reasoning ?? '';
    said.stop = stopOf(OPENAI_STOPS, choice.finish_reason) ?? said.stop;
    for (const { index, id, function: called } of deltas) {
      calls[index] ??= { id, name: called.name, written: '' };
      calls[index].written += called.arguments ?? '';
    }
  }
  said.calls = calls.map(({ id, name, written }) => ({ id, name, input: JSON.parse(written) }));
  return said;
};

const CLAUDE_STOPS: Record<string, Said['stop']> = {
  end_turn: 'end',
  max_tokens: 'length',
  tool_use: 'tool-calls',
  stop_sequence: 'stop-sequence',
  refusal: 'refusal',
  guardrail_intervened: 'content-filter',
  content_filtered: 'content-filter',
};

const anthropicUsage = (usage: Json): Said['usage'] => ({
  input: usage.input_tokens,
  cached: usage.cache_read_input_tokens ?? 0,
  cacheWrite: usage.cache_creation_input_tokens ?? 0,
  output: usage.output_tokens,
});

/** A `message`. Blocks of the vendor's own tools are not counted as said. */
export const saidInMessage = ({ content, stop_reason: reason, stop_sequence: sequence, usage }: Json): Said => {
  const of = (type: string): Json[] => content.filter((block: Json) => block.type === type);
  return {
    ...nothing(),
    text: of('text')
      .map(({ text }) => text)
      .join(''),
    reasoning: of('thinking')
      .map(({ thinking }) => thinking)
      .join(''),
    signatures: of('thinking').flatMap(({ signature }) => (signature ? [signature] : [])),
    redacted: of('redacted_thinking').map(({ data }) => data),
    calls: of('tool_use').map(({ id, name, input }) => ({ id, name, input })),
    stop: stopOf(CLAUDE_STOPS, reason),
    sequence: sequence ?? null,
    usage: anthropicUsage(usage),
  };
};

/** The recorded events of a streamed `message`. */
export const saidInMessageEvents = (events: readonly WireEvent[]): Said => {
  const message: Json = { content: [], usage: {} };
  const written: string[] = [];
  for (const { data } of events) {
    const event = JSON.parse(data as string);
    const { index, delta } = event;
    if (event.type === 'message_start') message.usage = event.message.usage;
    if (event.type === 'content_block_start') message.content[index] = { ...event.content_block };
    if (event.type === 'message_delta') {
      Object.assign(message, delta);
      message.usage = { ...message.usage, ...event.usage };
    }
    if (event.type !== 'content_block_delta') continue;
    const block = message.content[index];
    if (delta.type === 'text_delta') block.text += delta.text;
    if (delta.type === 'thinking_delta') block.thinking += delta.thinking;
    if (delta.type === 'signature_delta') block.signature = delta.signature;
    if (delta.type === 'input_json_delta') written[index] = (written[index] ?? '') + delta.partial_json;
  }
  for (const [index, block] of message.content.entries()) if (written[index]) block.input = JSON.parse(written[index]);
  return saidInMessage(message);
};

const converseUsage = (usage: Json): Said['usage'] => ({
  input: usage.inputTokens,
  cached: usage.cacheReadInputTokens ?? 0,
  cacheWrite: usage.cacheWriteInputTokens ?? 0,
  output: usage.outputTokens,
});

const latin = (base64: string): string => Buffer.from(base64, 'base64').toString('latin1');

/** A Converse answer. */
export const saidInConverse = ({ output, stopReason, usage }: Json): Said => {
  const blocks: Json[] = output.message.content;
  const thoughts = blocks.flatMap(({ reasoningContent }) => reasoningContent?.reasoningText ?? []);
  return {
    ...nothing(),
    text: blocks.map(({ text }) => text ?? '').join(''),
    reasoning: thoughts.map(({ text }) => text).join(''),
    signatures: thoughts.flatMap(({ signature }) => signature ?? []),
    redacted: blocks.flatMap(({ reasoningContent }) =>
      reasoningContent?.redactedContent ? [latin(reasoningContent.redactedContent)] : [],
    ),
    calls: blocks.flatMap(({ toolUse }) =>
      toolUse ? [{ id: toolUse.toolUseId, name: toolUse.name, input: toolUse.input }] : [],
    ),
    stop: stopOf(CLAUDE_STOPS, stopReason),
    usage: converseUsage(usage),
  };
};

/** The events of a ConverseStream answer, their data parsed. */
export const saidInConverseEvents = (events: readonly WireEvent[]): Said => {
  const blocks: Json[] = [];
  const written: string[] = [];
  const last: Json = { usage: {} };
  for (const { type, data } of events as { type: string; data: Json }[]) {
    const index = data.contentBlockIndex;
    if (type === 'contentBlockStart') blocks[index] = { ...data.start };
    if (type === 'messageStop') last.stopReason = data.stopReason;
    if (type === 'metadata') last.usage = data.usage;
    if (type !== 'contentBlockDelta') continue;
    const { text, toolUse, reasoningContent } = data.delta;
    blocks[index] ??= {};
    if (text !== undefined) blocks[index].text = (blocks[index].text ?? '') + text;
    if (toolUse !== undefined) written[index] = (written[index] ?? '') + toolUse.input;
    if (reasoningContent?.redactedContent) blocks[index] = { reasoningContent };
    if (reasoningContent?.text) throw new Error('no recording streams plain reasoning: read it here once one does');
  }
  for (const [index, block] of blocks.entries())
    if (block?.toolUse) block.toolUse.input = JSON.parse(written[index] ?? '{}');
  return saidInConverse({ output: { message: { content: blocks.filter(Boolean) } }, ...last });
};
