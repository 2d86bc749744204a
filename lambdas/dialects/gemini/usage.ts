import type { Service } from '../../contract/price.ts';
import type { Billed, JsonObject, JsonValue, Usage } from '../../core/conversation.ts';
import { countOf, objectsOf } from './wire.ts';

const COUNTS = ['promptTokenCount', 'candidatesTokenCount', 'thoughtsTokenCount', 'totalTokenCount'] as const;

/**
 * Reads `usageMetadata` into counts that don't overlap. Gemini counts cached tokens inside `promptTokenCount`; thoughts
 * beside `candidatesTokenCount`; and what its own tools brought in beside both, as input. Counts of 0 are left out of its
 * JSON, so one that is absent beside others was counted. Where the total is more than its parts, the rest is output: no billed
 * token is lost.
 *
 * @returns undefined where nothing was counted, as of a prompt that was turned down
 */
export const decodeUsage = (usage: JsonObject | undefined): Usage | undefined => {
  if (usage === undefined || !COUNTS.some((name) => usage[name] !== undefined)) return undefined;
  const prompt = countOf(usage['promptTokenCount']);
  const cached = Math.min(countOf(usage['cachedContentTokenCount']), prompt);
  const input = prompt + countOf(usage['toolUsePromptTokenCount']);
  const thoughts = countOf(usage['thoughtsTokenCount']);
  const output = countOf(usage['candidatesTokenCount']) + thoughts;
  const billed = decodeBilled(usage);
  return {
    inputTokens: input - cached,
    cachedInputTokens: cached,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens: Math.max(output, countOf(usage['totalTokenCount']) - input),
    reasoningTokens: thoughts,
    ...(billed !== undefined && { billed }),
  };
};

const ofModality = (details: JsonValue | undefined, modality: string): number =>
  objectsOf(details).reduce((sum, one) => sum + (one['modality'] === modality ? countOf(one['tokenCount']) : 0), 0);

const decodeBilled = (usage: JsonObject): Billed | undefined => {
  const service = serviceOf(usage['serviceTier'] ?? usage['trafficType']);
  const inputs = [...objectsOf(usage['promptTokensDetails']), ...objectsOf(usage['toolUsePromptTokensDetails'])];
  const audioIn = ofModality(inputs, 'AUDIO');
  const images = ofModality(inputs, 'IMAGE');
  const audioOut = ofModality(usage['candidatesTokensDetails'], 'AUDIO');
  const billed: Billed = {
    ...(service !== undefined && { service }),
    ...(audioIn > 0 && { audioInputTokens: audioIn }),
    ...(images > 0 && { imageInputTokens: images }),
    ...(audioOut > 0 && { audioOutputTokens: audioOut }),
  };
  return Object.keys(billed).length === 0 ? undefined : billed;
};

/** `serviceTier` (the Gemini API) or `trafficType` (Vertex AI), in either case; prepaid throughput is `standard`. */
export const serviceOf = (word: JsonValue | undefined): Service | undefined => {
  switch (typeof word === 'string' ? word.toLowerCase() : undefined) {
    case 'standard':
    case 'default':
    case 'on_demand':
    case 'provisioned_throughput':
      return 'standard';
    case 'flex':
    case 'on_demand_flex':
      return 'flex';
    case 'priority':
    case 'on_demand_priority':
      return 'priority';
    default:
      return undefined;
  }
};

/** Writes counts as Gemini does: the prompt with what of it was cached, thoughts beside the answer. */
export const encodeUsage = (usage: Usage): JsonObject => {
  const { inputTokens, cachedInputTokens, cacheWrite5mTokens, cacheWrite1hTokens, outputTokens } = usage;
  const promptTokenCount = inputTokens + cachedInputTokens + cacheWrite5mTokens + cacheWrite1hTokens;
  const thoughtsTokenCount = Math.min(usage.reasoningTokens, outputTokens);
  return {
    promptTokenCount,
    ...(cachedInputTokens > 0 && { cachedContentTokenCount: cachedInputTokens }),
    candidatesTokenCount: outputTokens - thoughtsTokenCount,
    ...(thoughtsTokenCount > 0 && { thoughtsTokenCount }),
    totalTokenCount: promptTokenCount + outputTokens,
  };
};
