import { formatUsd } from '../../contract/money.ts';
import type { CachedCount, WrongHitRecord } from '../../core/cache/cache-stores.ts';
import type { VectorCount } from '../../core/cache/vector-index.ts';
import { wrongShare } from '../../core/cache/wrong-hits.ts';
import type { CliStores } from '../../wiring/cli-stores.ts';
import { isoTime, type Output, shortTime, table } from '../output.ts';
import { type AliasUse, type RecentUse, readRecentUse, type UseFilter } from './recent-use.ts';

/**
 * What is kept, what it did for the last requests, and what audits have found of it.
 *
 * @param most requests of the ledger that are looked at
 */
export const showCache = async (
  filter: UseFilter,
  most: number,
  { openCache, ledger, clock }: Pick<CliStores, 'openCache' | 'ledger' | 'clock'>,
): Promise<Output> => {
  const { responses, vectors, wrongHits } = await openCache();
  const now = clock.now();
  const [allAnswers, allQuestions, use, allRecords] = await Promise.all([
    responses.stats(now),
    vectors?.stats(now),
    readRecentUse(ledger, most, filter),
    wrongHits.list(),
  ]);
  const isMeant = (one: { team: string; alias: string }): boolean =>
    (filter.team === undefined || one.team === filter.team) &&
    (filter.alias === undefined || one.alias === filter.alias);
  const answers = allAnswers.filter(isMeant);
  const questions = allQuestions?.filter(isMeant);
  // Audits are not counted by team: they judge an alias for all.
  const records = allRecords.filter(({ alias }) => filter.alias === undefined || alias === filter.alias);
  return {
    text: [answersText(answers), questionsText(questions), useText(use), auditsText(records, use)].join('\n\n'),
    data: {
      answers: answers.map(({ team, alias, entries, bytes, oldestAt }) => ({
        team,
        alias,
        entries,
        bytes,
        oldest_at: isoTime(oldestAt),
      })),
      /** null = there is no index of questions. */
      questions:
        questions?.map(({ team, alias, embedder, entries, oldestAt }) => ({
          team,
          alias,
          embedder,
          entries,
          oldest_at: isoTime(oldestAt),
        })) ?? null,
      recent: {
        requests: use.entries,
        since: use.since === undefined ? null : isoTime(use.since),
        aliases: use.aliases.map(useData),
      },
      audits: records.map((record) => auditData(record, use)),
    },
  };
};

const answersText = (answers: readonly CachedCount[]): string =>
  answers.length === 0
    ? 'No answers are kept.'
    : table([
        ['TEAM', 'ALIAS', 'ANSWERS', 'BYTES', 'OLDEST'],
        ...answers.map(({ team, alias, entries, bytes, oldestAt }) => [
          team,
          alias,
          String(entries),
          String(bytes),
          shortTime(oldestAt),
        ]),
      ]);

const questionsText = (questions: readonly VectorCount[] | undefined): string => {
  if (questions === undefined) return 'There is no index of questions: no semantic cache.';
  if (questions.length === 0) return 'No questions are kept.';
  return table([
    ['TEAM', 'ALIAS', 'QUESTIONS', 'EMBEDDER', 'OLDEST'],
    ...questions.map(({ team, alias, embedder, entries, oldestAt }) => [
      team,
      alias,
      String(entries),
      embedder,
      shortTime(oldestAt),
    ]),
  ]);
};

const useText = ({ entries, since, aliases }: RecentUse): string => {
  const what = since === undefined ? 'No requests.' : `The last ${entries} requests, since ${shortTime(since)}:`;
  if (aliases.length === 0) return since === undefined ? what : `${what} none of an alias that keeps answers.`;
  return `${what}\n${table([
    [
      'ALIAS',
      'EXACT HITS',
      'SEMANTIC HITS',
      'MISSES',
      'NOT ASKED',
      'HIT SHARE',
      'SAVED USD',
      'VECTORS USD',
      'AUDITS',
      'AUDITS USD',
    ],
    ...aliases.map((use) => [
      use.alias,
      String(use.exactHits),
      String(use.semanticHits),
      String(use.misses),
      String(use.off),
      hitShare(use) === null ? '-' : percent(hitShare(use) ?? 0),
      formatUsd(use.saved),
      formatUsd(use.embeddings),
      String(use.audits),
      formatUsd(use.auditCost),
    ]),
  ])}`;
};

/** Of the requests that asked a cache. */
const hitShare = ({ exactHits, semanticHits, misses }: AliasUse): number | null => {
  const asked = exactHits + semanticHits + misses;
  return asked === 0 ? null : (exactHits + semanticHits) / asked;
};

const useData = (use: AliasUse) => ({
  alias: use.alias,
  exact_hits: use.exactHits,
  semantic_hits: use.semanticHits,
  misses: use.misses,
  not_asked: use.off,
  hit_share: hitShare(use),
  saved_usd: formatUsd(use.saved),
  embeddings_usd: formatUsd(use.embeddings),
  audits: use.audits,
  audits_usd: formatUsd(use.auditCost),
});

const auditsText = (records: readonly WrongHitRecord[], use: RecentUse): string => {
  if (records.length === 0) return 'No semantic hit has been audited.';
  const rows = records.map((record) => {
    const { audited, wrong } = record.state;
    const { share, interval } = wrongShare(record.state);
    return [
      record.alias,
      record.embedder,
      String(audited),
      String(wrong),
      share === undefined ? '-' : `${percent(share)} (${percent(interval.low)} to ${percent(interval.high)})`,
      String(thresholdOf(record, use) ?? '-'),
      stateText(record),
      shortTime(record.changedAt),
    ];
  });
  return `Semantic hits that were audited since the threshold was set or raised:\n${table([
    ['ALIAS', 'EMBEDDER', 'AUDITED', 'WRONG', 'WRONG SHARE (95 %)', 'THRESHOLD', 'STATE', 'CHANGED'],
    ...rows,
  ])}`;
};

const stateText = ({ alias, state: { isOff, tightened } }: WrongHitRecord): string => {
  if (isOff) return `off (cache trust ${alias})`;
  if (tightened === 0) return 'on';
  return `tightened ${tightened === 1 ? 'once' : 'twice'}`;
};

const auditData = (record: WrongHitRecord, use: RecentUse) => {
  const { audited, wrong, tightened, isOff } = record.state;
  const { share, interval } = wrongShare(record.state);
  return {
    alias: record.alias,
    embedder: record.embedder,
    audited,
    wrong,
    share: share ?? null,
    share_low: interval.low,
    share_high: interval.high,
    threshold: thresholdOf(record, use) ?? null,
    tightened,
    is_off: isOff,
    changed_at: isoTime(record.changedAt),
  };
};

/**
 * What a score has to reach now, as the newest request says: the configuration may be elsewhere. One from before a change says
 * nothing, nor one with another embedder's vectors.
 */
const thresholdOf = (
  { alias, embedder, changedAt, state }: WrongHitRecord,
  { aliases }: RecentUse,
): number | undefined => {
  const { threshold } = aliases.find((use) => use.alias === alias) ?? {};
  if (state.isOff || threshold === undefined || threshold.embedder !== embedder) return undefined;
  return state.tightened > 0 && threshold.at < changedAt ? undefined : threshold.value;
};

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
