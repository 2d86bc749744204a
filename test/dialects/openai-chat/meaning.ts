/** What a Chat Completions body or stream means, read in the plainest way from the wire format itself: the codecs' tests compare by it. */
import type { JsonObject, JsonValue, StreamEvent, Usage } from '../../../lambdas/core/conversation.ts';
import type { WireEvent } from '../../../lambdas/core/dialect.ts';

export const object = (value: JsonValue | undefined): JsonObject => (value ?? {}) as JsonObject;
export const array = (value: JsonValue | undefined): JsonObject[] => (value ?? []) as JsonObject[];

/** Defaults left out, one text as a string, order of fields gone (toEqual does not look at it). */
export const meaningOfRequest = (body: JsonObject): JsonObject => {
  const {
    messages,
    n,
    stream,
    stream_options: _,
    max_completion_tokens: limit,
    model: __,
    reasoning: ___,
    ...rest
  } = body;
  return {
    ...rest,
    ...(limit !== undefined && { max_tokens: limit }),
    ...(n !== undefined && n !== 1 && { n }),
    ...(stream === true && { stream }),
    messages: array(messages).map(({ content, ...message }) => ({
      ...message,
      ...(content !== null && content !== undefined && { content: meaningOfContent(content) }),
    })),
  };
};

const meaningOfContent = (content: JsonValue): JsonValue => {
  if (!Array.isArray(content)) return content;
  const [part] = array(content);
  return content.length === 1 && part?.['type'] === 'text' ? (part['text'] ?? '') : content;
};

export interface Meaning {
  text: string;
  reasoning: string;
  refusal: string;
  calls: { id: string; name: string; arguments: string }[];
  finishReason: string | null;
  usage: JsonObject | null;
}

const texts = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

/** A whole `chat.completion`. */
export const meaningOfAnswer = (body: JsonObject): Meaning => {
  const [choice] = array(body['choices']);
  const message = object(choice?.['message']);
  return {
    text: texts(message['content']),
    reasoning: texts(message['reasoning_content']) + texts(message['reasoning']),
    refusal: texts(message['refusal']),
    calls: array(message['tool_calls']).map((call) => ({
      id: texts(call['id']),
      name: texts(object(call['function'])['name']),
      arguments: texts(object(call['function'])['arguments']),
    })),
    finishReason: (choice?.['finish_reason'] ?? null) as string | null,
    usage: (body['usage'] ?? null) as JsonObject | null,
  };
};

export const chunksOf = (events: readonly WireEvent[]): JsonObject[] =>
  events.filter(({ data }) => data !== '[DONE]').map(({ data }) => JSON.parse(data as string) as JsonObject);

/** A stream of chunks, put together as the SDK does: deltas appended, calls by index. */
export const meaningOfChunks = (chunks: readonly JsonObject[]): Meaning => {
  const meaning: Meaning = { text: '', reasoning: '', refusal: '', calls: [], finishReason: null, usage: null };
  for (const chunk of chunks) {
    if (chunk['usage'] !== undefined && chunk['usage'] !== null) meaning.usage = object(chunk['usage']);
    const [choice] = array(chunk['choices']);
    const delta = object(choice?.['delta']);
    meaning.text += texts(delta['content']);
    meaning.reasoning += texts(delta['reasoning_content']) + texts(delta['reasoning']);
    meaning.refusal += texts(delta['refusal']);
    meaning.finishReason = (choice?.['finish_reason'] as string | null | undefined) ?? meaning.finishReason;
    for (const call of array(delta['tool_calls'])) {
      const index = call['index'] as number;
      const known = meaning.calls[index] ?? { id: '', name: '', arguments: '' };
      known.id ||= texts(call['id']);
      known.name ||= texts(object(call['function'])['name']);
      known.arguments += texts(object(call['function'])['arguments']);
      meaning.calls[index] = known;
    }
  }
  return meaning;
};

/** Counts as the gateway keeps them: no token twice. The total settles where reasoning is counted. */
/** @param serviceTier as the answer or the stream's last chunk names it */
export const usageOfWire = (usage: JsonObject | null, serviceTier?: JsonValue): Usage | undefined => {
  if (usage === null) return undefined;
  const number = (value: JsonValue | undefined): number => (typeof value === 'number' ? value : 0);
  const cached = number(object(usage['prompt_tokens_details'])['cached_tokens']);
  return {
    inputTokens: number(usage['prompt_tokens']) - cached,
    cachedInputTokens: cached,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens: number(usage['total_tokens']) - number(usage['prompt_tokens']),
    reasoningTokens: number(object(usage['completion_tokens_details'])['reasoning_tokens']),
    ...(serviceTier === 'default' && { billed: { service: 'standard' as const } }),
  };
};

/** Adjacent deltas of one part as one: two streams that mean the same are then equal. */
export const withoutCuts = (events: readonly StreamEvent[]): StreamEvent[] => {
  const whole: StreamEvent[] = [];
  for (const event of events) {
    const last = whole.at(-1);
    if (
      last === undefined ||
      last.type !== event.type ||
      !('index' in event) ||
      !('index' in last) ||
      last.index !== event.index
    )
      whole.push({ ...event });
    else if ('text' in last && 'text' in event) last.text += event.text;
    else if (last.type === 'tool-call-delta' && event.type === 'tool-call-delta') last.arguments += event.arguments;
    else whole.push({ ...event });
  }
  return whole;
};
