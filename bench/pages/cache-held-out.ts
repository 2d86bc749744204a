import { readFileSync } from 'node:fs';
import { type Checks, isHit, measureAt, type ScoredPair } from '../../lambdas/core/cache/calibrate.ts';
import type { Embedder } from '../../lambdas/core/cache/embedder.ts';
import { type LabelledPair, parsePairs, scorePairs } from '../../lambdas/core/cache/labelled-pairs.ts';
import { isInScope } from '../../lambdas/core/cache/pair-scope.ts';
import { wilsonInterval } from '../../lambdas/core/wilson-interval.ts';
import { toTable } from './marked-part.ts';

/** Sets that no threshold was chosen with. What became of each is told on the page. */
const HELD_OUT_FILES: Readonly<Record<string, string>> = {
  second: 'test/fixtures/semantic-pairs-held-out.jsonl',
  third: 'test/fixtures/semantic-pairs-third.jsonl',
  fourth: 'test/fixtures/semantic-pairs-fourth.jsonl',
  fifth: 'test/fixtures/semantic-pairs-fifth.jsonl',
  sixth: 'test/fixtures/semantic-pairs-sixth.jsonl',
};

interface HeldOutSet {
  name: string;
  pairs: { pair: LabelledPair; scored: ScoredPair }[];
}

export const measureHeldOut = async (embedder: Embedder): Promise<HeldOutSet[]> => {
  const sets: HeldOutSet[] = [];
  for (const [name, file] of Object.entries(HELD_OUT_FILES)) {
    const pairs = parsePairs(readFileSync(file, 'utf8'));
    const scored = await scorePairs(pairs, embedder, isInScope(embedder.name));
    sets.push({
      name,
      pairs: scored.map((one, i) => {
        const pair = pairs[i];
        if (pair === undefined) throw new Error(`${file}: ${i} has a score and no pair`);
        return { pair, scored: one };
      }),
    });
  }
  return sets;
};

const percent = (share: number | undefined): string => (share === undefined ? '–' : `${(share * 100).toFixed(1)} %`);
const interval = (count: number, of: number): string => {
  if (of === 0) return '–';
  const { low, high } = wilsonInterval(count, of);
  return `${percent(count / of)} (${percent(low)} to ${percent(high)})`;
};

/** One row a set: as a whole, and by groups of questions that were written together. */
export const heldOutTables = (sets: readonly HeldOutSet[], threshold: number): string =>
  [
    toTable(
      [
        'set',
        'pairs',
        'paraphrases',
        'near-misses',
        'hits',
        'wrong',
        'wrong share, 95 %',
        'recall',
        'cosine alone: hits, wrong',
        'groups with a hit, with a wrong one',
      ],
      [...sets, { name: 'all', pairs: sets.flatMap(({ pairs }) => pairs) }].map(({ name, pairs }) =>
        summaryRow(name, pairs, threshold),
      ),
    ),
    `By kind of near-miss, at ${threshold}: hit by cosine alone, and with all checks.`,
    byTable(sets, threshold, ({ kind }) => kind, 'kind', false),
    'By language: near-misses hit with all checks, and paraphrases.',
    byTable(sets, threshold, ({ language }) => language ?? '–', 'language', true),
  ].join('\n\n');

const summaryRow = (name: string, pairs: HeldOutSet['pairs'], threshold: number): string[] => {
  const scored = pairs.map((one) => one.scored);
  const all = measureAt(scored, threshold, 'guards');
  const alone = measureAt(scored, threshold, 'cosine');
  const hits = pairs.filter((one) => isHit(one.scored, threshold, 'guards'));
  const groups = new Set(hits.map(({ pair }) => pair.group));
  const wrong = new Set(hits.filter(({ pair }) => !pair.same).map(({ pair }) => pair.group));
  return [
    name,
    String(all.pairs),
    String(all.same),
    String(all.pairs - all.same),
    String(all.hits),
    String(all.wrong),
    interval(all.wrong, all.hits),
    percent(all.recall),
    `${alone.hits}, ${alone.wrong}`,
    `${groups.size}, ${wrong.size}`,
  ];
};

const byTable = (
  sets: readonly HeldOutSet[],
  threshold: number,
  keyOf: (pair: LabelledPair) => string,
  head: string,
  withParaphrases: boolean,
): string => {
  const keys = new Set(
    sets.flatMap(({ pairs }) =>
      pairs.filter(({ pair }) => withParaphrases || !pair.same).map(({ pair }) => keyOf(pair)),
    ),
  );
  const share = (pairs: HeldOutSet['pairs'], isSame: boolean, checks: Checks): string => {
    const of = pairs.filter(({ pair }) => pair.same === isSame);
    return of.length === 0 ? '–' : `${of.filter((one) => isHit(one.scored, threshold, checks)).length} of ${of.length}`;
  };
  const second = (pairs: HeldOutSet['pairs']) =>
    withParaphrases ? share(pairs, true, 'guards') : share(pairs, false, 'guards');
  const first = (pairs: HeldOutSet['pairs']) =>
    withParaphrases ? share(pairs, false, 'guards') : share(pairs, false, 'cosine');
  const names = withParaphrases ? ['near-misses hit', 'paraphrases hit'] : ['cosine alone', 'all checks'];
  return toTable(
    [head, ...sets.flatMap(({ name }) => names.map((what) => `${name}: ${what}`))],
    [...keys].map((key) => [
      key,
      ...sets.flatMap(({ pairs }) => {
        const of = pairs.filter(({ pair }) => keyOf(pair) === key);
        return [first(of), second(of)];
      }),
    ]),
  );
};
