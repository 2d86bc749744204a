import type { Guard } from './guard.ts';

/** Characters of one kind of quotes, opening and closing. An apostrophe within a word is none. */
const QUOTED =
  /"([^"]*)"|“([^”“"]*)[”“"]|„([^„“”"]*)[“”"]|«([^«»]*)»|`([^`]+)`|(?<![\p{L}\p{N}])'([^'\n]*)'(?![\p{L}\p{N}])|‘([^‘’\n]*)’(?![\p{L}\p{N}])/gu;
/** More are a document, of which all has to be the same. */
const MOST_QUOTES = 20;
const OPENING = /:(?=\s)/u;
/** Behind it comes the question itself. */
const ANNOUNCED = /^[^:]{0,40}\b(?:question|frage|pregunta|pergunta|domanda)\s*:/iu;

const quotedIn = (text: string): string[] =>
  [...text.matchAll(QUOTED)].flatMap(([all, ...parts]) => {
    const part = parts.find((one) => one !== undefined);
    // French sets a blank inside of its quotes.
    return part === undefined || part.trim() === '' ? [] : [all.startsWith('«') ? part.trim() : part];
  });

/** What stands after a colon: the matter of the question, and not its words. */
const matterOf = (announced: string): string | undefined => {
  const text = announced.replace(ANNOUNCED, '');
  const at = text.search(OPENING);
  const matter = at === -1 ? '' : text.slice(at + 1);
  return matter.trim() === '' ? undefined : matter.replace(/^[^\S\n]*\n?/u, '').trimEnd();
};

/** Blanks that lines begin with, and tabs: what code and tables mean by them. */
const layoutOf = (text: string): string => {
  const lines = text
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.length < 2 ? '' : lines.map((line, i) => (i === 0 ? '' : (/^\s*/u.exec(line)?.[0] ?? ''))).join('|');
};

const isQuotedIn = (quoted: readonly string[], text: string): boolean => quoted.every((part) => text.includes(part));

/** What is quoted or given is the same to the letter: case, blanks and signs are what is asked about there. */
export const differInGivenText: Guard = (a, b) => {
  const [left, right] = [quotedIn(a), quotedIn(b)];
  const isSame =
    left.length > MOST_QUOTES || right.length > MOST_QUOTES
      ? left.join('\n') === right.join('\n')
      : isQuotedIn(left, b) && isQuotedIn(right, a);
  if (!isSame) return 'quoted otherwise';
  const [one, two] = [matterOf(a), matterOf(b)];
  // "Translate: good morning", "translate 'good morning'".
  const isQuoted =
    (one === undefined && right.length === 0 && left.includes(two ?? '')) ||
    (two === undefined && left.length === 0 && right.includes(one ?? ''));
  if (one !== two && !isQuoted) return 'given after a colon';
  if (layoutOf(a) !== layoutOf(b)) return 'lines begin otherwise';
  return (a.trim().match(/\t/g)?.length ?? 0) === (b.trim().match(/\t/g)?.length ?? 0) ? undefined : 'tabs';
};
