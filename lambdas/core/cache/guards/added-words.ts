import { contentApart } from './content.ts';
import type { Guard } from './guard.ts';

/** A word of substance that one has in addition: a question about less, with an answer of its own (`cook rice`, `cook brown rice`). */
export const differInAddedWords: Guard = (a, b) => {
  const [left, right] = contentApart(a, b);
  const [added] = [...left, ...right];
  return added === undefined ? undefined : `only one says ${added.slice(0, 40)}`;
};
