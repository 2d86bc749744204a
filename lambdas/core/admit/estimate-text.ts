/** What one pass over a text shows of its tokens, for any tokenizer. */
export interface TextCounts {
  /** Tokens that a byte-pair tokenizer of OpenAI's makes at most, hostile text included (tested against two of them). */
  high: number;
  /** Tokens that any makes at least. */
  low: number;
  /** UTF-8: no byte-pair tokenizer makes more tokens than bytes. */
  bytes: number;
}

/**
 * Letters that follow each letter in 97 % of natural text in Latin letters. Pairs out of it are what random letters, base64
 * and identifiers are made of; tokenizers know no long words for them.
 */
export const COMMON_PAIRS: Record<string, string> = {
  a: 'bcdfgiklmnprstuvwxy',
  b: 'aeijlorsuy',
  c: 'aehiklorstu',
  d: 'adeilorsu',
  e: 'abcdefgilmnpqrstvwxy',
  f: 'aefiloru',
  g: 'aehilnorsu',
  h: 'aeiorstu',
  i: 'abcdefgklmnoprstvz',
  j: 'aeos',
  k: 'aeis',
  l: 'adeilopstuvy',
  m: 'abegijlmopsu',
  n: 'acdefgiklnopstuvy',
  o: 'abcdefgiklmnoprstuvw',
  p: 'aeilmoprstu',
  q: 'u',
  r: 'acdefgiklmnorstuy',
  s: 'acdehiloprstuvy',
  t: 'acdehiloprstuy',
  u: 'abcdegilmnprst',
  v: 'aegi',
  w: 'aehinorsw',
  x: 'aipt',
  y: 'anops',
  z: 'e',
};

const ASCII = 128;
/** One token, in the hundredths that the table counts in. */
const TOKEN = 100;

type Kind = 'lower' | 'upper' | 'digit' | 'space' | 'punctuation' | 'control';

const kindOf = (code: number): Kind => {
  if (code >= 97 && code <= 122) return 'lower';
  if (code >= 65 && code <= 90) return 'upper';
  if (code >= 48 && code <= 57) return 'digit';
  if (code === 32 || (code >= 9 && code <= 13)) return 'space';
  return code > 32 && code < 127 ? 'punctuation' : 'control';
};

const SPACE = 32;
const LINE_FEED = 10;
const TAB = 9;
const RUNS: ReadonlySet<number> = new Set([SPACE, TAB, LINE_FEED]);

/** What a character adds after another, hundredths of a token. */
const costOf = (before: number, code: number): number => {
  const kind = kindOf(code);
  const kindBefore = kindOf(before);
  if (kind === 'control') return TOKEN;
  if (kind === 'space') {
    // Runs of spaces, tabs or line feeds are tokens of their own; those of rarer white space are not.
    if (kindBefore === 'space') return before === code && RUNS.has(code) ? 15 : TOKEN;
    // A space goes into the token of the word after it; a line break only into that of the punctuation before it.
    if (code === SPACE) return 30;
    return kindBefore === 'punctuation' && code === LINE_FEED ? 85 : TOKEN;
  }
  if (kind === 'digit') {
    // Three to a token with OpenAI, fewer with others. A space before a number is a token of its own.
    if (kindBefore === 'digit') return 40;
    return kindBefore === 'space' ? 2 * TOKEN - 30 : TOKEN;
  }
  if (kind === 'punctuation') {
    if (kindBefore !== 'punctuation') return TOKEN;
    return before === code ? 55 : TOKEN;
  }
  const isSameWord = kindBefore === kind || (kind === 'lower' && kindBefore === 'upper');
  if (!isSameWord) return TOKEN;
  if (before === code) return 75;
  const next = String.fromCharCode(code).toLowerCase();
  const isCommon = COMMON_PAIRS[String.fromCharCode(before).toLowerCase()]?.includes(next) ?? false;
  if (!isCommon) return TOKEN;
  if (kindBefore !== kind) return 95;
  return kind === 'lower' ? 34 : 80;
};

/** Words of natural text are short; what runs on is random, or a compound, and falls into more tokens. */
const LONG_WORD = 5;
const VERY_LONG_WORD = 12;
const LONG_WORD_COST = 16;
const VERY_LONG_WORD_COST = 26;

/** By the character before (rows) and the character. */
const COSTS = Uint8Array.from({ length: ASCII * ASCII }, (_, at) => costOf(Math.floor(at / ASCII), at % ASCII));
const IS_WORD = Uint8Array.from({ length: ASCII }, (_, code) => (/[A-Za-z]/.test(String.fromCharCode(code)) ? 1 : 0));
const IS_DIGIT = Uint8Array.from({ length: ASCII }, (_, code) => (kindOf(code) === 'digit' ? 1 : 0));

/** No token of any tokenizer holds more letters than this of one word, or digits of one number. */
const LONGEST_WORD_TOKEN = 32;
const LONGEST_NUMBER_TOKEN = 8;

/** No tokenizer known to us joins words, or a word and a number; a quarter is left to those that are not. */
const SURELY = 0.75;

/** One pass, linear, no allocation: 6 MB take some ten milliseconds. */
export const countText = (text: string): TextCounts => {
  let hundredths = 0;
  let bytes = 0;
  let low = 0;
  /** The run of letters or digits that the last character belongs to. */
  let word = 0;
  let digits = 0;
  let before = 0;
  const { length } = text;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code < ASCII) {
      bytes += 1;
      hundredths += COSTS[before * ASCII + code] ?? TOKEN;
      if (code === SPACE && before === SPACE && isWithinLine(text.charCodeAt(at - 2))) hundredths += SECOND_SPACE_COST;
      before = code;
      if (IS_WORD[code] === 1) {
        if (word % LONGEST_WORD_TOKEN === 0) low += 1;
        word += 1;
        if (word > LONG_WORD) hundredths += word > VERY_LONG_WORD ? VERY_LONG_WORD_COST : LONG_WORD_COST;
        digits = 0;
      } else if (IS_DIGIT[code] === 1) {
        if (digits % LONGEST_NUMBER_TOKEN === 0) low += 1;
        digits += 1;
        word = 0;
      } else {
        word = 0;
        digits = 0;
      }
      continue;
    }
    // Half of a surrogate pair is two of its four bytes; a lone one is written as three, and so are all others from here on.
    const isPaired = code >= 0xd800 && code <= 0xdfff && isHalfOfPair(text, at, code);
    const size = code < 0x800 || isPaired ? 2 : 3;
    bytes += size;
    hundredths += size * TOKEN;
    before = 0;
    // As a letter, since it may be one: `café` can be one token.
    if (word % LONGEST_WORD_TOKEN === 0) low += 1;
    word += 1;
    digits = 0;
  }
  return { high: Math.min(bytes, Math.ceil(hundredths / TOKEN)), low: Math.floor(low * SURELY), bytes };
};

/** Two spaces inside a line are a token and the start of the next word's; a whole indentation is one. */
const SECOND_SPACE_COST = 70;
const isWithinLine = (code: number): boolean => code > SPACE;

const isHalfOfPair = (text: string, at: number, code: number): boolean => {
  if (code < 0xdc00) {
    const next = text.charCodeAt(at + 1);
    return next >= 0xdc00 && next <= 0xdfff;
  }
  const previous = text.charCodeAt(at - 1);
  return previous >= 0xd800 && previous <= 0xdbff;
};
