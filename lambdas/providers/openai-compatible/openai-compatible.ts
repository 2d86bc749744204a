import type { JsonObject } from '../../core/conversation.ts';
import type { Provider } from '../../core/provider.ts';
import type { Target } from '../../core/target.ts';
import { endpointOf } from '../../dialects/openai-chat/endpoint.ts';
import { fitCallIds, fitMistralCallId, fitOpenaiCallId } from '../../dialects/openai-chat/fit-call-ids.ts';
import { mapError } from '../../dialects/openai-chat/map-error.ts';
import { objectOf } from '../../dialects/openai-chat/wire.ts';

/** Any other server that speaks OpenAI's dialect: Groq, OpenRouter, DeepSeek, Mistral, xAI, Cerebras, vLLM, … */
export const openaiCompatible: Provider = {
  kind: 'openai-compatible',
  dialect: 'openai-chat',
  call: ({ target, body, stream, apiKey }) => ({
    transport: 'http',
    url: endpointOf(target),
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

/** The server's own names (contract/chat-quirks.ts); which fields it gets at all was decided when the body was made. */
const applyQuirks = (body: JsonObject, target: Target): JsonObject => {
  const { seedField = 'seed', shortCallIds, reasoningBesideCalls, ...quirks } = target.provider.quirks ?? {};
  const limitField = quirks.outputLimitField ?? (target.reasoningModel ? 'max_completion_tokens' : 'max_tokens');
  const renamed = rename(rename(body, OTHER_LIMIT[limitField], limitField), 'seed', seedField);
  const fitted = fitCallIds(renamed, shortCallIds === true ? fitMistralCallId : fitOpenaiCallId);
  return reasoningBesideCalls === true ? withReasoningBesideCalls(fitted) : fitted;
};

/**
 * `max_tokens` is known everywhere. The newer `max_completion_tokens` is refused by Mistral and not heeded by DeepSeek and
 * others, and a limit that is not heeded breaks the hold.
 */
const OTHER_LIMIT = { max_tokens: 'max_completion_tokens', max_completion_tokens: 'max_tokens' } as const;

const rename = (body: JsonObject, from: string, to: string): JsonObject => {
  const { [from]: value, ...rest } = body;
  return from === to || value === undefined ? body : { ...rest, [to]: value };
};

/** A model that thinks is asked with its earlier calls' thoughts; those of another model's calls are empty. */
const withReasoningBesideCalls = (body: JsonObject): JsonObject => {
  const { messages } = body;
  if (!Array.isArray(messages)) return body;
  const told = messages.map((message) =>
    objectOf(message)?.['tool_calls'] === undefined ? message : { reasoning_content: '', ...objectOf(message) },
  );
  return { ...body, messages: told };
};
