import { contentApart } from './content.ts';
import type { Guard } from './guard.ts';

/**
 * A word of substance in the place of another: what an embedder takes for a small difference and is another question
 * (`cancel my order`, `track my order`). A paraphrase that says it with a word that nobody has listed is lost: a miss.
 */
export const differInSwappedWords: Guard = (a, b) => {
  const [[one], [two]] = contentApart(a, b);
  return one !== undefined && two !== undefined ? `${one.slice(0, 40)} and ${two.slice(0, 40)}` : undefined;
};
