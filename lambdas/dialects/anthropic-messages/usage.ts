import type { Billed, JsonObject, Usage } from '../../core/conversation.ts';
import { asCount, asObject } from './read-loosely.ts';

/**
 * Anthropic's counts: `input_tokens` is what was neither read from nor written to a cache, `output_tokens` includes thinking.
 * Cache writes whose time to live is not told are five-minute ones, the default.
 *
 * @returns undefined where neither input nor output was counted
 */
export const decodeUsage = (raw: JsonObject | undefined): Usage | undefined => {
  if (raw === undefined) return undefined;
  const inputTokens = asCount(raw.input_tokens);
  const outputTokens = asCount(raw.output_tokens);
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  const written = asObject(raw.cache_creation);
  const told1h = asCount(written?.ephemeral_1h_input_tokens) ?? 0;
  const told5m = asCount(written?.ephemeral_5m_input_tokens) ?? 0;
  // A later event may raise the sum without telling the parts again.
  const total = asCount(raw.cache_creation_input_tokens) ?? told1h + told5m;
  const cacheWrite1hTokens = Math.min(told1h, total);
  const thinking = asCount(asObject(raw.output_tokens_details)?.thinking_tokens) ?? 0;
  return {
    inputTokens: inputTokens ?? 0,
    cachedInputTokens: asCount(raw.cache_read_input_tokens) ?? 0,
    cacheWrite5mTokens: total - cacheWrite1hTokens,
    cacheWrite1hTokens,
    outputTokens: outputTokens ?? 0,
    reasoningTokens: Math.min(thinking, outputTokens ?? 0),
    ...decodeBilled(raw),
  };
};

/** A place that costs nothing more is '': `global`, and `not_available` of models that are served in one way only. */
const decodeBilled = (raw: JsonObject): { billed?: Billed } => {
  const { inference_geo: geo, speed, service_tier: tier } = raw;
  const searches = asCount(asObject(raw.server_tool_use)?.web_search_requests) ?? 0;
  const billed: Billed = {
    // Anthropic's priority tier is prepaid.
    ...(speed === 'fast' ? { service: 'fast' as const } : typeof tier === 'string' && { service: 'standard' as const }),
    ...(typeof geo === 'string' && { geo: geo === 'global' || geo === 'not_available' ? '' : geo.toLowerCase() }),
    ...(searches > 0 && { webSearches: searches }),
  };
  return Object.keys(billed).length === 0 ? {} : { billed };
};

/** The usage told so far and what a later event of the same stream says: counts are cumulative, what is left out still holds. */
export const mergeUsage = (earlier: JsonObject | undefined, later: JsonObject | undefined): JsonObject | undefined => {
  if (earlier === undefined || later === undefined) return later ?? earlier;
  const told = Object.entries(later).filter(([, value]) => value !== null);
  return { ...earlier, ...Object.fromEntries(told) };
};

const NOTHING: Usage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

/** The SDKs read the counts without asking whether there are any: zeros where nobody counted. */
export const encodeUsage = (usage: Usage = NOTHING): JsonObject => ({
  input_tokens: usage.inputTokens,
  cache_creation_input_tokens: usage.cacheWrite5mTokens + usage.cacheWrite1hTokens,
  cache_read_input_tokens: usage.cachedInputTokens,
  cache_creation: {
    ephemeral_5m_input_tokens: usage.cacheWrite5mTokens,
    ephemeral_1h_input_tokens: usage.cacheWrite1hTokens,
  },
  output_tokens: usage.outputTokens,
  output_tokens_details: usage.reasoningTokens > 0 ? { thinking_tokens: usage.reasoningTokens } : null,
  server_tool_use: null,
  service_tier: null,
});
