import type { Service } from '../../contract/price.ts';
import type { JsonObject, JsonValue, Usage } from '../../core/conversation.ts';
import { countOf, listOf, objectOf } from './wire.ts';

/**
 * Bedrock's counts do not overlap: inputTokens leaves out what was read from or written to a cache. Writes without a
 * breakdown by lifetime are the default's, five minutes. Reasoning is inside outputTokens and not counted apart.
 *
 * @param serviceTier what the reply says of the tier it was served in, beside its usage
 * @returns undefined where the vendor did not count
 */
export const decodeUsage = (usage: JsonObject | undefined, serviceTier?: JsonValue): Usage | undefined => {
  if (usage === undefined) return undefined;
  const details = listOf(usage.cacheDetails).map(objectOf);
  const written = (ttl: string): number =>
    details.reduce((sum, detail) => sum + (detail?.ttl === ttl ? countOf(detail.inputTokens) : 0), 0);
  const cacheWrite1hTokens = written('1h');
  const total = countOf(usage.cacheWriteInputTokens);
  const service = serviceOf(objectOf(serviceTier)?.type);
  return {
    inputTokens: countOf(usage.inputTokens),
    cachedInputTokens: countOf(usage.cacheReadInputTokens),
    cacheWrite5mTokens: Math.max(written('5m'), total - cacheWrite1hTokens),
    cacheWrite1hTokens,
    outputTokens: countOf(usage.outputTokens),
    reasoningTokens: 0,
    ...(service !== undefined && { billed: { service } }),
  };
};

/** What the vendor's word for a tier means; undefined for words that are none of Bedrock's. `reserved` is prepaid. */
export const serviceOf = (tier: JsonValue | undefined): Service | undefined => {
  if (tier === 'default' || tier === 'reserved') return 'standard';
  return tier === 'flex' || tier === 'priority' ? tier : undefined;
};

export const encodeUsage = (usage: Usage): JsonObject => {
  const { inputTokens, cachedInputTokens, cacheWrite5mTokens, cacheWrite1hTokens, outputTokens } = usage;
  const cacheWriteInputTokens = cacheWrite5mTokens + cacheWrite1hTokens;
  // Longest first, as the vendor sorts them.
  const cacheDetails = [
    ...(cacheWrite1hTokens > 0 ? [{ ttl: '1h', inputTokens: cacheWrite1hTokens }] : []),
    ...(cacheWrite5mTokens > 0 ? [{ ttl: '5m', inputTokens: cacheWrite5mTokens }] : []),
  ];
  return {
    inputTokens,
    outputTokens,
    totalTokens: inputTokens + cachedInputTokens + cacheWriteInputTokens + outputTokens,
    cacheReadInputTokens: cachedInputTokens,
    cacheWriteInputTokens,
    ...(cacheDetails.length > 0 && { cacheDetails }),
  };
};
