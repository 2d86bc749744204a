import type { CanaryNote } from '../receipt.ts';

/**
 * `first`: the conversation was drawn for it. `behind`: it is asked where its target fails: nobody is kept from a version that
 * has all conversations, or may have them. `out`: it is not asked.
 */
export type CanaryStanding = 'first' | 'behind' | 'out';

export const canaryStanding = ({ place, share, slowStart = 1, unread }: CanaryNote): CanaryStanding => {
  if (unread) return 'behind';
  if (place < share * slowStart) return 'first';
  return share >= 1 ? 'behind' : 'out';
};

/** A version's id in one of its regions. Dates after an @, as in `claude@20251022`, are part of a model's name. */
export const isRegionOf = (id: string, pin: string): boolean =>
  id === pin || (id.startsWith(pin) && /^@[a-z][a-z0-9-]*$/.test(id.slice(pin.length)));

/** The place in which a target stands: its own, or, of a canary, that of the other version in the same region. */
export const placeOfTarget = (id: string, notes: readonly CanaryNote[]): string => {
  const note = notes.find(({ target }) => isRegionOf(id, target));
  return note === undefined ? id : note.of + id.slice(note.target.length);
};

/** Places in the order in which targets stand in them, each once. Whatever canaries are among these, it is the order that they were arranged from. */
export const placesBehind = (targets: readonly string[], notes: readonly CanaryNote[]): string[] => [
  ...new Set(targets.map((id) => placeOfTarget(id, notes))),
];

/**
 * Places in order → targets in the order in which they are asked. Pure, so that it can be made again from a receipt.
 *
 * A canary on trial is tried once, in the first of its regions, with its target right behind it. One that has all of the
 * conversations takes its target's place in every region, and the target comes behind the last of them.
 *
 * @param isAble whether a target can serve the request
 */
export const arrangeCanaries = (
  places: readonly string[],
  notes: readonly CanaryNote[],
  isAble: (id: string) => boolean,
): string[] => {
  const pairs = places.map((place) => {
    const note = notes.find(({ of }) => isRegionOf(place, of));
    return { place, note, canary: note === undefined ? place : note.target + place.slice(note.of.length) };
  });
  const tried = new Set<CanaryNote>();
  return pairs.flatMap(({ place, note, canary }, i) => {
    if (note === undefined) return [place];
    const standing = canaryStanding(note);
    if (standing === 'out') return [place];
    if (standing === 'first' && note.share < 1) {
      if (isAble(place) && (tried.has(note) || !isAble(canary))) return [place];
      tried.add(note);
      return [canary, place].filter(isAble);
    }
    const inOrder = (pair: { place: string; canary: string }): string[] =>
      (standing === 'first' ? [pair.canary, pair.place] : [pair.place, pair.canary]).filter(isAble);
    const isLast = !pairs.slice(i + 1).some((other) => other.note === note);
    const others = isLast ? pairs.filter((pair) => pair.note === note).flatMap((pair) => inOrder(pair).slice(1)) : [];
    return [...inOrder({ place, canary }).slice(0, 1), ...others];
  });
};
