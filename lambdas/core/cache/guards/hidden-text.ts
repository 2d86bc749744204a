import type { Guard } from './guard.ts';

/**
 * What a reader does not see and a model reads: control, format, private and unassigned characters, tags, fillers, selectors,
 * separators of lines that are no newline, and what stands for a character that got lost. Emoji that are joined of several are
 * among them: nothing tells those joins from others.
 */
const HIDDEN = /(?![\t\n])[\p{C}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800\ufffc\ufffd]/gu;
/** Out of sight: more empty lines, or more blanks, than anybody sets. */
const FAR_AWAY = /(?:\n[^\S\n]*){5}|[^\S\n]{40}/u;

/** Whether a text holds what its reader can't see: an answer to it would be given to those who ask what is seen of it. */
export const hasHiddenText = (text: string): boolean => {
  const plain = text.replaceAll('\r\n', '\n');
  return plain.search(HIDDEN) !== -1 || FAR_AWAY.test(plain);
};

const hiddenIn = (text: string): string => (text.replaceAll('\r\n', '\n').match(HIDDEN) ?? []).join('');

/** What was kept before such texts were shut out: the same hidden characters in both. */
export const differInHiddenText: Guard = (a, b) =>
  hiddenIn(a) === hiddenIn(b) ? undefined : 'characters out of sight';
