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
    ...provedIn(message.reasoning_details),
    calls: (message.tool_calls ?? []).map(({ id, function: { name, arguments: written } }: Json) => ({
      id,
      name,
      input: JSON.parse(written),
    })),
    stop: stopOf(OPENAI_STOPS, reason),
    usage: openaiUsage(usage),
  };
};

/** What is signed and what is encrypted, in `reasoning_details`. */
const provedIn = (details: Json[] = []): Pick<Said, 'signatures' | 'redacted'> => ({
  signatures: details.flatMap(({ signature }) => (signature ? [signature] : [])),
  redacted: details.flatMap(({ type, data }) => (type === 'reasoning.encrypted' ? [data] : [])),
});

/** `chat.completion.chunk`s, put together as the SDK's own helper does: deltas appended, calls by index. */
export const saidInChunks = (chunks: readonly Json[]): Said => {
  const said = nothing();
  const calls: { id: string; name: string; written: string }[] = [];
  const details: Json[] = [];
  for (const { choices, usage } of chunks) {
    said.usage = openaiUsage(usage) ?? said.usage;
    const [choice] = choices;
    if (choice === undefined) continue;
    const { content, refusal, reasoning_content: thought, reasoning, tool_calls: deltas = [] } = choice.delta;
    details.push(...(choice.delta.reasoning_details ?? []));
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
  return { ...said, ...provedIn(details) };
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

const GEMINI_STOPS: Record<string, Said['stop']> = {
  STOP: 'end',
  MAX_TOKENS: 'length',
  SAFETY: 'content-filter',
  RECITATION: 'content-filter',
  PROHIBITED_CONTENT: 'content-filter',
};

/** Zeros are left out of what Google sends. */
const geminiUsage = (usage: Json): Said['usage'] => {
  if (usage?.promptTokenCount === undefined) return null;
  const { promptTokenCount: prompt = 0, cachedContentTokenCount: cached = 0 } = usage;
  return {
    input: prompt - cached,
    cached,
    cacheWrite: 0,
    output: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
  };
};

/** GenerateContentResponses, the one of a plain answer or those of a stream. Calls that came without an id have '' here. */
export const saidInGemini = (responses: readonly Json[]): Said => {
  const said = nothing();
  for (const { candidates = [], promptFeedback, usageMetadata } of responses) {
    said.usage = geminiUsage(usageMetadata) ?? said.usage;
    if (promptFeedback?.blockReason) {
      said.stop = 'content-filter';
      said.refusal = promptFeedback.blockReasonMessage ?? '';
    }
    const [candidate = {}] = candidates;
    for (const part of candidate.content?.parts ?? []) {
      const { id = '', name, args = {} } = part.functionCall ?? {};
      if (part.functionCall) said.calls.push({ id, name, input: args });
      else if (part.thought) said.reasoning += part.text ?? '';
      else said.text += part.text ?? '';
      if (part.thought && part.thoughtSignature) said.signatures.push(part.thoughtSignature);
    }
    said.stop = stopOf(GEMINI_STOPS, candidate.finishReason) ?? said.stop;
  }
  if (said.stop === 'end' && said.calls.length > 0) said.stop = 'tool-calls';
  return said;
};

/** How the gateway hands on what another vendor has signed (`s`) or encrypted (`r`). */
const SEALED = /^tollgate\.\w+\.([sr])\.(.*)$/s;

/** A `response`. Items of the vendor's own tools are not counted as said. */
export const saidInResponse = ({ output, status, incomplete_details: incomplete, usage }: Json): Said => {
  const said = nothing();
  for (const item of output) {
    if (item.type === 'message')
      for (const { type, text, refusal } of item.content) {
        if (type === 'output_text') said.text += text;
        if (type === 'refusal') said.refusal += refusal;
      }
    if (item.type === 'function_call')
      said.calls.push({ id: item.call_id, name: item.name, input: JSON.parse(item.arguments) });
    if (item.type !== 'reasoning') continue;
    const thought = item.summary.map(({ text }: Json) => text).join('\n\n');
    said.reasoning += thought;
    if (!item.encrypted_content) continue;
    const [, kind, data] = SEALED.exec(item.encrypted_content) ?? [
      '',
      thought === '' ? 'r' : 's',
      item.encrypted_content,
    ];
    (kind === 's' ? said.signatures : said.redacted).push(data);
  }
  const reasons: Record<string, Said['stop']> = { max_output_tokens: 'length', content_filter: 'content-filter' };
  if (status === 'incomplete') said.stop = reasons[incomplete.reason] ?? null;
  else said.stop = said.calls.length > 0 ? 'tool-calls' : 'end';
  if (usage) {
    const { cached_tokens: cached = 0, cache_write_tokens: cacheWrite = 0 } = usage.input_tokens_details ?? {};
    const input = usage.input_tokens - cached - cacheWrite;
    said.usage = { input, cached, cacheWrite, output: usage.output_tokens };
  }
  return said;
};

/** The events of a streamed `response`, put together from its pieces: the last event, which repeats the whole, tells only how it ended. */
export const saidInResponseEvents = (events: readonly Json[]): Said => {
  const output: Json[] = [];
  let last: Json = {};
  for (const event of events) {
    const item = output[event.output_index];
    if (event.type === 'response.output_item.added') output[event.output_index] = structuredClone(event.item);
    if (event.type === 'response.content_part.added') item.content[event.content_index] = structuredClone(event.part);
    if (event.type === 'response.output_text.delta') item.content[event.content_index].text += event.delta;
    if (event.type === 'response.refusal.delta') item.content[event.content_index].refusal += event.delta;
    if (event.type === 'response.function_call_arguments.delta') item.arguments += event.delta;
    if (event.type === 'response.reasoning_summary_part.added') item.summary[event.summary_index] = { ...event.part };
    if (event.type === 'response.reasoning_summary_text.delta') item.summary[event.summary_index].text += event.delta;
    if (event.type === 'response.output_item.done' && item.type === 'reasoning')
      item.encrypted_content = event.item.encrypted_content;
    if (/^response\.(completed|incomplete)$/.test(event.type)) last = event.response;
  }
  return saidInResponse({ ...last, output });
};
