import type { JsonObject, StreamEvent } from '../../core/conversation.ts';
import type { AnswerContext, EncodeTarget, StreamRelay, WireEvent } from '../../core/dialect.ts';
import { chunkOf, DONE, MALFORMED } from './decode-stream.ts';
import { encodeErrorEvent } from './encode-error.ts';
import { fitThoughts } from './fit-thoughts.ts';
import { createChunkReader } from './read-chunks.ts';
import { objectOf, objectsOf, stringifyJson } from './wire.ts';

/**
 * The client's own body for a target that speaks this dialect. The limit keeps the name that the client used, but for
 * reasoning models, which know `max_completion_tokens` alone. What was thought stands where the server takes it (fit-thoughts.ts). A service tier is set where the client names none. Usage is always asked for in a stream: it settles the cost.
 */
export const relayRequest = (body: JsonObject, target: EncodeTarget): JsonObject => {
  const { max_tokens: oldLimit, max_completion_tokens: newLimit, stream_options: options, stream: _, ...rest } = body;
  const tier = body['service_tier'];
  const messages = fitThoughts(body['messages'], target);
  const limit = target.maxOutputTokens ?? newLimit ?? oldLimit;
  const usesNewName = target.reasoningModel || (newLimit !== undefined && newLimit !== null);
  return {
    ...rest,
    ...(messages !== undefined && { messages }),
    model: target.model,
    ...(limit !== undefined && limit !== null && { [usesNewName ? 'max_completion_tokens' : 'max_tokens']: limit }),
    ...(target.stream && { stream: true, stream_options: { ...objectOf(options), include_usage: true } }),
    // `auto` is asked for by name: what the project's setting makes of it is held.
    ...(target.serviceTier !== undefined &&
      (tier === undefined || tier === null) && { service_tier: target.serviceTier }),
  };
};

export const relayAnswer = (body: JsonObject, context: AnswerContext): JsonObject => ({
  ...body,
  model: context.alias,
});

/**
 * Passes chunks on. Each is parsed once, to be read; its text goes on as it came with the model's name replaced, and is
 * written anew only where that can't be done safely or usage has to come out.
 */
export const relayStream = (context: AnswerContext): StreamRelay => {
  const reader = createChunkReader();
  const alias = `"model":${JSON.stringify(context.alias)}`;
  let vendorModel: unknown;
  /** What Azure's filter found in the prompt. */
  let held: JsonObject | undefined;
  let needle = '';

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
    const isChanged = hidesUsage || held !== undefined;
    const text = (isChanged ? undefined : replaceModel(data, chunk['model'])) ?? rewrite({ ...held, ...chunk });
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
      return chunk === 'done' ? { text: `data: ${DONE}\n\n`, events } : pass(event.data, chunk, events);
    },
    end: () => (reader.isOver ? '' : `data: ${DONE}\n\n`),
    fail: (refusal) => encodeErrorEvent(refusal, context.requestId),
  };
};
