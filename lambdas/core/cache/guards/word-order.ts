import { isFunctionWord, senseOf } from './function-words.ts';
import type { Guard } from './guard.ts';
import { countOf, hasUnspacedScript, isSameCount, wordTexts } from './words.ts';

/** Words that give what follows a part to play. */
const ROLES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    from: 'from von aus de desde du',
    to: 'to into nach zu à hasta towards',
    than: 'than als',
    with: 'with by mit durch par por con',
  }).flatMap(([role, words]) => words.split(' ').map((word) => [word, role] as const)),
);

interface Placed {
  sense: string;
  role: string | undefined;
}

const readPlaces = (words: readonly string[]): Placed[] => {
  const places: Placed[] = [];
  let role: string | undefined;
  for (const word of words) {
    const next = ROLES.get(word);
    if (next !== undefined) role = next;
    if (isFunctionWord(word) || next !== undefined) continue;
    places.push({ sense: senseOf(word), role });
    role = undefined;
  }
  return places;
};

/** Two words change places (`from Köln to Bonn`, `Bonn to Köln`; `dogs chase cats`), and none of them keeps its part. */
export const differInOrder: Guard = (a, b) =>
  hasUnspacedScript(a) || hasUnspacedScript(b) ? differInSigns(a, b) : (findExchange(a, b) ?? findExchange(b, a));

const findExchange: Guard = (a, b) => {
  const [wordsA, wordsB] = [wordTexts(a), wordTexts(b)];
  const [left, right] = [readPlaces(wordsA), readPlaces(wordsB)];
  const [ownRoles, otherRoles] = [rolesBySense(left), rolesBySense(right)];
  for (const [sense, own] of ownRoles) {
    const other = otherRoles.get(sense);
    const [from] = [...own].filter(isDirection);
    const [to] = [...(other ?? [])].filter(isDirection);
    // A word that comes twice (`from version 3 to version 4`) has several parts: only what has none in common is apart.
    if (from !== undefined && to !== undefined && ![...own].some((role) => isDirection(role) && other?.has(role)))
      return `${sense.slice(0, 40)}: ${from} and ${to}`;
  }
  const one = left.filter(({ sense }) => otherRoles.has(sense));
  const two = right.filter(({ sense }) => ownRoles.has(sense));
  if (one.length !== two.length) return undefined;
  const moved = one.flatMap(({ sense }, i) => (sense === two[i]?.sense ? [] : [i]));
  if (moved.length === 0) return undefined;
  const isWholeSwap = isSameCount(countOf(bare(wordsA)), countOf(bare(wordsB)));
  /** The one part that the other text gives this word. */
  const otherRole = (i: number): string | undefined => {
    const roles = otherRoles.get(one[i]?.sense ?? '');
    return roles?.size === 1 ? [...roles][0] : undefined;
  };
  // Both keep the part that their prepositions give them: only the order of telling changed.
  const keepParts = moved.every((i) => one[i]?.role !== undefined && otherRole(i) === one[i]?.role);
  if (keepParts) return undefined;
  const [first = 0, second = 0] = moved;
  const isExchange =
    moved.length === 2 && one[first]?.sense === two[second]?.sense && one[second]?.sense === two[first]?.sense;
  const changesDirection = isExchange && moved.some((i) => isDirection(one[i]?.role) !== isDirection(otherRole(i)));
  // Neighbours change places in paraphrases too (`a pancake recipe`, `a recipe for pancakes`).
  return isWholeSwap || changesDirection || (isExchange && second > first + 1)
    ? `order: ${one[first]?.sense.slice(0, 40)}`
    : undefined;
};

/** Every part that a word has in a text; undefined among them where no preposition gives it one. */
const rolesBySense = (places: readonly Placed[]): Map<string, Set<string | undefined>> => {
  const roles = new Map<string, Set<string | undefined>>();
  for (const { sense, role } of places) {
    const known = roles.get(sense);
    if (known === undefined) roles.set(sense, new Set([role]));
    else known.add(role);
  }
  return roles;
};

const isDirection = (role: string | undefined): role is string => role !== undefined && role !== 'with';

/** Without articles, and with `does` for what it is. */
const bare = (words: readonly string[]): string[] =>
  words
    .filter((word) => word !== 'a' && word !== 'an' && word !== 'the')
    .map((word) => (word === 'does' ? 'do' : word));

/** Without spaces, the same signs in another order are enough. */
const differInSigns: Guard = (a, b) =>
  a !== b && isSameCount(countOf(a.normalize('NFKC')), countOf(b.normalize('NFKC'))) ? 'order of signs' : undefined;
