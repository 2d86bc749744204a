import type { Guard } from './guard.ts';
import { languageOf } from './languages.ts';
import { readOnce } from './read-once.ts';
import { countOf } from './words.ts';

/** Names of numbers in English, German, French and Spanish. Ones are articles as well: see `ONES`. */
const NAMED: ReadonlyMap<string, number> = new Map(
  Object.entries({
    1: 'first single einmal erste ersten erster erstes première premier primer primera primero',
    2: 'two second twice both zwei zweite zweiten zweimal deux deuxième deuxièmes dos segundo segunda',
    3: 'three third drei dritte dritten dreimal trois troisième tres tercer tercera',
    4: 'four fourth vier vierte vierten quatre quatrième cuatro cuarto',
    5: 'five fifth fünf fünfte cinq cinquième cinco quinto',
    6: 'six sixth sechs sechste sixième seis sexto',
    7: 'seven seventh sieben siebte sept septième siete',
    8: 'eight eighth acht achte huit huitième ocho',
    9: 'nine ninth neun neunte neuf neuvième nueve',
    10: 'ten tenth zehn zehnte dix dixième diez',
    11: 'eleven eleventh elf elfte onze once',
    12: 'twelve twelfth dozen zwölf zwölfte dutzend douze douzaine doce docena',
    13: 'thirteen thirteenth dreizehn treize trece',
    14: 'fourteen fourteenth vierzehn quatorze catorce',
    15: 'fifteen fifteenth fünfzehn quinze quince',
    16: 'sixteen sixteenth sechzehn seize dieciséis',
    17: 'seventeen seventeenth siebzehn diecisiete',
    18: 'eighteen eighteenth achtzehn dieciocho',
    19: 'nineteen nineteenth neunzehn diecinueve',
    20: 'twenty twentieth zwanzig vingt veinte',
    30: 'thirty thirtieth dreißig trente treinta',
    40: 'forty fortieth vierzig quarante cuarenta',
    50: 'fifty fiftieth fünfzig cinquante cincuenta',
    60: 'sixty sixtieth sechzig soixante sesenta',
    70: 'seventy siebzig septante setenta',
    80: 'eighty achtzig huitante ochenta',
    90: 'ninety neunzig nonante noventa',
    0: 'zero null zéro cero',
    0.5: 'half halb halbe halben demi demie medio media',
  }).flatMap(([value, names]) => names.split(' ').map((name) => [name, Number(value)] as const)),
);

const ONES = new Set('one ein eine einen einem einer eines eins un une uno una'.split(' '));
/** "Once" is eleven in Spanish, and too often a time in English. */
const NOT_A_NUMBER = new Set(['once']);

const SCALES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    100: 'hundred hundert cent cien',
    1000: 'thousand tausend mille mil',
    1000000: 'million millions millionen millón millones',
  }).flatMap(([value, names]) => names.split(' ').map((name) => [name, Number(value)] as const)),
);

export const isNumberWord = (word: string): boolean => NAMED.has(word) || ONES.has(word) || SCALES.has(word);

const CHINESE: ReadonlyMap<string, number> = new Map(
  [...'〇一二三四五六七八九十百千万'].map((digit, i) => [
    digit,
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100, 1_000, 10_000][i] ?? 0,
  ]),
);

/** A clock's time belongs to the guard of times. */
const CLOCK = /(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?!\d)/g;
const DIGITS_OR_WORD = /(?<=^|\s)[-−]\d[\d.,]*|\d[\d.,]*(?:k(?!\p{L}))?|[\p{L}\p{M}]+/gu;

interface Numbers {
  sure: Map<string, number>;
  /** Words that are the number one or an article. */
  perhapsOnes: number;
}

const readNumbers = readOnce((text): Numbers => {
  const found: string[] = [];
  let perhapsOnes = 0;
  let previous: { value: number; end: number } | undefined;
  const language = languageOf(text);
  const plain = text.normalize('NFKC').toLowerCase().replace(CLOCK, ' ').replace(/\s+/g, ' ');
  for (const match of plain.matchAll(DIGITS_OR_WORD)) {
    const [token] = match;
    const joins = previous !== undefined && /^[\s-]?$/.test(plain.slice(previous.end, match.index));
    const end = match.index + token.length;
    if (/\d/.test(token)) {
      found.push(canonicalNumber(token, language));
      previous = { value: Number(found.at(-1)), end };
      continue;
    }
    const scale = SCALES.get(token);
    const named = NOT_A_NUMBER.has(token) ? undefined : NAMED.get(token);
    if (scale !== undefined) {
      if (joins && previous !== undefined) found.pop();
      const value = (joins ? (previous?.value ?? 1) : 1) * scale;
      found.push(String(value));
      previous = { value, end };
    } else if (named !== undefined) {
      // "Thirty second", a duration: the word counts nothing after digits or a whole number.
      const isUnit = token === 'second' && joins;
      const adds =
        joins && previous !== undefined && previous.value >= 20 && previous.value < 100 && named < 10 && named >= 1;
      if (isUnit) continue;
      if (adds) found.pop();
      const value = (adds ? (previous?.value ?? 0) : 0) + named;
      found.push(String(value));
      previous = { value, end };
    } else {
      if (ONES.has(token)) {
        const adds = joins && previous !== undefined && previous.value >= 20 && previous.value < 100;
        if (adds) {
          found.pop();
          found.push(String((previous?.value ?? 0) + 1));
        } else perhapsOnes += 1;
        previous = { value: 1, end };
        continue;
      }
      for (const character of token) {
        const value = CHINESE.get(character);
        if (value !== undefined) found.push(String(value));
      }
      previous = undefined;
    }
  }
  return { sure: countOf(found), perhapsOnes };
});

/** `45,000` and `45000`, `4,50` and `4.50` are one each; `3.10` is a version later than `3.1`, and a date's dots stay. */
const canonicalNumber = (token: string, language: string | undefined): string => {
  const trimmed = token.replace('−', '-').replace(/(?<![.,])[.,]+(k?)$/, '$1');
  const factor = trimmed.endsWith('k') ? 1_000 : 1;
  const digits = factor === 1 ? trimmed : trimmed.slice(0, -1);
  if (/^-?\d{1,3}(?:([,.])\d{3})(?:\1\d{3})*$/.test(digits) && !isDecimal(digits, language))
    return String(Number(digits.replace(/[,.]/g, '')) * factor);
  const mixed = /^(-?\d{1,3}(?:,\d{3})+)\.(\d+)$/.exec(digits) ?? /^(-?\d{1,3}(?:\.\d{3})+),(\d+)$/.exec(digits);
  const decimal = mixed ? `${mixed[1]?.replace(/[,.]/g, '')}.${mixed[2]}` : digits.replace(',', '.');
  // Beyond what a double holds, the digits themselves.
  if (!/^-?\d+(?:\.\d+)?$/.test(decimal) || decimal.length > 15) return digits;
  const [whole = '', fraction = ''] = decimal.split('.');
  if (factor !== 1 || /^0*$/.test(fraction)) return String(Number(decimal) * factor);
  return `${Number(whole)}.${fraction}`;
};

/** `3.125` of English, `3,125` of the others: thousands elsewhere. */
const isDecimal = (digits: string, language: string | undefined): boolean =>
  language === 'english'
    ? /^-?\d{1,3}\.\d{3}$/.test(digits)
    : language !== undefined && /^-?\d{1,3},\d{3}$/.test(digits);

/** Every number of one is a number of the other, as often. A word that may be an article may stand for a 1, or for nothing. */
export const differInNumbers: Guard = (a, b) => {
  const [left, right] = [readNumbers(a), readNumbers(b)];
  for (const value of new Set([...left.sure.keys(), ...right.sure.keys()])) {
    const [of, over] = [left.sure.get(value) ?? 0, right.sure.get(value) ?? 0];
    if (of === over) continue;
    const fewer = of < over ? left : right;
    if (value === '1' && Math.abs(of - over) <= fewer.perhapsOnes) continue;
    return `number ${value.slice(0, 20)}`;
  }
  return undefined;
};
