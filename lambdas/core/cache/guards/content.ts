import { isFunctionWord, senseOf } from './function-words.ts';
import { isNumberWord } from './numbers.ts';
import { isUnitWord } from './units.ts';
import { hasUnspacedScript, only, wordTexts } from './words.ts';

/** Signs that say little in Chinese and Japanese: particles, and ways of asking. */
const UNSPACED_FILLING = new Set([
  ...'的了吗呢吧么怎什如何是在有请我你您想要能可以会はがをにでとものかですますしるた方法教えくださいてどうこれそれ？。、 ',
]);

const contentOf = (text: string): Set<string> => {
  const found = new Set<string>();
  for (const word of wordTexts(text)) {
    if (hasUnspacedScript(word.slice(0, 100))) {
      for (const sign of word) if (!UNSPACED_FILLING.has(sign)) found.add(sign);
    } else if (!/^\d/.test(word) && !isFunctionWord(word) && !isNumberWord(word) && !isUnitWord(word))
      found.add(senseOf(word));
  }
  return found;
};

/** Words of substance that one has and the other has not, nor a word of the same root or meaning. Numbers and units have guards of their own. */
export const contentApart = (a: string, b: string): [string[], string[]] => {
  const [left, right] = [contentOf(a), contentOf(b)];
  return withoutKin(only(left, right), only(right, left));
};

/** Letters that kindred words begin with, and the share of the longer one that they are at least: `pregnant`, `pregnancy`; `ändere`, `ändern`. */
const SHORTEST_ROOT = 4;
const LEAST_SHARED = 0.65;

const withoutKin = (a: readonly string[], b: readonly string[]): [string[], string[]] => {
  // By their first letters, so that long texts are not compared word by word.
  const byRoot = new Map<string, string[]>();
  for (const word of b)
    byRoot.set(word.slice(0, SHORTEST_ROOT), [
      ...(byRoot.get(word.slice(0, SHORTEST_ROOT)) ?? []).slice(0, MOST_KIN),
      word,
    ]);
  const kin = new Set<string>();
  const left = a.filter((word) => {
    const other = byRoot
      .get(word.slice(0, SHORTEST_ROOT))
      ?.slice(0, MOST_KIN)
      .find((one) => isKin(word, one));
    if (other !== undefined) kin.add(other);
    return other === undefined;
  });
  return [left, b.filter((word) => !kin.has(word))];
};

const MOST_KIN = 8;

const isKin = (a: string, b: string): boolean => {
  const longer = Math.max(a.length, b.length);
  if (longer > 40) return false;
  let shared = 0;
  while (shared < Math.min(a.length, b.length) && a[shared] === b[shared]) shared += 1;
  return shared >= SHORTEST_ROOT && shared >= longer * LEAST_SHARED;
};
