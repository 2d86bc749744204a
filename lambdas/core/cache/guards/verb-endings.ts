import type { Guard } from './guard.ts';
import { languageOf } from './languages.ts';
import { only, wordTexts } from './words.ts';

/** Languages that say who acts by the verb's ending alone. */
const LANGUAGES = new Set(['spanish', 'portuguese', 'italian']);
const OTHERS = /(?:as|es|a|e|i|an|en|am|em|amos|emos|imos|iamo|ano|ono)$/;
const SHORTEST_ROOT = 3;
const LONGEST_WORD = 30;

const rootsOf = (words: readonly string[], ending: RegExp): Set<string> =>
  new Set(
    words
      .filter((word) => word.length <= LONGEST_WORD && ending.test(word))
      .flatMap((word) => {
        const root = word.replace(ending, '');
        return root.length >= SHORTEST_ROOT ? [root] : [];
      }),
  );

/** Who acts, where nothing but an ending says it: `¿cuándo pago?`, `¿cuándo pagas?`. */
export const differInVerbEndings: Guard = (a, b) => {
  if (!LANGUAGES.has(languageOf(a) ?? languageOf(b) ?? '') && !LANGUAGES.has(languageOf(b) ?? languageOf(a) ?? ''))
    return undefined;
  const [left, right] = [new Set(wordTexts(a)), new Set(wordTexts(b))];
  // "¿Cómo se cambia?": whoever does it.
  if (['se', 'si'].some((word) => left.has(word) !== right.has(word))) return undefined;
  const [one, two] = [only(left, right), only(right, left)];
  const [mine, other] = [rootsOf(one, /o$/), rootsOf(two, /o$/)];
  const [theirs, another] = [rootsOf(two, OTHERS), rootsOf(one, OTHERS)];
  const found = [...mine].find((root) => theirs.has(root)) ?? [...other].find((root) => another.has(root));
  return found === undefined ? undefined : `who acts: ${found}…`;
};
