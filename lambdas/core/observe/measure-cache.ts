import type { NanoUsd } from '../../contract/money.ts';
import type { CacheAudit, CacheReceipt } from '../receipt.ts';
import type { MetricBook } from './metric-book.ts';
import { modelOf } from './model-of.ts';

/** What the caches had to do with a request. Nothing where they were not asked: a gateway without them pays for no metric of theirs. */
export const measureCache = (cache: CacheReceipt | undefined, book: MetricBook): void => {
  if (cache === undefined || cache.result === 'off') return;
  const all = book.under({});
  all.sum('CacheHits', cache.result === 'miss' ? 0 : 1);
  all.spend('SavedUsd', BigInt(cache.saved ?? '0'));
  if (cache.failures !== undefined && cache.failures.length > 0) all.sum('CacheFailures', 1);
};

/** The embedder's own part of a request. @returns nano-USD: what of the request's cost it explains */
export const measureEmbedding = (cache: CacheReceipt | undefined, book: MetricBook): NanoUsd => {
  if (cache?.embedding === undefined) return 0n;
  const { target, inputTokens, cost } = cache.embedding;
  const embedder = book.under(modelOf(target));
  embedder.spend('CostUsd', BigInt(cost));
  embedder.sum('InputTokens', inputTokens);
  return BigInt(cost);
};

export const measureAudit = (audit: CacheAudit, alias: string, book: MetricBook): void => {
  const { verdict, share, low, high, change } = audit;
  const all = book.under({});
  all.sum('CacheWrongHits', verdict === 'wrong' ? 1 : 0);
  if (change !== undefined) all.sum('CacheTightened', 1);
  // It was not counted: the rate is what it was.
  if (share === undefined || low === undefined || high === undefined) return;
  const own = book.under({ Alias: alias });
  own.add('CacheWrongShare', share);
  own.add('CacheWrongShareLow', low);
  own.add('CacheWrongShareHigh', high);
};
