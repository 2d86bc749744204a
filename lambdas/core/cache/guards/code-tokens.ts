import type { Guard } from './guard.ts';
import { languageOf } from './languages.ts';
import { readOnce } from './read-once.ts';
import { only } from './words.ts';

const LEADING = /^["'“”„«»‘’¿¡,;:]+/u;
/** Tried once a run: from each of its signs on, a long one takes seconds. */
const TRAILING = /(?<!["'“”„«»‘’?!.,;:？！。])["'“”„«»‘’?!.,;:？！。]+$/u;
/** What plain prose does not have inside of a word. */
const SIGNS = /[_\\/=<>{}[\]|&^~$#@*+`]|::|\w\(|\w\.\w/u;
const MONEY = /^[$€£¥]?\d[\d.,]*[$€£¥%]?$/u;
/** A flag, `camelCase`, letters with digits behind. */
const FORMS = /^--?\p{L}|\p{Ll}\p{Lu}|\p{L}-?\d/u;
const ENGLISH_PROSE = /^(?:[-–—·•…«»“”"'()¿¡]+|`+)$/u;
const PROSE_SIGNS = /^(?:[-–—·•…,;:«»“”"'()¿¡]+|`+)$/u;
/** A number with its unit (`5mg`, `14th`) is none. */
const MEASURE = /^\d[\d.,]*\p{L}{0,4}$/u;

/** Tokens that a machine reads, case and all. */
const readTokens = readOnce((text): ReadonlySet<string> => {
  const found = new Set<string>(); // French sets a space before a colon and a semicolon.
  const prose = languageOf(text) === 'english' ? ENGLISH_PROSE : PROSE_SIGNS;
  const pieces = text.split(/\s+/u).filter((piece) => piece !== '');
  for (const [i, piece] of pieces.entries()) {
    // Signs by themselves (`what does ?? do`), but no dash, nor what ends a sentence after a space as in French.
    if (
      i < pieces.length - 1 &&
      piece.length <= 8 &&
      /^[\p{P}\p{S}]+$/u.test(piece) &&
      !prose.test(piece) &&
      !(piece === '%' && /\d$/.test(pieces[i - 1] ?? ''))
    ) {
      found.add(piece.replaceAll('`', ''));
      continue;
    }
    const token = unwrap(piece.replace(LEADING, '').replace(TRAILING, ''));
    if (token.length === 0 || token.length > 500 || MONEY.test(token) || MEASURE.test(token)) {
      if (token.length > 500) found.add(token);
      continue;
    }
    if (SIGNS.test(token) || FORMS.test(token)) found.add(token.replaceAll('`', ''));
  }
  return found;
});

/** Without parentheses round it: `(see` is prose, `call()` is not. */
const unwrap = (token: string): string => {
  const inner = token.startsWith('(') ? token.slice(1) : token;
  return inner.endsWith(')') && !inner.includes('(') ? inner.slice(0, -1) : inner;
};

/** Flags, paths, identifiers, operators, versions, part numbers: the same in both, to the letter. */
export const differInCodeTokens: Guard = (a, b) => {
  const [left, right] = [readTokens(a), readTokens(b)];
  const [apart] = [...only(left, right), ...only(right, left)];
  return apart === undefined ? undefined : `code: ${apart.slice(0, 60)}`;
};
