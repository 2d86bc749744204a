import type { JsonObject, StreamEvent } from '../../core/conversation.ts';
import type { AnswerContext, EncodeTarget, StreamRelay, WireEvent } from '../../core/dialect.ts';
import { usageOf } from './decode-answer.ts';
import { chunkOf, DONE, MALFORMED } from './decode-stream.ts';
import { encodeErrorEvent } from './encode-error.ts';
import { fitMessages, fitTools } from './fit-messages.ts';
import { fitThoughts } from './fit-thoughts.ts';
import { createChunkReader } from './read-chunks.ts';
import { repairAnswer } from './repair-answer.ts';
import { createChunkRepairer } from './repair-chunks.ts';
import { decodeUsage } from './usage.ts';
import { objectOf, objectsOf, stringifyJson } from './wire.ts';

/**
 * The client's own body for a target that speaks this dialect. The limit keeps the name that the client used, but for
 * reasoning models, which know `max_completion_tokens` alone. What was thought stands where the server takes it (fit-thoughts.ts), and messages go as it takes them (fit-messages.ts). A service tier is set where the client names none. Usage is always asked for in a stream: it settles the cost.
 */
export const relayRequest = (
  body: JsonObject,
  target: EncodeTarget,
  dropped: Set<string> = new Set<string>(),
): JsonObject => {
  const { max_tokens: oldLimit, max_completion_tokens: newLimit, stream_options: options, stream: _, ...rest } = body;
  const tier = body['service_tier'];
  const messages = fitMessages(fitThoughts(body['messages'], target, dropped), target.quirks, dropped);
  const tools = fitTools(body['tools'], target.quirks);
  const limit = target.maxOutputTokens ?? newLimit ?? oldLimit;
  const usesNewName = target.reasoningModel || (newLimit !== undefined && newLimit !== null);
  return {
    ...rest,
    ...(messages !== undefined && { messages }),
    ...(tools !== undefined && { tools }),
    model: target.model,
    ...(limit !== undefined && limit !== null && { [usesNewName ? 'max_completion_tokens' : 'max_tokens']: limit }),
    ...(target.stream && { stream: true, stream_options: { ...objectOf(options), include_usage: true } }),
    // `auto` is asked for by name: what the project's setting makes of it is held.
    ...(target.serviceTier !== undefined &&
      (tier === undefined || tier === null) && { service_tier: target.serviceTier }),
  };
};

/** Unknown fields are kept; what OpenAI's SDKs could not read has their shape (repair-answer.ts). */
export const relayAnswer = (body: JsonObject, context: AnswerContext): JsonObject => ({
  ...repairAnswer(body),
  model: context.alias,
});

/**
 * Passes chunks on. Each is parsed once, to be read; its text goes on as it came with the model's name replaced, and is
 * written anew only where that can't be done safely, usage has to come out, or OpenAI's SDKs could not read it
 * (repair-chunks.ts).
 */
export const relayStream = (context: AnswerContext): StreamRelay => {
  const reader = createChunkReader();
  const repair = createChunkRepairer();
  const alias = `"model":${JSON.stringify(context.alias)}`;
  let vendorModel: unknown;
  /** What Azure's filter found in the prompt. */
  let held: JsonObject | undefined;
  let needle = '';
  /** The last chunk whose usage stands where only its vendor's own clients look (Groq, Moonshot). */
  let stray: { chunk: JsonObject; usage: JsonObject } | undefined;
  let isUsagePassed = false;

  const noteUsage = (chunk: JsonObject): void => {
    if (objectOf(chunk['usage']) !== undefined) isUsagePassed = true;
    if (!context.streamUsage || isUsagePassed) return;
    const usage = objectOf(usageOf(chunk, objectsOf(chunk['choices'])));
    if (usage !== undefined && decodeUsage(usage) !== undefined) stray = { chunk, usage };
  };

  /** The end mark, and before it the usage that was asked for and has not been told in its place. */
  const ending = (): string => {
    const done = `data: ${DONE}\n\n`;
    if (stray === undefined || isUsagePassed) return done;
    const { id, created } = stray.chunk;
    const text = stringifyJson({
      ...(id !== undefined && { id }),
      object: 'chat.completion.chunk',
      created: created ?? context.createdAt,
      model: context.alias,
      choices: [],
      usage: stray.usage,
    });
    return text === undefined ? done : `data: ${text}\n\n${done}`;
  };

  /** The chunk's text with the alias in it; undefined where the name does not stand there exactly once, or text would break the SSE line. */
  const replaceModel = (data: WireEvent['data'], model: unknown): string | undefined => {
    if (typeof data !== 'string' || typeof model !== 'string') return undefined;
    if (model !== vendorModel) {
      vendorModel = model;
      needle = `"model":${JSON.stringify(model)}`;
    }
    // Quotes inside a JSON string are escaped, so the needle can't be part of what the model said.
    const at = data.indexOf(needle);
    if (at === -1 || data.indexOf('"model"', at + needle.length) !== -1 || data.lastIndexOf('"model"', at - 1) !== -1)
      return undefined;
    return data.includes('\n') || data.includes('\r')
      ? undefined
      : data.slice(0, at) + alias + data.slice(at + needle.length);
  };

  const rewrite = (chunk: JsonObject): string | undefined => {
    const { usage, ...rest } = chunk;
    return stringifyJson({
      ...rest,
      model: context.alias,
      ...(context.streamUsage && usage !== undefined && { usage }),
    });
  };

  const pass = (
    data: WireEvent['data'],
    chunk: JsonObject,
    events: StreamEvent[],
  ): { text: string; events: StreamEvent[] } => {
    const isUsageTold = chunk['usage'] !== undefined && chunk['usage'] !== null;
    const hidesUsage = isUsageTold && !context.streamUsage;
    if (hidesUsage && Array.isArray(chunk['choices']) && chunk['choices'].length === 0) return { text: '', events };
    // Azure's first chunk has no choices; clients written for OpenAI read the first of every chunk but the last. It goes on with the next.
    if (!isUsageTold && chunk['prompt_filter_results'] !== undefined && objectsOf(chunk['choices']).length === 0) {
      held = { prompt_filter_results: chunk['prompt_filter_results'] };
      return { text: '', events };
    }
    noteUsage(chunk);
    const repaired = repair(chunk);
    const isChanged = hidesUsage || held !== undefined || repaired !== chunk;
    const text = (isChanged ? undefined : replaceModel(data, chunk['model'])) ?? rewrite({ ...held, ...repaired });
    held = undefined;
    if (text === undefined)
      return { text: '', events: reader.malformed('an event of the stream is nested too deeply') };
    return { text: `data: ${text}\n\n`, events };
  };

  return {
    push(event) {
      if (reader.isOver) return { text: '', events: [] };
      const chunk = chunkOf(event);
      if (chunk === 'nothing') return { text: '', events: [] };
      if (chunk === 'malformed') return { text: '', events: reader.malformed(MALFORMED) };
      const events = chunk === 'done' ? reader.done() : reader.read(chunk);
      // What the vendor calls an error the caller tells the client, in its own words, or hides behind another target.
      if (events.at(-1)?.type === 'error') return { text: '', events };
      return chunk === 'done' ? { text: ending(), events } : pass(event.data, chunk, events);
    },
    end: () => (reader.isOver ? '' : ending()),
    fail: (refusal) => encodeErrorEvent(refusal, context.requestId),
  };
};
