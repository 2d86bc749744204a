import type { Guard } from './guard.ts';
import { countOf, isSameCount, wordTexts } from './words.ts';

const JOINING = new Set('and or und oder et ou y o u e'.split(' '));

/** To look for one part in; a question is shorter. */
const MOST_WORDS = 200;

/** The very same words, small ones too, in another order: told alike where one part comes before another (`if it rains, …`) or joined parts change places, else not (`who pays whom`, `whom pays who`). */
export const differInMovedWords: Guard = (a, b) => {
  const [left, right] = [wordTexts(a), wordTexts(b)];
  if (left.length !== right.length || !isSameCount(countOf(left), countOf(right))) return undefined;
  let from = 0;
  while (from < left.length && left[from] === right[from]) from += 1;
  if (from === left.length) return undefined;
  let to = left.length;
  while (left[to - 1] === right[to - 1]) to -= 1;
  const [one, two] = [left.slice(from, to), right.slice(from, to)];
  return isTurned(one, two) || isJoinedOtherwise(one, two)
    ? undefined
    : `order of the same words: ${one[0]?.slice(0, 40)}`;
};

/** Two parts, each in its order; two words alone are none (`sold it`, `it sold`). */
const isTurned = (one: readonly string[], two: readonly string[]): boolean =>
  one.length > 2 && one.length <= MOST_WORDS && ` ${one.join(' ')} ${one.join(' ')} `.includes(` ${two.join(' ')} `);

/** `Tea and milk`, `milk and tea`. */
const isJoinedOtherwise = (one: readonly string[], two: readonly string[]): boolean => {
  const at = one.findIndex((word) => JOINING.has(word));
  return at !== -1 && [...one.slice(at + 1), one[at] ?? '', ...one.slice(0, at)].every((word, i) => word === two[i]);
};
