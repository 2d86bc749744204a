import type { Guard } from './guard.ts';
import { wordTexts } from './words.ts';

/** What a question asks for, by its word in English, German, French and Spanish. `What` and `which` ask for anything. */
const ASKED: ReadonlyMap<string, string> = new Map(
  Object.entries({
    time: 'when wann quand cuándo',
    place: 'where wo wohin woher où dónde adónde',
    reason: 'why warum wieso weshalb pourquoi',
    person: 'who whom whose wer wen wem quién quiénes',
    way: 'how wie comment cómo',
  }).flatMap(([asked, words]) => words.split(' ').map((word) => [word, asked] as const)),
);

/** `How` with one of these asks for that; with any other word but a verb for a degree, which `what` can name as well. */
const HOW: ReadonlyMap<string, string> = new Map(
  Object.entries({
    quantity: 'much many viel viele',
    duration: 'long lange',
    frequency: 'often frequently oft häufig',
    distance: 'far weit',
    age: 'old alt',
    hardness: 'hard difficult schwer schwierig',
  }).flatMap(([asked, words]) => words.split(' ').map((word) => [word, asked] as const)),
);
const VERBS = new Set(
  "do does did can could should would will is are was were must may might have has to i'd kann könnte soll muss mache macht ist sind geht bekomme komme puedo puede hago se est fait faire puis peut".split(
    ' ',
  ),
);

const readAsked = (text: string): Set<string> => {
  const found = new Set<string>();
  const words = wordTexts(text);
  for (const [i, word] of words.entries()) {
    const asked = word === 'qué' && words[i - 1] === 'por' ? 'reason' : ASKED.get(word);
    if (asked === undefined) continue;
    const next = words[i + 1] ?? '';
    const degree = asked === 'way' ? HOW.get(next) : undefined;
    if (degree !== undefined) found.add(degree);
    else if (asked !== 'way' || VERBS.has(next)) found.add(asked);
  }
  return found;
};

/** Both ask for something that a question word names, and for nothing in common: `when was he born`, `where was he born`. */
export const differInQuestionWords: Guard = (a, b) => {
  const [left, right] = [readAsked(a), readAsked(b)];
  const isApart = left.size > 0 && right.size > 0 && ![...left].some((asked) => right.has(asked));
  return isApart ? `asks for ${[...left].join(', ')} and ${[...right].join(', ')}` : undefined;
};
