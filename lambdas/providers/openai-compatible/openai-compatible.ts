import type { JsonObject } from '../../core/conversation.ts';
import type { Provider } from '../../core/provider.ts';
import type { Target } from '../../core/target.ts';
import { fitCallIds, fitMistralCallId, fitOpenaiCallId } from '../../dialects/openai-chat/fit-call-ids.ts';
import { mapError } from '../../dialects/openai-chat/map-error.ts';

/** Any other server that speaks OpenAI's dialect: Groq, OpenRouter, DeepSeek, Mistral, xAI, Cerebras, vLLM, … */
export const openaiCompatible: Provider = {
  kind: 'openai-compatible',
  dialect: 'openai-chat',
  call: ({ target, body, stream, apiKey }) => ({
    transport: 'http',
    url: `${target.provider.baseUrl.replace(/\/+$/, '')}/chat/completions`,
    headers: {
      'content-type': 'application/json',
      accept: stream ? 'text/event-stream' : 'application/json',
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    },
    body: JSON.stringify(applyQuirks(body, target)),
    stream,
  }),
  mapError,
};

const applyQuirks = (body: JsonObject, target: Target): JsonObject => {
  const renamed = target.reasoningModel ? body : withOldLimit(body);
  return isMistral(target.provider.baseUrl) ? forMistral(renamed) : fitCallIds(renamed, fitOpenaiCallId);
};

/**
 * `max_tokens` is known everywhere. The newer `max_completion_tokens` is refused by Mistral and not heeded by DeepSeek and
 * others, and a limit that is not heeded breaks the hold.
 */
const withOldLimit = (body: JsonObject): JsonObject => {
  const { max_completion_tokens: limit, ...rest } = body;
  return limit === undefined ? body : { ...rest, max_tokens: limit };
};

/** Mistral answers 422 to fields it does not know. It sends usage in a stream unasked, and has its own name for the seed. */
const forMistral = (body: JsonObject): JsonObject => {
  const { stream_options: _, seed, user: __, ...rest } = body;
  return fitCallIds({ ...rest, ...(seed !== undefined && { random_seed: seed }) }, fitMistralCallId);
};

const isMistral = (baseUrl: string): boolean => URL.parse(baseUrl)?.hostname.endsWith('.mistral.ai') ?? false;
