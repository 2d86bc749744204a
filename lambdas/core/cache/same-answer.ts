import type { GuardName } from './guards/guard.ts';
import { GUARDS } from './guards/guards.ts';
import { languageOf } from './guards/languages.ts';
import { compareTexts } from './guards/read-once.ts';

/** Two answers that are this alike say the same, unless a guard sets them apart. As docs/semantic-cache.md measures it. */
export const SAME_ANSWER_COSINE = 0.8;
/** Less alike than this they say something else. In between nobody knows. */
export const OTHER_ANSWER_COSINE = 0.7;
/** Characters. In a longer answer a number or name that the other leaves out is an example as often as another fact. */
const LONGEST_FACTS = 600;

/** What a reworded answer keeps: it is another answer that has another of it. */
const SURE: readonly GuardName[] = ['numbers', 'units', 'antonyms', 'code-tokens'];
/** What a reworded answer may tell otherwise: it counts where the rest of the words stands as it stood. */
const UNSURE: readonly GuardName[] = ['names', 'times', 'negation'];
/** What leaves it open: one word for another, all for some, must for may. */
const OPEN: readonly GuardName[] = ['swapped-words', 'scope-words', 'asking'];

/** What formatting does not change: spaces, markdown's signs, the numbers of a list, case, punctuation at the end. */
const normaliseAnswer = (text: string): string =>
  withoutMarks(text)
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[.!。！]$/, '');

const withoutMarks = (text: string): string =>
  text.replace(/^[^\S\n]{0,8}(?:\d{1,2}[.)]|[-*+•])[^\S\n]+/gmu, '').replace(/[*_`#>]/g, '');

/**
 * Whether an audited hit was right: what was kept and what the model says now are one text, or alike enough with the same
 * numbers, units, names, dates and code. Questions' other guards are too strict for two answers: a model words them anew.
 *
 * @param cosine of the two answers' vectors; undefined where they could not be read: then nothing is known
 */
export const compareAnswers = (kept: string, now: string, cosine: number | undefined): Compared =>
  compareTexts(() => judge(kept, now, cosine));

type Compared = 'same' | 'wrong' | 'unknown';

const judge = (kept: string, now: string, cosine: number | undefined): Compared => {
  // But for what a machine reads case and all (`-r`, `-R`).
  const isSameCode = GUARDS.get('code-tokens')?.(withoutMarks(kept), withoutMarks(now)) === undefined;
  if (isSameCode && normaliseAnswer(kept) === normaliseAnswer(now)) return 'same';
  if (cosine === undefined || !Number.isFinite(cosine)) return 'unknown';
  if (cosine < OTHER_ANSWER_COSINE) return 'wrong';
  const [before, after] = [withoutLists(kept), withoutLists(now)];
  const isApart = (name: GuardName) => GUARDS.get(name)?.(before, after) !== undefined;
  // German writes all nouns as names.
  const isGerman = languageOf(before) === 'german' || languageOf(after) === 'german';
  const isLong = before.length > LONGEST_FACTS || after.length > LONGEST_FACTS;
  const isReworded = isLong || isApart('word-order');
  if (SURE.some(isApart)) return isLong ? 'unknown' : 'wrong';
  if (UNSURE.some((name) => !(isGerman && name === 'names') && isApart(name))) return isReworded ? 'unknown' : 'wrong';
  if (cosine < SAME_ANSWER_COSINE) return 'unknown';
  return !isReworded && cosine < MOST_OPEN_COSINE && OPEN.some(isApart) ? 'unknown' : 'same';
};

/** So alike, a single word for another is a synonym. */
const MOST_OPEN_COSINE = 0.95;

/** Without the numbers of a list; code signs stay, for the guard of code. */
const withoutLists = (text: string): string => text.replace(/^[^\S\n]{0,8}\d{1,2}[.)][^\S\n]+/gmu, '');
