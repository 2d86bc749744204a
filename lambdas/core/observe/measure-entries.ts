import type { MetricRecord } from '../../contract/metrics.ts';
import { PROBER } from '../../contract/probing.ts';
import type { Attempt, Outcome, Receipt } from '../receipt.ts';
import { measureAudit, measureCache, measureEmbedding } from './measure-cache.ts';
import { type MetricBook, openBook } from './metric-book.ts';
import { modelOf } from './model-of.ts';
import { scoreOf } from './score-answer.ts';

/** What has ended, as the ledger's stream tells of it. */
export interface MeasuredEntry {
  /** It puts right what a lost request was charged: no request of its own. */
  isCorrection: boolean;
  /** Nano-USD; of a correction the difference. */
  cost: bigint;
  inputTokens: number;
  outputTokens: number;
  team: string;
  alias: string;
  /** Milliseconds since 1970. */
  settledAt: number;
  receipt: Receipt | undefined;
}

/** What a client brought about itself, or did not wait for, is no error of ours or of a provider. */
const NO_ERROR: ReadonlySet<Outcome | undefined> = new Set([
  'answered',
  'refused-by-provider',
  'client-gone',
  'cancelled',
  'not-cached',
]);

/**
 * The metrics of some entries: one record a combination of dimensions. Counts and amounts are summed, times kept one by
 * one, since CloudWatch makes percentiles of them. Their number grows with teams, aliases and models, never with users.
 */
export const measureEntries = (entries: readonly MeasuredEntry[], nowMs: number): MetricRecord[] => {
  const book = openBook();
  for (const entry of entries) {
    measureRequest(entry, nowMs, book);
    measureCalls(entry, book);
  }
  return book.records();
};

const measureRequest = (entry: MeasuredEntry, nowMs: number, book: MetricBook): void => {
  const { receipt, team, alias, isCorrection } = entry;
  // Nobody asked for it, and nobody waits: it costs, and makes calls.
  const isRequest = !isCorrection && receipt?.cacheAudit === undefined;
  const all = book.under({});
  all.spend('CostUsd', entry.cost);
  for (const dimensions of [{ Alias: alias }, { Team: team }]) {
    const own = book.under(dimensions);
    own.spend('CostUsd', entry.cost);
    if (isRequest) own.sum('Requests', 1);
  }
  all.sum('InputTokens', entry.inputTokens);
  all.sum('OutputTokens', entry.outputTokens);
  all.sum('CachedTokens', receipt?.usage?.cachedInputTokens ?? 0);
  all.sum('Overruns', receipt?.overrun === undefined ? 0 : 1);
  all.add('ProjectorLagMs', Math.max(0, nowMs - entry.settledAt));
  if (!isCorrection && receipt?.cacheAudit !== undefined) measureAudit(receipt.cacheAudit, alias, book);
  if (!isRequest) return;
  all.sum('Requests', 1);
  all.sum('Errors', NO_ERROR.has(receipt?.outcome) ? 0 : 1);
  measureCache(receipt?.cache, book);
  all.sum('Fallbacks', fallbacksOf(receipt));
  const [first] = receipt?.attempts ?? [];
  const last = receipt?.attempts.at(-1);
  if (first === undefined || last === undefined || receipt?.outcome !== 'answered') return;
  // A probe lets nothing be said but a word; and without an end there is nothing to judge (embeddings).
  if (receipt.answeredBy !== undefined && receipt.stop !== undefined && alias !== PROBER) {
    const score = scoreOf(receipt.flaw);
    all.add('QualityScore', score);
    book.under(modelOf(receipt.answeredBy)).add('QualityScore', score);
  }
  all.add('LatencyMs', last.startedAt + last.durationMs - first.startedAt);
  if (last.firstTokenMs !== undefined) all.add('FirstTokenMs', last.firstTokenMs);
};

const measureCalls = ({ receipt, cost, isCorrection }: MeasuredEntry, book: MetricBook): void => {
  const attempts = receipt?.attempts ?? [];
  const called =
    attempts.reduce((sum, attempt) => sum + BigInt(attempt.cost), 0n) + measureEmbedding(receipt?.cache, book);
  // A lost request was charged its hold, which no call explains: it counts against the target that was planned first, and
  // the correction takes it from there again.
  const [planned] = receipt?.plan.targets ?? [];
  if (planned !== undefined && cost !== called) {
    const target = book.under(modelOf(planned));
    target.spend('CostUsd', cost - called);
    if (!isCorrection && attempts.length === 0) target.sum('Requests', 1);
    if (!isCorrection && attempts.length === 0) target.sum('Errors', 1);
  }
  attempts.forEach((attempt, i) => {
    const target = book.under(modelOf(attempt.target));
    target.spend('CostUsd', BigInt(attempt.cost));
    target.sum('InputTokens', inputOf(attempt));
    target.sum('OutputTokens', attempt.usage?.outputTokens ?? 0);
    target.sum('CachedTokens', attempt.usage?.cachedInputTokens ?? 0);
    target.sum('Requests', 1);
    target.sum('Errors', attempt.failure === undefined ? 0 : 1);
    target.sum('Fallbacks', movesOn(attempt, attempts[i + 1]) ? 1 : 0);
    if (attempt.failure === undefined) target.add('LatencyMs', attempt.durationMs);
    if (attempt.firstTokenMs !== undefined) target.add('FirstTokenMs', attempt.firstTokenMs);
  });
};

const inputOf = ({ usage }: Attempt): number =>
  usage === undefined
    ? 0
    : usage.inputTokens + usage.cachedInputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;

const movesOn = (attempt: Attempt, next: Attempt | undefined): boolean =>
  next !== undefined && next.target !== attempt.target;

const fallbacksOf = (receipt: Receipt | undefined): number =>
  (receipt?.attempts ?? []).filter((attempt, i, attempts) => movesOn(attempt, attempts[i + 1])).length;

/** What a cap of nothing is used to by any spending. */
const WHOLLY = 1;

/** Share of each team's tightest budget that is committed. Uncapped accounts have none. */
export const measureBudgets = (
  accounts: readonly { team: string; committed: bigint; cap: bigint | null }[],
): MetricRecord[] => {
  const book = openBook();
  for (const { team, committed, cap } of accounts) {
    if (cap === null) continue;
    const used = cap === 0n ? WHOLLY : Number((committed * 10_000n) / cap) / 10_000;
    book.under({ Team: team }).most('BudgetUsed', used);
    book.under({}).most('BudgetUsed', used);
  }
  return book.records();
};
