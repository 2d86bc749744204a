import { readOnce } from './read-once.ts';

/** A word of a question. */
export interface Word {
  /** As it was written. */
  raw: string;
  /** Lower case, typographic apostrophes made plain, a possessive's ending gone. */
  text: string;
  /** In UTF-16 units. */
  start: number;
  /** First of a sentence: its capital says nothing. */
  isFirst: boolean;
}

const WORD = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}]+)?/gu;
const SENTENCE_END = /[.!?。？！:\n¿¡"“„«]/u;

/** Reads a text's words, in time linear in its length. A run of Chinese or Japanese is one word (see `characters`). */
export const readWords = readOnce((text): readonly Word[] => {
  const words: Word[] = [];
  let end = 0;
  for (const match of text.matchAll(WORD)) {
    const [raw] = match;
    const isFirst = end === 0 || SENTENCE_END.test(text.slice(end, match.index));
    words.push({ raw, text: plain(raw), start: match.index, isFirst });
    end = match.index + raw.length;
  }
  return words;
});

/** What French and Italian write together with the next word: `l'heure`, `dell'influenza`. */
const ELISION = /^(?:[cdjlmnst]|qu|dell|all|nell|sull|dall|un)'(?=\p{L}{2})/u;

const plain = (raw: string): string => {
  const lower = raw.normalize('NFKC').toLowerCase().replace('’', "'").replace(ELISION, '');
  return lower.endsWith("'s") ? lower.slice(0, -2) : lower;
};

const SHORT_FORMS: readonly (readonly [RegExp, string])[] = [
  [/\bcan['’]t\b|\bcannot\b/giu, 'can not'],
  [/\bwon['’]t\b/giu, 'will not'],
  [/(?<=\p{L})n['’]t\b/giu, ' not'],
  [/\bi['’]m\b/giu, 'i am'],
  [/(?<=\p{L})['’]re\b/giu, ' are'],
  [/(?<=\p{L})['’]ve\b/giu, ' have'],
  [/(?<=\p{L})['’]ll\b/giu, ' will'],
  [/\b(what|who|where|when|how|it|that|there|he|she)['’]s\b/giu, '$1 is'],
];

/** `Can't` as `can not`, `what's` as `what is`. */
export const expandContractions = readOnce((text): string => {
  let expanded = text;
  for (const [short, long] of SHORT_FORMS) expanded = expanded.replace(short, long);
  return expanded;
});

/** Texts only, for guards that look words up. */
export const wordTexts = readOnce((text): readonly string[] => readWords(text).map((word) => word.text));

/** Whether a text is written in Chinese characters or Japanese: words are not set apart there. */
export const hasUnspacedScript = (text: string): boolean =>
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text);

/** Endings that made another word: a `parking` is no `park`, `glasses` are no `glass`. */
const WORDS_OF_THEIR_OWN = new Set(
  'parking building meeting wedding rating setting settings lighting heating clothing saving savings earnings being string spring king evening ceiling bearing lining wing thing glasses customs goods arms contents news directions works physics shorts premises spirits means papers terms minutes species series lens process access address business mass class gas bus'.split(
    ' ',
  ),
);

/** Without the endings that English adds to a word; the same for other languages' words, whatever it makes of them. */
export const stemOf = (word: string): string => {
  if (WORDS_OF_THEIR_OWN.has(word)) return word;
  let stem = word;
  if (stem.length > 4 && stem.endsWith('ies')) return `${stem.slice(0, -3)}y`;
  if (stem.length > 5 && stem.endsWith('ing')) stem = stem.slice(0, -3);
  else if (stem.length > 4 && stem.endsWith('ed')) stem = stem.slice(0, -2);
  else if (stem.length > 3 && stem.endsWith('s') && !stem.endsWith('ss')) stem = stem.slice(0, -1);
  if (stem.length > 3 && stem.at(-1) === stem.at(-2)) stem = stem.slice(0, -1);
  return stem.length > 3 && stem.endsWith('e') ? stem.slice(0, -1) : stem;
};

/** How often each comes. */
export const countOf = <T>(values: Iterable<T>): Map<T, number> => {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
};

export const sameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((value) => b.has(value));

export const isSameCount = <T>(a: ReadonlyMap<T, number>, b: ReadonlyMap<T, number>): boolean =>
  a.size === b.size && [...a].every(([value, count]) => b.get(value) === count);

/** What one has and the other has not. */
export const only = (a: ReadonlySet<string>, b: ReadonlySet<string>): string[] =>
  [...a].filter((value) => !b.has(value));
