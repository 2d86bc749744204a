import { isFunctionWord, senseOf } from './function-words.ts';
import { languageOf } from './languages.ts';
import { isNumberWord } from './numbers.ts';
import { readOnce } from './read-once.ts';
import { isUnitWord } from './units.ts';
import { hasUnspacedScript, only, wordTexts } from './words.ts';

/** Signs that say little in Chinese and Japanese: particles, and ways of asking. */
const UNSPACED_FILLING = new Set([
  ...'的了吗呢吧么怎什如何是在有请我你您想要能可以会はがをにでとものかですますしるた方法教えくださいてどうこれそれ？。、 ',
]);

/** Small words of another language that mean something in English. */
export const ENGLISH_NOUNS = new Set(
  'die dies son war hat par ton man pour sur art fin come comment mine fare dove'.split(' '),
);
/** `Vitamin d`: a letter that no language has as a word. */
const isLetter = (word: string): boolean => /^[bcdfghjklmnpqrtvwxz]$/.test(word);

const contentOf = readOnce((text): ReadonlySet<string> => {
  const found = new Set<string>();
  const isEnglish = languageOf(text) === 'english';
  // "One-way" is no way of asking.
  for (const word of wordTexts(text.replace(/(?<=\p{L})-(?=way\b)/giu, ''))) {
    if (hasUnspacedScript(word.slice(0, 100))) {
      for (const sign of word) if (!UNSPACED_FILLING.has(sign)) found.add(sign);
    } else if (
      !/^\d/.test(word) &&
      (!isFunctionWord(word) || (isEnglish && ENGLISH_NOUNS.has(word)) || isLetter(word)) &&
      !isNumberWord(word) &&
      !isUnitWord(word)
    )
      found.add(senseOf(word));
  }
  return found;
});

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

/** What a word may end in and stay itself: of English, German, French, Spanish, Portuguese, Italian. No endings of agents, of the past, of other words. */
const ENDINGS = new Set(
  ' s es e d ed ing y ies ied i ation ition ion cy t ness n en er es em st te ung ez ons ent é ée és ées ir ant is it re o a as os an ar ir ando iendo ado ada ados adas ido ida me se lo la ação ção ato ata are ere ire ano ono iamo mi rmi si h'.split(
    ' ',
  ),
);
/** `Credit`, `credits`; not `credit`, `creditor`. A letter before the endings may be theirs (`cancel`, `cancellation`). */
const isInflected = (a: string, b: string, shared: number): boolean => {
  for (let root = shared; root >= Math.max(SHORTEST_ROOT, shared - 2); root -= 1) {
    const [one, two] = [a.slice(root), b.slice(root)];
    if (ENDINGS.has(one) && ENDINGS.has(two) && !(one + two === 'ye' || one + two === 'ey')) return true;
  }
  return false;
};

const isKin = (a: string, b: string): boolean => {
  const longer = Math.max(a.length, b.length);
  if (longer > 40) return false;
  let shared = 0;
  while (shared < Math.min(a.length, b.length) && a[shared] === b[shared]) shared += 1;
  if (shared < SHORTEST_ROOT || shared < longer * LEAST_SHARED) return false;
  return isInflected(a, b, shared);
};
