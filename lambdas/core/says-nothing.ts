import type { JsonValue } from './conversation.ts';

/** Names of what no part of an answer can say; a vendor that has more is making them up, and nobody reads on. */
export const MOST_UNSAID = 20;

/** Members of members: what is nested deeper counts as said. */
const LOOKED_INTO = 3;

/** Whether a field of a vendor's answer says nothing: unset, empty, off, or holding only such. */
export const saysNothing = (value: JsonValue | undefined, depth = LOOKED_INTO): boolean => {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  if (typeof value !== 'object') return false;
  const members = Array.isArray(value) ? value : Object.values(value);
  return depth === 0 ? members.length === 0 : members.every((member) => saysNothing(member, depth - 1));
};
