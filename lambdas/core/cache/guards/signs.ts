import type { Guard } from './guard.ts';
import { languageOf } from './languages.ts';
import { readOnce } from './read-once.ts';
import { expandContractions, wordTexts } from './words.ts';

/** Signs, numbers that are no digits (`½`, `²`) and marks by themselves; words and blanks between them. */
const PIECE = /[\p{L}\p{Nd}](?:[\p{L}\p{Nd}\p{M}]|['’](?=\p{L}))*|\s+|[\s\S]/gu;
const IS_WORD = /^[\p{L}\p{Nd}]/u;

const PLAIN: ReadonlyMap<string, string> = new Map([
  ...[...'‐‑‒–—―−﹣－'].map((sign) => [sign, '-'] as const),
  ...[...'“”„‟«»‹›`'].map((sign) => [sign, ''] as const),
  ...[...'¿¡'].map((sign) => [sign, ''] as const),
  ...[...'？！。，：；（）'].map((sign, i) => [sign, '?!.,:;()'[i] ?? sign] as const),
  ...[...'‘’´'].map((sign) => [sign, "'"] as const),
  ['…', '.'],
]);
const ENDS = new Set(['.', '!', '?']);
const PROSE = new Set([',', ';', ':', '.', '!', '?']);
/** Signs that go with a number: the guards of numbers, times and units read them. */
const OF_NUMBERS = new Set(['.', ',', ':', '%', '$', '€', '£', '¥', '°', '-']);
/** Open and close; elsewhere they are primes, inches, a possessive. */
const QUOTES = new Set(["'", '"']);
/** Signs that end a sentence: more of them say something. */
const MOST_ENDS = 3;

interface Signs {
  /** What is never mere punctuation. */
  hard: string[];
  /** All of them, and where they stand between the words. */
  skeleton: string;
  /** Words so far where a hyphen joins two. */
  joins: number[];
}

interface Piece {
  sign: string;
  before: string;
  after: string;
}

const readSigns = readOnce((text): Signs => {
  const pieces = text.trim().normalize('NFC').match(PIECE) ?? [];
  const isFrench = languageOf(text) === 'french';
  const hard: string[] = [];
  const joins: number[] = [];
  let words = 0;
  let skeleton = '';
  const last = endOf(pieces);
  const open = new Set<string>();
  for (const [i, piece] of pieces.entries()) {
    if (IS_WORD.test(piece)) {
      skeleton += 'w';
      words += 1;
    }
    if (IS_WORD.test(piece) || /^\s/u.test(piece) || i >= last) continue;
    const sign = PLAIN.get(piece) ?? piece;
    const around = { sign, before: pieces[i - 1] ?? ' ', after: pieces[i + 1] ?? ' ' };
    if (isJoining(around)) joins.push(words);
    if (sign === '' || isJoining(around) || isOfNumber(around) || isQuote(around, open)) continue;
    skeleton += sign;
    if (!isProse(around, isFrench)) hard.push(sign);
  }
  // Two words that a hyphen joins, and the same apart.
  return { hard: hard.sort(), skeleton: skeleton.replace(/w+/g, 'w'), joins };
});

/** Of a pair of quotes: one is opened by what stands before a word. */
const isQuote = ({ sign, before }: Piece, open: Set<string>): boolean => {
  if (!QUOTES.has(sign)) return false;
  if (open.delete(sign)) return true;
  const isOpening = !/^[\p{L}\p{N}\p{M}'"]/u.test(before);
  if (isOpening) open.add(sign);
  return isOpening;
};

/** Where the signs begin that end the text. */
const endOf = (pieces: readonly string[]): number => {
  let at = pieces.length;
  while (at > 0 && ENDS.has(PLAIN.get(pieces[at - 1] ?? '') ?? pieces[at - 1] ?? '')) at -= 1;
  // "5!" is a number.
  if (pieces[at] === '!' && /^(?:\p{Nd}|\p{L}$)/u.test(pieces[at - 1] ?? '')) at += 1;
  return pieces.length - at <= MOST_ENDS && at > 0 ? at : pieces.length;
};

/** `Two-factor`, and a dash between words; not `a-b`. */
const isJoining = ({ sign, before, after }: Piece): boolean => {
  if (sign !== '-') return false;
  const isWord = (piece: string) => /^\p{L}/u.test(piece);
  if (isWord(before) && isWord(after)) return before.length > 1 || after.length > 1;
  return false;
};

/** `1,000`, `-5`, `5 %`. */
const isOfNumber = ({ sign, before, after }: Piece): boolean => {
  if (!OF_NUMBERS.has(sign)) return false;
  const [isBefore, isAfter] = [/\p{Nd}$/u.test(before.slice(-1)), /^\p{Nd}/u.test(after)];
  if (sign === '.' || sign === ',' || sign === ':') return isBefore && isAfter;
  if (sign === '-') return isAfter && /^\s/u.test(before);
  return isBefore || isAfter || sign === '%' || sign === '°';
};

/** Behind a word and before a blank. */
const isProse = ({ sign, before, after }: Piece, isFrench: boolean): boolean =>
  PROSE.has(sign) && /^\s/u.test(after) && (isFrench || !/^\s/u.test(before));

/** The same words: then the signs between them are what sets the two apart. */
const isSameWording = (a: string, b: string): boolean => {
  const [one, two] = [wordTexts(expandContractions(a)), wordTexts(expandContractions(b))];
  return one.length === two.length && one.every((word, i) => word === two[i]);
};

/**
 * What is left when the words are taken away: signs that are no punctuation have to be in both as often (`≤`, `½`, flags,
 * brackets), and of the same words all of them at the same place (`Let's eat, Grandma`).
 */
export const differInSigns: Guard = (a, b) => {
  const [left, right] = [readSigns(a), readSigns(b)];
  const at = [...left.hard, ...right.hard].findIndex((_, i) => left.hard[i] !== right.hard[i]);
  if (at !== -1) return `sign: ${left.hard[at] ?? ''} and ${right.hard[at] ?? ''}`;
  // A hyphen may be left out, but not set elsewhere (`twenty-five year olds`, `twenty five-year-olds`).
  const isJoinedOtherwise =
    left.joins.length > 0 && right.joins.length > 0 && left.joins.join(' ') !== right.joins.join(' ');
  return (left.skeleton !== right.skeleton || isJoinedOtherwise) && isSameWording(a, b)
    ? 'the same words, and other signs between'
    : undefined;
};
