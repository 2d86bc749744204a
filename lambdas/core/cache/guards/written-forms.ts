import { onlyCapital } from './case-words.ts';
import type { Guard } from './guard.ts';
import { readOnce } from './read-once.ts';

const WORD = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}]+)*['’]?/gu;
const SENTENCE_START = /(?:^|[.!?…。！？]\s|\n)[^\p{L}\p{N}"“„«'‘:]*$/u;
const LATER_START = /(?:[.!?…。！？]\s|\n)[^\p{L}\p{N}"“„«'‘:]*$/u;
/** Signs before a word that are looked at for a sentence's start. */
const LOOK_BACK = 12;
const FEWEST_WORDS = 3;

interface Forms {
  /** As written, where it is known, in the order of their coming. */
  sure: Set<string>;
  /** First of a sentence: its capital says nothing. */
  first: Set<string>;
}

/** Letters alone: without case, accents and apostrophes. */
const keyOf = (word: string): string =>
  word
    .normalize('NFKD')
    .replace(/[\p{M}'’]/gu, '')
    .toLowerCase()
    .replaceAll('ß', 'ss');

const lowered = (word: string): string => word.replace(/^\p{Lu}/u, (letter) => letter.toLowerCase());

const readForms = readOnce((spaced): ReadonlyMap<string, Forms> => {
  const text = spaced
    .trim()
    .replace(/[^\S\n]+/gu, ' ')
    .replace(/\n[ \n]*/gu, '\n');
  const forms = new Map<string, Forms>();
  for (const match of text.matchAll(WORD)) {
    // One that quotes a word ends it too.
    const raw = match[0].normalize('NFC').replaceAll('’', "'");
    const word = /['‘]/u.test(text[match.index - 1] ?? '') ? raw.replace(/'$/u, '') : raw;
    const key = keyOf(word);
    const before = text.slice(Math.max(0, match.index - LOOK_BACK), match.index);
    const isFirst =
      (match.index <= LOOK_BACK ? SENTENCE_START : LATER_START).test(before) && /^\p{Lu}[^\p{Lu}]*$/u.test(word);
    const found = forms.get(key) ?? { sure: new Set(), first: new Set() };
    if (isFirst) found.first.add(lowered(word));
    // "I" is the same word however it is typed.
    else found.sure.add(/^I(?:$|')/u.test(word) ? lowered(word) : word);
    forms.set(key, found);
  }
  return forms;
});

/** Written without any capital by whoever never sets one. */
const isAllSmall = (text: string, words: number): boolean => words >= FEWEST_WORDS && !/\p{Lu}/u.test(text);

/** One word in another form: a capital (`Polish`), an accent (`él`), an apostrophe (`dog's`). Where one has none at all, plain capitals are let pass. */
export const differInForms: Guard = (a, b) => {
  const [left, right] = [readForms(a), readForms(b)];
  const [smallLeft, smallRight] = [isAllSmall(a, left.size), isAllSmall(b, right.size)];
  for (const [key, one] of left) {
    const two = right.get(key);
    if (two === undefined) continue;
    const isLoose = smallLeft !== smallRight && !onlyCapital(key);
    const sureOne = isLoose ? loosened(one.sure) : one.sure;
    const sureTwo = isLoose ? loosened(two.sure) : two.sure;
    if (!isSameForm({ ...one, sure: sureOne }, { ...two, sure: sureTwo }))
      return `written otherwise: ${key.slice(0, 40)}`;
  }
  return undefined;
};

/** Of `Berlin` its small form; `NY` and `iPhone` as they are. */
const loosened = (forms: ReadonlySet<string>): Set<string> =>
  new Set([...forms].map((form) => (/^\p{Lu}[^\p{Lu}]+$/u.test(form) ? lowered(form) : form)));

const isSameForm = (a: Forms, b: Forms): boolean => {
  if (a.sure.size > 0 && b.sure.size > 0) return [...a.sure].join(' ') === [...b.sure].join(' ');
  // Only at a sentence's start in one of them: the rest of its letters tell.
  const [one, two] = [plainForms(a), plainForms(b)];
  return one.size === two.size && [...one].every((form) => two.has(form));
};

const plainForms = ({ sure, first }: Forms): Set<string> => new Set([...[...sure].map(lowered), ...first]);
