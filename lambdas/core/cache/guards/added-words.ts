import { contentApart } from './content.ts';
import type { Guard } from './guard.ts';
import { wordTexts } from './words.ts';

/** Of politeness; what says that many small words more says something by them. */
const MOST_SMALL_WORDS = 15;

/** A word of substance that one has in addition: a question about less, with an answer of its own (`cook rice`, `cook brown rice`). */
export const differInAddedWords: Guard = (a, b) => {
  const [left, right] = contentApart(a, b);
  const [added] = [...left, ...right];
  if (added !== undefined) return `only one says ${added.slice(0, 40)}`;
  return Math.abs(wordTexts(a).length - wordTexts(b).length) > MOST_SMALL_WORDS ? 'one says far more' : undefined;
};
