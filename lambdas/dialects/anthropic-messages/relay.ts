import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import type { AnswerContext, EncodeTarget, StreamRelay } from '../../core/dialect.ts';
import { decodeData, readEventData } from './decode-stream.ts';
import { SMALLEST_BUDGET } from './encode-reasoning.ts';
import { isSealed } from './envelopes.ts';
import { MESSAGE_STOP, writeErrorEvent } from './errors.ts';
import { asCount, asObject } from './read-loosely.ts';

/** The client's own body for Anthropic: model and limit replaced, the rest as it came. */
export const relayRequest = (body: JsonObject, target: EncodeTarget): JsonObject => {
  const relayed: JsonObject = { ...body, model: target.model };
  if (target.maxOutputTokens !== undefined) relayed.max_tokens = target.maxOutputTokens;
  else relayed.max_tokens ??= target.modelMaxOutputTokens;
  if (target.stream || body.stream !== undefined) relayed.stream = target.stream;
  const thinking = fitThinking(asObject(body.thinking), relayed.max_tokens);
  if (thinking !== undefined) relayed.thinking = thinking;
  if (Array.isArray(body.messages)) relayed.messages = withoutForeign(body.messages);
  if (Array.isArray(body.tools)) relayed.tools = body.tools.map((tool) => boundUses(tool, target));
  return relayed;
};

/** What the request leaves open the alias bounds: the hold rests on it. */
const boundUses = (tool: JsonValue, { maxWebSearches, maxWebFetches }: EncodeTarget): JsonValue => {
  const { type, max_uses: uses } = asObject(tool) ?? {};
  if (typeof type !== 'string' || (uses !== undefined && uses !== null)) return tool;
  const most = type.startsWith('web_search_')
    ? maxWebSearches
    : type.startsWith('web_fetch_')
      ? maxWebFetches
      : undefined;
  return most === undefined ? tool : { ...asObject(tool), max_uses: most };
};

/** A budget that a lowered `max_tokens` has overtaken: Anthropic wants it smaller than the limit. */
const fitThinking = (thinking: JsonObject | undefined, maxTokens: JsonValue): JsonObject | undefined => {
  const budget = asCount(thinking?.budget_tokens);
  const limit = asCount(maxTokens);
  if (thinking?.type !== 'enabled' || budget === undefined || limit === undefined || budget < limit) return undefined;
  return limit > SMALLEST_BUDGET ? { ...thinking, budget_tokens: limit - 1 } : { type: 'disabled' };
};

/**
 * What earlier answers of other vendors left here, and Anthropic refuses a request for: thinking without a signature, other
 * makers' signatures (envelopes.ts), pages cited without the token that Anthropic gives them. Everything else passes untouched,
 * and so does the array where there is nothing to take out.
 */
const withoutForeign = (messages: JsonValue[]): JsonValue[] => {
  if (!messages.some((message) => contentOf(message)?.some(isForeign))) return messages;
  return messages.flatMap((message) => {
    const content = contentOf(message);
    if (content === undefined || !content.some(isForeign)) return [message];
    const kept = content.filter((block) => !isForeign(block) || isCiting(block)).map(withoutForeignPages);
    return kept.length === 0 ? [] : [{ ...asObject(message), content: kept }];
  });
};

const isForeign = (block: JsonValue): boolean => isUnsigned(block) || isForeignSigned(block) || isCiting(block);

const isForeignSigned = (block: JsonValue): boolean => {
  const { type, signature, data } = asObject(block) ?? {};
  const text = type === 'thinking' ? signature : type === 'redacted_thinking' ? data : undefined;
  return typeof text === 'string' && isSealed(text);
};

const isForeignPage = (citation: JsonValue): boolean => {
  const { type, encrypted_index: token } = asObject(citation) ?? {};
  return type === 'web_search_result_location' && token === '';
};

const isCiting = (block: JsonValue): boolean => {
  const { type, citations } = asObject(block) ?? {};
  return type === 'text' && Array.isArray(citations) && citations.some(isForeignPage);
};

const withoutForeignPages = (block: JsonValue): JsonValue => {
  const { citations, ...rest } = asObject(block) ?? {};
  if (!isCiting(block) || !Array.isArray(citations)) return block;
  const kept = citations.filter((citation) => !isForeignPage(citation));
  return { ...rest, ...(kept.length > 0 && { citations: kept }) };
};

const contentOf = (message: JsonValue): JsonValue[] | undefined => {
  const { role, content } = asObject(message) ?? {};
  return role === 'assistant' && Array.isArray(content) ? content : undefined;
};

const isUnsigned = (block: JsonValue): boolean => {
  const { type, signature } = asObject(block) ?? {};
  return type === 'thinking' && (signature === '' || signature === undefined || signature === null);
};

export const relayAnswer = (body: JsonObject, context: AnswerContext): JsonObject => ({
  ...body,
  model: context.alias,
});

/**
 * Forwards each event as it came; only `message_start` is rewritten, for the alias. Error events are not forwarded: the call
 * decides whether another target takes over or the stream ends with `fail`.
 */
export const relayStream = (context: AnswerContext): StreamRelay => {
  const decoder = decodeData();
  let state: 'within' | 'broken' | 'over' = 'within';
  return {
    push(event) {
      if (state !== 'within') return { text: '', events: [] };
      const data = readEventData(event);
      const events = decoder.push(data);
      if (events.some(({ type }) => type === 'error')) state = 'broken';
      if (events.some(({ type }) => type === 'answer-end')) state = 'over';
      if (state === 'broken' || data === undefined) return { text: '', events };
      // The SDKs pass over events without a name, which some compatible servers leave out.
      const name = event.type === '' ? String(data.type) : event.type;
      return { text: forward(name, textOf(event.data, data, context)), events };
    },
    end() {
      if (state !== 'within') return '';
      state = 'over';
      return MESSAGE_STOP;
    },
    fail(refusal) {
      if (state === 'over') return '';
      state = 'over';
      return writeErrorEvent(refusal, context.requestId);
    },
  };
};

const textOf = (raw: string | JsonObject, data: JsonObject, context: AnswerContext): string => {
  if (data.type === 'message_start')
    return JSON.stringify({ ...data, message: { ...asObject(data.message), model: context.alias } });
  return typeof raw === 'string' ? raw : JSON.stringify(raw);
};

/** Data that came in several lines goes out in several lines. */
const forward = (name: string, data: string): string =>
  `event: ${name}\ndata: ${data.includes('\n') ? data.replaceAll('\n', '\ndata: ') : data}\n\n`;
