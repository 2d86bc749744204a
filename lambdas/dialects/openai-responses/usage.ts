import type { JsonObject, Usage } from '../../core/conversation.ts';
import { decodeUsage as decodeChatUsage } from '../openai-chat/usage.ts';
import { countOf, objectOf, objectsOf } from '../openai-chat/wire.ts';

/**
 * Reads the counts of a `response`: those of Chat Completions by other names, and the searches that were made.
 *
 * @returns undefined where the vendor did not count
 */
export const decodeUsage = (response: JsonObject): Usage | undefined => {
  const usage = objectOf(response['usage']);
  if (usage === undefined) return undefined;
  const { input_tokens: input, output_tokens: output, total_tokens: total } = usage;
  const inputDetails = objectOf(usage['input_tokens_details']);
  const counts = decodeChatUsage(
    {
      ...(input !== undefined && { prompt_tokens: input }),
      ...(output !== undefined && { completion_tokens: output }),
      ...(total !== undefined && { total_tokens: total }),
      ...(inputDetails !== undefined && { prompt_tokens_details: inputDetails }),
      ...(usage['output_tokens_details'] !== undefined && {
        completion_tokens_details: usage['output_tokens_details'],
      }),
    },
    response['service_tier'],
  );
  if (counts === undefined) return undefined;
  const webSearches = searchesIn(response);
  const long = countOf(objectOf(inputDetails?.['cache_write_tokens_details'])?.['ttl_12h_tokens']) ?? 0;
  const longWrites = Math.min(long, counts.cacheWrite5mTokens);
  return {
    ...counts,
    cacheWrite5mTokens: counts.cacheWrite5mTokens - longWrites,
    cacheWrite1hTokens: longWrites,
    ...(webSearches > 0 && { billed: { ...counts.billed, webSearches } }),
  };
};

/** As the vendor counts them, else those among the answer's items; opening a page and finding a word in it are not billed. */
const searchesIn = (response: JsonObject): number =>
  countOf(objectOf(objectOf(response['tool_usage'])?.['web_search'])?.['num_requests']) ??
  objectsOf(response['output']).filter(
    ({ type, action }) => type === 'web_search_call' && (objectOf(action)?.['type'] ?? 'search') === 'search',
  ).length;

/** Writes counts as OpenAI does: inclusive, with the details inside. */
export const encodeUsage = (usage: Usage): JsonObject => {
  const cacheWrite = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;
  const inputTokens = usage.inputTokens + usage.cachedInputTokens + cacheWrite;
  return {
    input_tokens: inputTokens,
    input_tokens_details: {
      cached_tokens: usage.cachedInputTokens,
      ...(cacheWrite > 0 && { cache_write_tokens: cacheWrite }),
    },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: inputTokens + usage.outputTokens,
  };
};
