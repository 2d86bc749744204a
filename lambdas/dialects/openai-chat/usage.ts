import type { Billed, JsonObject, JsonValue, Usage } from '../../core/conversation.ts';
import { serviceOf } from './cost-bearing.ts';
import { countOf, objectOf } from './wire.ts';

/**
 * Reads a `usage` object into counts that don't overlap.
 *
 * OpenAI counts cached and cache-written tokens inside `prompt_tokens`, and reasoning inside `completion_tokens`. Others
 * differ, and a token that is billed must not be lost:
 * - xAI counts reasoning beside `completion_tokens`, and Gemini's OpenAI endpoint leaves it out altogether; `total_tokens`
 *   has it in both, so output is whatever of the total is not prompt.
 * - DeepSeek (`prompt_cache_hit_tokens`) and Moonshot (`cached_tokens`) told of the cache in fields of their own.
 *
 * @param serviceTier what the answer says of the tier it was served in, beside its usage
 * @returns undefined where the vendor did not count
 */
export const decodeUsage = (value: JsonValue | undefined, serviceTier?: JsonValue): Usage | undefined => {
  const usage = objectOf(value);
  const promptTokens = countOf(usage?.['prompt_tokens']);
  const completionTokens = countOf(usage?.['completion_tokens']);
  if (usage === undefined || (promptTokens === undefined && completionTokens === undefined)) return undefined;
  const prompt = promptTokens ?? 0;
  const promptDetails = objectOf(usage['prompt_tokens_details']);
  const completionDetails = objectOf(usage['completion_tokens_details']);
  // A part can't be more than the whole: a count that says so is the vendor's mistake, not a cost.
  const within = (count: number | undefined, whole: number) => Math.min(count ?? 0, whole);
  const cached = within(
    countOf(promptDetails?.['cached_tokens']) ??
      countOf(usage['prompt_cache_hit_tokens']) ??
      countOf(usage['cached_tokens']),
    prompt,
  );
  const cacheWrite = within(countOf(promptDetails?.['cache_write_tokens']), prompt - cached);
  const reasoning = countOf(completionDetails?.['reasoning_tokens']) ?? 0;
  const outputTokens = Math.max(completionTokens ?? 0, reasoning, (countOf(usage['total_tokens']) ?? 0) - prompt);
  return {
    inputTokens: prompt - cached - cacheWrite,
    cachedInputTokens: cached,
    cacheWrite5mTokens: cacheWrite,
    cacheWrite1hTokens: 0,
    outputTokens,
    reasoningTokens: reasoning,
    ...decodeBilled(promptDetails, completionDetails, serviceTier),
  };
};

/** What is not told is left out: text answers have no more than before. */
const decodeBilled = (
  prompt: JsonObject | undefined,
  completion: JsonObject | undefined,
  serviceTier: JsonValue | undefined,
): { billed?: Billed } => {
  const service = serviceOf(serviceTier);
  const audioIn = countOf(prompt?.['audio_tokens']) ?? 0;
  const images = countOf(prompt?.['image_tokens']) ?? 0;
  const audioOut = countOf(completion?.['audio_tokens']) ?? 0;
  const billed: Billed = {
    ...(service !== undefined && service !== 'auto' && { service }),
    ...(audioIn > 0 && { audioInputTokens: audioIn }),
    ...(images > 0 && { imageInputTokens: images }),
    ...(audioOut > 0 && { audioOutputTokens: audioOut }),
  };
  return Object.keys(billed).length === 0 ? {} : { billed };
};

/** Writes counts as OpenAI does: inclusive, with the details inside. */
export const encodeUsage = (usage: Usage): JsonObject => {
  const cacheWrite = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;
  const promptTokens = usage.inputTokens + usage.cachedInputTokens + cacheWrite;
  const { audioInputTokens = 0, audioOutputTokens = 0 } = usage.billed ?? {};
  return {
    prompt_tokens: promptTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: promptTokens + usage.outputTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cachedInputTokens,
      ...(cacheWrite > 0 && { cache_write_tokens: cacheWrite }),
      ...(audioInputTokens > 0 && { audio_tokens: audioInputTokens }),
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      ...(audioOutputTokens > 0 && { audio_tokens: audioOutputTokens }),
    },
  };
};
