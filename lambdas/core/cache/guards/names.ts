import { isFunctionWord } from './function-words.ts';
import type { Guard } from './guard.ts';
import { readWords, type Word } from './words.ts';

/** Above it capitals are a way of writing and tell nothing. */
const MOST_CAPITALS = 0.6;
const FEWEST_WORDS = 4;

/** Names that stand beside one another are one name. */
const readNames = (text: string): string[][] => {
  const words = readWords(text);
  const capitals = words.filter((word) => isCapital(word)).length;
  if (words.length >= FEWEST_WORDS && capitals / words.length > MOST_CAPITALS) return [];
  const names: string[][] = [];
  let open: string[] | undefined;
  for (const word of words) {
    const isName =
      isCapital(word) && !isFunctionWord(word.text) && (!word.isFirst || /\p{Lu}.*\p{Lu}/u.test(word.raw.slice(0, 50)));
    if (!isName) open = undefined;
    else if (open === undefined) {
      open = [word.text];
      names.push(open);
    } else open.push(word.text);
  }
  return names;
};

const isCapital = (word: Word): boolean =>
  /^\p{Lu}/u.test(word.raw) && word.text !== 'i' && !word.text.startsWith("i'");

/** What is named in one, and that the other does not speak of. A part of a name that the other has in full is no difference. */
const unknownNames = (names: readonly string[][], words: ReadonlySet<string>) => {
  const missing = names.filter((name) => name.some((part) => !words.has(part)));
  return { missing, whole: missing.filter((name) => name.every((part) => !words.has(part))) };
};

/** German writes all nouns with a capital: there they are compared as names are. */
export const differInNames: Guard = (a, b) => {
  const left = unknownNames(readNames(a), new Set(readWords(b).map((word) => word.text)));
  const right = unknownNames(readNames(b), new Set(readWords(a).map((word) => word.text)));
  const [whole] = [...left.whole, ...right.whole];
  if (whole !== undefined) return `name: ${whole.join(' ').slice(0, 60)}`;
  return left.missing.length > 0 && right.missing.length > 0
    ? `names: ${left.missing[0]?.join(' ').slice(0, 60)} and ${right.missing[0]?.join(' ').slice(0, 60)}`
    : undefined;
};
