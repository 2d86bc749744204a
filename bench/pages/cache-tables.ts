import { MAX_WRONG_SHARE } from '../../lambdas/contract/configured-caches.ts';
import {
  type Calibration,
  type Checks,
  calibrate,
  type Half,
  isHit,
  measureAt,
  type ScoredPair,
} from '../../lambdas/core/cache/calibrate.ts';
import type { Embedder } from '../../lambdas/core/cache/embedder.ts';
import { findGuardRefusal } from '../../lambdas/core/cache/guards/guards.ts';
import { halfOf, type LabelledPair, scorePairs } from '../../lambdas/core/cache/labelled-pairs.ts';
import { isInScope } from '../../lambdas/core/cache/pair-scope.ts';
import { toTable } from './marked-part.ts';

export const CACHE_PAGE = 'docs/semantic-cache.md';

const SHOWN: readonly number[] = [0.8, 0.85, 0.9, 0.95];
const CHECKS: readonly (readonly [Checks, string])[] = [
  ['cosine', 'cosine alone'],
  ['scope', '+ hard filter'],
  ['guards', '+ guards'],
];

export interface CacheMeasurement {
  scored: ScoredPair[];
  calibration: Calibration;
  strangers: { pairs: number; met: { one: string; two: string; score: number }[] };
}

export const measureCache = async (pairs: LabelledPair[], embedder: Embedder): Promise<CacheMeasurement> => {
  const scored = await scorePairs(pairs, embedder, isInScope(embedder.name));
  const calibration = calibrate(scored, MAX_WRONG_SHARE);
  return {
    scored,
    calibration,
    strangers: await meetStrangers(pairs, embedder, calibration.threshold ?? 1),
  };
};

/** Every two questions of the test half that nobody has labelled: those that would meet. */
const meetStrangers = async (
  pairs: LabelledPair[],
  embedder: Embedder,
  threshold: number,
): Promise<CacheMeasurement['strangers']> => {
  const labelled = new Set(pairs.flatMap(({ a, b }) => [`${a}\n${b}`, `${b}\n${a}`]));
  const texts = new Set(pairs.filter((pair) => halfOf(pair) === 'test').flatMap(({ a, b }) => [a, b]));
  const vectors: { text: string; vector: Float32Array }[] = [];
  for (const text of texts) {
    const embedded = await embedder.embed(text);
    if (embedded.kind === 'vector') vectors.push({ text, vector: embedded.vector });
  }
  const met: CacheMeasurement['strangers']['met'] = [];
  let count = 0;
  for (const [i, one] of vectors.entries())
    for (const two of vectors.slice(i + 1)) {
      if (labelled.has(`${one.text}\n${two.text}`)) continue;
      count += 1;
      const score = one.vector.reduce((sum, value, at) => sum + value * (two.vector[at] ?? 0), 0);
      if (score >= threshold && findGuardRefusal(one.text, two.text) === undefined)
        met.push({ one: one.text, two: two.text, score });
    }
  return { pairs: count, met: met.sort((a, b) => b.score - a.score) };
};

const percent = (share: number | undefined): string => (share === undefined ? '–' : `${(share * 100).toFixed(1)} %`);

export const resultTables = ({ scored, calibration, strangers }: CacheMeasurement): string =>
  [
    calibrationText(calibration),
    ...(['tune', 'test'] as const).map((half) => halfTable(scored, half, calibration.threshold)),
    strangersText(strangers),
  ].join('\n\n');

const calibrationText = ({ threshold, tune, test }: Calibration): string =>
  threshold === undefined || tune === undefined || test === undefined
    ? `At no threshold are at most ${percent(MAX_WRONG_SHARE)} of the hits wrong: this embedder must not be used.`
    : `Threshold chosen from the tune half: **${threshold}**. There ${tune.wrong} of ${tune.hits} hits are wrong; in the test half, which chose nothing, **${test.wrong} of ${test.hits}** (${percent(test.wrong / Math.max(1, test.hits))}; precision ${percent(test.precision)}, with 95 % confidence at least ${percent(test.precisionInterval.low)}), and ${percent(test.recall)} of the paraphrases hit.`;

const halfTable = (scored: readonly ScoredPair[], half: Half, chosen: number | undefined): string => {
  const pairs = scored.filter((pair) => pair.half === half);
  const same = pairs.filter(({ isSame }) => isSame).length;
  const thresholds = [...new Set([...SHOWN, ...(chosen === undefined ? [] : [chosen])])].sort((a, b) => a - b);
  const rows = thresholds.flatMap((threshold) =>
    CHECKS.map(([checks, name]) => {
      const { hits, wrong, precision, recall } = measureAt(pairs, threshold, checks);
      return [String(threshold), name, String(hits), String(wrong), percent(precision), percent(recall)];
    }),
  );
  return `**${half === 'tune' ? 'Tune' : 'Test'} half**: ${pairs.length} pairs, ${same} with one answer for both, ${pairs.length - same} near-misses.\n\n${toTable(['threshold', 'checks', 'hits', 'wrong', 'precision', 'recall'], rows).trimEnd()}`;
};

const strangersText = ({ pairs, met }: CacheMeasurement['strangers']): string => {
  const list = met.map(({ one, two, score }) => `- ${score.toFixed(2)} *${one}* · *${two}*`).join('\n');
  return `Of every two questions of the test half that are no labelled pair, ${pairs.toLocaleString('en')} in all, ${met.length} would meet at that threshold with all checks. Nobody has labelled them; they are these:\n\n${list}`;
};

/** By kind, at one threshold: what cosine alone would have got wrong, and what is left. */
export const kindTable = ({ scored, calibration }: CacheMeasurement): string => {
  const threshold = calibration.threshold ?? 0.9;
  const kinds = [...new Set(scored.map(({ kind }) => kind))];
  const share = (pairs: readonly ScoredPair[], checks: Checks): string =>
    pairs.length === 0 ? '–' : `${pairs.filter((pair) => isHit(pair, threshold, checks)).length} of ${pairs.length}`;
  const rows = kinds.flatMap((kind) => {
    const of = (half: Half, isSame: boolean) =>
      scored.filter((pair) => pair.kind === kind && pair.half === half && pair.isSame === isSame);
    return [
      [
        kind,
        share(of('tune', false), 'cosine'),
        share(of('tune', false), 'guards'),
        share(of('test', false), 'cosine'),
        share(of('test', false), 'guards'),
        share(of('tune', true), 'guards'),
        share(of('test', true), 'guards'),
      ],
    ];
  });
  return toTable(
    [
      'kind',
      'near-misses hit, cosine alone (tune)',
      '… all checks (tune)',
      '… cosine alone (test)',
      '… all checks (test)',
      'paraphrases hit, all checks (tune)',
      '… (test)',
    ],
    rows,
  );
};
