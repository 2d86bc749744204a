import type { Guard } from './guard.ts';
import { readOnce } from './read-once.ts';
import { only } from './words.ts';

/** One unit a line: words that mean it wherever they stand. */
const ANYWHERE = `
usd dollar dollars usd
eur euro euros eur
gbp gbp sterling
jpy yen jpy
chf franc francs franken franco francos chf
cny yuan renminbi cny rmb
inr rupee rupees inr
peso peso pesos mxn
cent cents centime centimes céntimos
percent percent prozent pourcent ciento
kg kilogram kilograms kilogramm kilogramme kilogrammes kilogramo kilogramos kilo kilos
g gram grams gramm gramme grammes gramo gramos
mg milligram milligrams milligramm milligramme milligrammes miligramo miligramos
pound pound pounds livres libra libras pfund lbs lb
ounce ounce ounces unze unzen onza onzas
km kilometer kilometers kilometre kilometres kilomètre kilomètres kilómetro kilómetros
m meter meters metre metres mètre mètres metros
cm centimeter centimeters centimetre centimetres zentimeter centimètre centimètres centímetro centímetros
mile mile miles meile meilen milla millas
foot foot feet fuß
inch inch inches zoll pulgada pulgadas
yard yard yards
l liter liters litre litres litro litros
ml milliliter milliliters millilitre millilitres mililitro mililitros
cup cup cups tasse tassen tasses taza tazas
tbsp tablespoon tablespoons esslöffel tbsp
tsp teaspoon teaspoons teelöffel tsp
celsius celsius centigrade
fahrenheit fahrenheit
kelvin kelvin
byte byte bytes
kb kilobyte kilobytes
mb megabyte megabytes
gb gigabyte gigabytes
tb terabyte terabytes
mmol mmol millimol
watt watt watts
kw kilowatt kilowatts
kwh kwh
calorie calorie calories kalorien kcal
joule joule joules
mph mph
kmh kmh
soup-spoon soupe
coffee-spoon café
`;

/** Short or ambiguous: a unit only right after a number. */
const AFTER_NUMBER = `
kg kg kgs
g g gr
mg mg
mcg mcg µg
km km kms
m m
cm cm
mm mm
mile mi
l l
ml ml
dl dl
second s sec secs second seconds sekunde sekunden seconde secondes segundo segundos
ms ms millisecond milliseconds
minute min mins minute minutes minuten minutos
hour h hr hrs hour hours stunde stunden heure heures hora horas
day day days tag tage tagen jour jours día días d
week week weeks woche wochen semaine semaines semana semanas
month month months monat monate monaten mois mes meses
year year years jahr jahre jahren an ans año años
kb kb
mb mb
gb gb
tb tb
celsius c
fahrenheit f
foot ft
ounce oz
percent pct
`;

const SYMBOLS: ReadonlyMap<string, string> = new Map([
  ['$', 'usd'],
  ['€', 'eur'],
  ['£', 'gbp'],
  ['¥', 'jpy'],
  ['₹', 'inr'],
  ['%', 'percent'],
]);

const UNSPACED: readonly (readonly [string, RegExp])[] = [
  ['usd', /ドル|美元/u],
  ['eur', /ユーロ|欧元/u],
  ['jpy', /日元|円/u],
  ['km', /公里|キロメートル/u],
  ['mile', /英里|マイル/u],
  ['kg', /公斤|キログラム/u],
];

const tableOf = (lines: string): ReadonlyMap<string, string> =>
  new Map(
    lines
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [unit = '', ...words] = line.split(' ');
        return words.map((word) => [word, unit] as const);
      }),
  );
const UNITS = tableOf(ANYWHERE);
const SHORT_UNITS = tableOf(AFTER_NUMBER);

/** Time's units count wherever they stand (`in seconds`, `in minutes`), but for what is asked (`what year`) or counts (`second`). */
const TIME_UNITS: ReadonlyMap<string, string> = new Map(
  [...SHORT_UNITS]
    .filter(
      ([word, unit]) =>
        word.length > 2 &&
        /^(?:ms|second|minute|hour|day|week|month|year)$/.test(unit) &&
        !['second', 'min', 'sec'].includes(word),
    )
    .concat(
      'hourly hour|daily day|täglich day|weekly week|monthly month|yearly year|annually year'
        .split('|')
        .map((line) => line.split(' ') as [string, string]),
    ),
);
const ASKED_BEFORE = new Set(
  'opening business office what which welchem welcher welches quel quelle qué qual quale'.split(' '),
);

export const isUnitWord = (word: string): boolean => UNITS.has(word) || (word.length > 2 && SHORT_UNITS.has(word));

const PIECE = /[$€£¥₹%]|\d[\d.,]*|[\p{L}\p{M}]+/gu;
/** Some clients write a spoon's kind after it, or a currency's land before. */
const SPOON = new Set(['soup-spoon', 'coffee-spoon']);

const readUnits = readOnce((text): ReadonlySet<string> => {
  const found = new Set<string>();
  let isAfterNumber = false;
  let previous = '';
  let hasSpoon = false;
  for (const [piece] of text.normalize('NFKC').replaceAll('μ', 'µ').matchAll(PIECE)) {
    if (/\d/.test(piece)) {
      isAfterNumber = true;
      continue;
    }
    const word = piece.toLowerCase();
    hasSpoon ||= word.startsWith('cuill') || word.startsWith('cuchar');
    const unit =
      SYMBOLS.get(piece) ??
      UNITS.get(word) ??
      (isAfterNumber ? SHORT_UNITS.get(word) : undefined) ??
      (ASKED_BEFORE.has(previous) ? undefined : TIME_UNITS.get(word));
    previous = word;
    if (unit !== undefined && (!SPOON.has(unit) || hasSpoon)) found.add(unit);
    isAfterNumber = word === 'degrees' || word === 'grad' || NUMBER_WORDS.has(word);
  }
  for (const [unit, pattern] of UNSPACED) if (pattern.test(text)) found.add(unit);
  return found;
});

const NUMBER_WORDS = new Set(
  'one two three four five six seven eight nine ten twelve fifteen twenty thirty forty fifty sixty ninety hundred thousand million zwei drei vier fünf sechs deux trois quatre cinq six dos tres cuatro cinco seis'.split(
    ' ',
  ),
);

/** The units and currencies of one are those of the other. */
export const differInUnits: Guard = (a, b) => {
  const [left, right] = [readUnits(a), readUnits(b)];
  const [apart] = [...only(left, right), ...only(right, left)];
  return apart === undefined ? undefined : `unit: ${apart}`;
};
