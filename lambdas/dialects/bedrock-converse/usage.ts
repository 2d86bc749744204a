import type { JsonObject, Usage } from '../../core/conversation.ts';
import { countOf, listOf, objectOf } from './wire.ts';

/**
 * Bedrock's counts do not overlap: inputTokens leaves out what was read from or written to a cache. Writes without a
 * breakdown by lifetime are the default's, five minutes. Reasoning is inside outputTokens and not counted apart.
 *
 * @returns undefined where the vendor did not count
 */
export const decodeUsage = (usage: JsonObject | undefined): Usage | undefined => {
  if (usage === undefined) return undefined;
  const details = listOf(usage.cacheDetails).map(objectOf);
  const written = (ttl: string): number =>
    details.reduce((sum, detail) => sum + (detail?.ttl === ttl ? countOf(detail.inputTokens) : 0), 0);
  const cacheWrite1hTokens = written('1h');
  const total = countOf(usage.cacheWriteInputTokens);
  return {
    inputTokens: countOf(usage.inputTokens),
    cachedInputTokens: countOf(usage.cacheReadInputTokens),
    cacheWrite5mTokens: Math.max(written('5m'), total - cacheWrite1hTokens),
    cacheWrite1hTokens,
    outputTokens: countOf(usage.outputTokens),
    reasoningTokens: 0,
  };
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
