import { isFunctionWord } from './function-words.ts';
import type { Guard } from './guard.ts';
import { readOnce } from './read-once.ts';
import { expandContractions, readWords, stemOf, wordTexts } from './words.ts';

const NEGATIONS = new Set(
  [
    'no not never none nothing neither nor cannot without unable non except unless hardly lack lacks lacking fail fails failed refuse refuses refused avoid avoids avoided',
    'nicht kein keine keinen keinem keiner keines ohne nie niemals nichts niemand weder außer',
    'pas sans jamais aucun aucune rien',
    'sin nunca jamás ningún ninguna ninguno nadie',
    'não nem nada',
    'senza mai nessun nessuna nessuno sem',
    'dont doesnt didnt cant wont isnt arent wasnt werent couldnt shouldnt wouldnt hasnt havent',
  ]
    .join(' ')
    .split(' '),
);

const UNSPACED = /不|没|沒|無|无|别|未|ない|なく|なし|ません|せず|しないで/gu;

const countNegations = readOnce((text): number => {
  let count = 0;
  for (const { text: word } of readWords(text)) if (NEGATIONS.has(word) || word.endsWith("n't")) count += 1;
  for (const _ of text.matchAll(UNSPACED)) count += 1;
  return count;
});

/** What is negated: the next word of substance that both texts have; none where none follows. */
const negatedIn = (text: string, shared: ReadonlySet<string>): string[] => {
  const negated: string[] = [];
  let open = 0;
  for (const word of wordTexts(expandContractions(text))) {
    if (NEGATIONS.has(word)) open += 1;
    else if (open > 0 && !isFunctionWord(word) && shared.has(stemOf(word))) {
      negated.push(...new Array<string>(open).fill(stemOf(word)));
      open = 0;
    }
  }
  return [...negated, ...new Array<string>(open).fill('')].sort();
};

const stemsOf = readOnce((text): ReadonlySet<string> => new Set(wordTexts(expandContractions(text)).map(stemOf)));

/** As many negations in one as in the other, and of the same words (`not rejected and caught`, `rejected and not caught`). */
export const differInNegation: Guard = (a, b) => {
  const [left, right] = [countNegations(a), countNegations(b)];
  if (left !== right) return `negated ${left} and ${right} times`;
  if (left === 0) return undefined;
  const others = stemsOf(b);
  const shared = new Set([...stemsOf(a)].filter((stem) => others.has(stem)));
  const [one, two] = [negatedIn(a, shared), negatedIn(b, shared)];
  const at = [...one, ...two].findIndex((_, i) => one[i] !== two[i]);
  return at === -1 ? undefined : `not ${one[at]?.slice(0, 40)} and not ${two[at]?.slice(0, 40)}`;
};
