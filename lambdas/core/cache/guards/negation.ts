import type { Guard } from './guard.ts';
import { readWords } from './words.ts';

const NEGATIONS = new Set(
  [
    'no not never none nothing neither nor cannot without unable non except unless hardly lack lacks lacking fail fails failed refuse refuses refused avoid avoids avoided',
    'nicht kein keine keinen keinem keiner keines ohne nie niemals nichts niemand weder außer',
    'pas sans jamais aucun aucune rien',
    'sin nunca jamás ningún ninguna ninguno nadie',
    'dont doesnt didnt cant wont isnt arent wasnt werent couldnt shouldnt wouldnt hasnt havent',
  ]
    .join(' ')
    .split(' '),
);

const UNSPACED = /不|没|沒|無|无|别|未|ない|なく|なし|ません|せず|しないで/gu;

const countNegations = (text: string): number => {
  let count = 0;
  for (const { text: word } of readWords(text)) if (NEGATIONS.has(word) || word.endsWith("n't")) count += 1;
  for (const _ of text.matchAll(UNSPACED)) count += 1;
  return count;
};

/** As many negations in one as in the other. */
export const differInNegation: Guard = (a, b) => {
  const [left, right] = [countNegations(a), countNegations(b)];
  return left === right ? undefined : `negated ${left} and ${right} times`;
};
