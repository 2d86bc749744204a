import type { Guard } from './guard.ts';
import { languageOf } from './languages.ts';
import { readWords } from './words.ts';

/** `Den`, `einem`: the noun behind it is acted on. */
const ACTED_ON = /^(?:de|eine|meine|deine|seine|ihre|unsere|eure|keine|diese|jede)[mn]$/;

/** Words that stand right behind an article of an object, and those behind another or none. */
const readObjects = (text: string): Map<string, boolean> => {
  const words = readWords(text);
  return new Map(
    words.map(({ text: word }, i) => {
      const article = words[i - 1]?.text ?? '';
      return [word, article.length <= 7 && ACTED_ON.test(article)];
    }),
  );
};

/** Which noun acts and which is acted on, where German says it by their articles alone: `den Hund beißt der Mann`. */
export const differInCases: Guard = (a, b) => {
  if (languageOf(a) !== 'german' && languageOf(b) !== 'german') return undefined;
  const [left, right] = [readObjects(a), readObjects(b)];
  const shared = [...left.keys()].filter((word) => right.has(word));
  const one = shared.find((word) => left.get(word) && !right.get(word));
  const two = shared.find((word) => right.get(word) && !left.get(word));
  return one === undefined || two === undefined ? undefined : `acted on: ${one.slice(0, 40)} and ${two.slice(0, 40)}`;
};
