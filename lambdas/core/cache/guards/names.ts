import { isFunctionWord } from './function-words.ts';
import type { Guard } from './guard.ts';
import { languageOf } from './languages.ts';
import { readOnce } from './read-once.ts';
import { only, readWords, stemOf, type Word } from './words.ts';

/** Above it capitals are a way of writing and tell nothing. */
const MOST_CAPITALS = 0.6;
const FEWEST_WORDS = 4;

/** Names that stand beside one another are one name. */
const readNames = readOnce((text): readonly (readonly string[])[] => {
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
});

const isCapital = (word: Word): boolean =>
  /^\p{Lu}/u.test(word.raw) && word.text !== 'i' && !word.text.startsWith("i'");

/** What is named in one, and that the other does not speak of. A part of a name that the other has in full is no difference. */
const unknownNames = (names: readonly (readonly string[])[], words: ReadonlySet<string>) => {
  const missing = names.filter((name) => name.some((part) => !isSaid(part, words)));
  return { missing, whole: missing.filter((name) => name.every((part) => !isSaid(part, words))) };
};

/** Plurals are the same name (`Mondays`). */
const isSaid = (part: string, words: ReadonlySet<string>): boolean =>
  words.has(part) || words.has(stemOf(part)) || words.has(`${part}s`);

/** A letter or short word in capitals where prose has none (`vitamin A`, `hepatitis E`, `ask IT`): with its case. */
const readLabels = (text: string): Set<string> => {
  const words = readWords(text);
  const isShouted = words.filter(({ raw }) => /^\p{Lu}{2,}$/u.test(raw)).length > words.length / 2;
  return new Set(
    isShouted
      ? []
      : words
          .filter(
            (word) => /^\p{Lu}{1,5}$/u.test(word.raw) && word.raw !== 'I' && !(word.isFirst && word.raw.length === 1),
          )
          .filter((word) => word.raw.length === 1 || isFunctionWord(word.text))
          .map(({ raw }) => raw),
  );
};

/** One word, with a capital in one and without in the other, where both use capitals (`a Map`, `map`). */
const writtenOtherwise = (a: string, b: string): string | undefined => {
  // German writes nouns so, and verbs where they are one.
  if (languageOf(a) === 'german' || languageOf(b) === 'german') return undefined;
  const inside = (text: string) => readWords(text).filter((word) => !word.isFirst && word.raw !== 'I');
  const [left, right] = [inside(a), inside(b)];
  if (!right.some(isCapital)) return undefined;
  const capitals = new Set(left.filter(isCapital).map(({ text }) => text));
  // Title case is a way of writing.
  if (capitals.size === 0 || capitals.size > left.length * MOST_CAPITALS) return undefined;
  const small = new Set(right.filter((word) => !isCapital(word)).map(({ text }) => text));
  const [found] =
    right.filter(isCapital).length > right.length * MOST_CAPITALS
      ? []
      : [...capitals].filter(
          (word) =>
            small.has(word) && !isFunctionWord(word) && !right.some((one) => isCapital(one) && one.text === word),
        );
  return found;
};

/** German writes all nouns with a capital: there they are compared as names are. */
export const differInNames: Guard = (a, b) => {
  const left = unknownNames(readNames(a), new Set(readWords(b).map((word) => word.text)));
  const right = unknownNames(readNames(b), new Set(readWords(a).map((word) => word.text)));
  const [label] = [...only(readLabels(a), readLabels(b)), ...only(readLabels(b), readLabels(a))];
  if (label !== undefined) return `named: ${label}`;
  const otherwise = writtenOtherwise(a, b) ?? writtenOtherwise(b, a);
  if (otherwise !== undefined) return `written with and without a capital: ${otherwise.slice(0, 40)}`;
  const [whole] = [...left.whole, ...right.whole];
  if (whole !== undefined) return `name: ${whole.join(' ').slice(0, 60)}`;
  return left.missing.length > 0 && right.missing.length > 0
    ? `names: ${left.missing[0]?.join(' ').slice(0, 60)} and ${right.missing[0]?.join(' ').slice(0, 60)}`
    : undefined;
};
