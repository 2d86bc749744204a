import type { Guard } from './guard.ts';
import { isNumberWord } from './numbers.ts';
import { readOnce } from './read-once.ts';
import { only, readWords, type Word } from './words.ts';

/** One meaning a line: its words in English, German, French, Spanish. */
const MEANINGS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    monday: 'monday mondays montag montags lundi lundis lunes',
    tuesday: 'tuesday tuesdays dienstag dienstags mardi mardis martes',
    wednesday: 'wednesday wednesdays mittwoch mittwochs mercredi mercredis miércoles',
    thursday: 'thursday thursdays donnerstag donnerstags jeudi jeudis jueves',
    friday: 'friday fridays freitag freitags vendredi vendredis viernes',
    saturday: 'saturday saturdays samstag samstags sonnabend samedi samedis sábado sábados',
    sunday: 'sunday sundays sonntag sonntags dimanche dimanches domingo domingos',
    weekday: 'weekday weekdays werktag werktags',
    weekend: 'weekend weekends wochenende wochenenden',
    january: 'january januar janvier enero',
    february: 'february februar février febrero',
    april: 'april avril abril',
    june: 'june juni juin junio',
    july: 'july juli juillet julio',
    august: 'august août agosto',
    september: 'september septembre septiembre',
    october: 'october oktober octobre octubre',
    november: 'november novembre noviembre',
    december: 'december dezember décembre diciembre',
    spring: 'spring frühling frühjahr printemps primavera',
    summer: 'summer sommer été verano',
    autumn: 'autumn herbst automne otoño',
    winter: 'winter hiver invierno',
    today: "today heute aujourd'hui hoy",
    tomorrow: 'tomorrow morgen demain',
    yesterday: 'yesterday gestern ayer',
    tonight: 'tonight',
    morning: 'morning mornings morgens matin',
    noon: 'noon midday mittags midi mediodía',
    afternoon: 'afternoon afternoons nachmittag nachmittags tarde',
    evening: 'evening evenings abend abends soir',
    night: 'night nights nacht nachts nuit noche',
    midnight: 'midnight mitternacht minuit medianoche meia-noite mezzanotte',
    am: 'am a.m',
    pm: 'pm p.m',
  }).flatMap(([meaning, words]) =>
    words
      .split(' ')
      .filter(Boolean)
      .map((word) => [word, meaning] as const),
  ),
);

/** Months that are other words too: of time only after one of these, or a number. */
const PERHAPS_MONTHS: ReadonlyMap<string, string> = new Map([
  ['may', 'may'],
  ['mai', 'may'],
  ['mayo', 'may'],
  ['march', 'march'],
  ['märz', 'march'],
  ['mars', 'march'],
  ['marzo', 'march'],
]);
const BEFORE_MONTH = new Set('in during of since until last next this by im seit en de du'.split(' '));

const PERIODS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    second: 'seconds',
    minute: 'minutes minuten minutos',
    hour: 'hours stunde stunden heure heures hora horas hourly',
    day: 'days tag tage jour jours día días daily täglich',
    week: 'weeks woche wochen semaine semaines semana semanas weekly',
    month: 'months monat monate mois mes meses monthly',
    quarter: 'quarters quartal quarterly',
    year: 'years jahr jahre an ans année año años yearly annually annual',
  }).flatMap(([meaning, words]) => [meaning, ...words.split(' ')].map((word) => [word, meaning] as const)),
);
/** `Yesterday`, `Monday`, `evening`. */
export const isTimeWord = (word: string): boolean => MEANINGS.has(word);
/** A word that means a day, a week, …, but for `second`, which counts as well. */
export const isPeriod = (word: string): boolean => PERIODS.has(word);
const RATE_ALONE = new Set('hourly daily weekly monthly quarterly yearly annually annual täglich'.split(' '));
const RATES = new Set('every each per jede jeden jedes jeder chaque par cada'.split(' '));
const POSITIONS: ReadonlyMap<string, string> = new Map([
  ...'last past previous letzte letzten letztes vergangenen dernier dernière pasado pasada'
    .split(' ')
    .map((w) => [w, 'last'] as const),
  ...'this current dieses diese diesen cette ce este esta'.split(' ').map((w) => [w, 'this'] as const),
  ...'next coming following nächste nächsten nächstes prochain prochaine próximo próxima'
    .split(' ')
    .map((w) => [w, 'next'] as const),
]);

const BOUNDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    for: 'for für pour durante',
    in: 'in en dans within binnen innerhalb',
    after: 'after nach après',
  }).flatMap(([bound, words]) => words.split(' ').map((word) => [word, bound] as const)),
);
const BOUNDS_OF_DAYS: ReadonlyMap<string, string> = new Map(
  'by until till bis before after since seit avant après antes'
    .split(' ')
    .map((word) => [word, word === 'till' ? 'until' : word]),
);
const ONES = new Set('a an one the ein eine einer einem un une una'.split(' '));

/** The preposition before a duration, its article or number between: `for 2 hours`, `in a week`. */
const boundBefore = (words: readonly { text: string }[], at: number): string | undefined => {
  const before = words[at - 1]?.text ?? '';
  const isCount = ONES.has(before) || /^\d/.test(before) || isNumberWord(before);
  return isCount ? BOUNDS.get(words[at - 2]?.text ?? '') : undefined;
};

const UNSPACED: readonly (readonly [string, RegExp])[] = [
  ['monday', /月曜|(?:星期|周|礼拜)一/u],
  ['tuesday', /火曜|(?:星期|周|礼拜)二/u],
  ['wednesday', /水曜|(?:星期|周|礼拜)三/u],
  ['thursday', /木曜|(?:星期|周|礼拜)四/u],
  ['friday', /金曜|(?:星期|周|礼拜)五/u],
  ['saturday', /土曜|(?:星期|周|礼拜)六/u],
  ['sunday', /日曜|(?:星期|周|礼拜)[日天]/u],
  ['today', /今日|今天/u],
  ['tomorrow', /明日|明天/u],
  ['yesterday', /昨日|昨天/u],
  ['this', /今月|今年|今週|这个?月|本月/u],
  ['last', /先月|去年|昨年|先週|上个?月|上周/u],
  ['next', /来月|来年|来週|下个?月|明年|下周/u],
  ['morning', /朝|早上|上午|午前/u],
  ['evening', /夕方|晚上|夜/u],
  ['afternoon', /午後|下午/u],
];

/** French `été` is `been` but after these. */
const isBeen = (word: Word, previous: string | undefined): boolean =>
  word.text === 'été' && previous !== 'en' && previous !== 'cet' && !/^l['’]/iu.test(word.raw);

interface Times {
  found: Set<string>;
  /** By period: what its preposition makes of it. */
  bounds: Map<string, string>;
}

const readTimes = readOnce((text): Times => {
  const found = new Set<string>();
  const bounds = new Map<string, string>();
  const words = readWords(text);
  for (const [i, word] of words.entries()) {
    const previous = words[i - 1];
    const next = words[i + 1];
    const meaning = MEANINGS.get(word.text);
    // "I am": of the morning only after a number.
    if (meaning === 'am' || meaning === 'pm') {
      if (/\d$/.test(previous?.text ?? '')) found.add(meaning);
    } else if (meaning !== undefined && !isBeen(word, previous?.text)) found.add(meaning);
    const glued = /^\d{1,2}(am|pm)$/.exec(word.text);
    if (glued?.[1] !== undefined) found.add(glued[1]);
    const month = PERHAPS_MONTHS.get(word.text);
    if (month !== undefined && (BEFORE_MONTH.has(previous?.text ?? '') || /\d/.test(`${previous?.text} ${next?.text}`)))
      found.add(month);
    const period = PERIODS.get(word.text);
    const isRate =
      RATES.has(previous?.text ?? '') ||
      (next === undefined &&
        /^an?$/.test(previous?.text ?? '') &&
        boundBefore(words, i) === undefined &&
        words[i - 2]?.text !== 'of');
    if (period !== undefined && (RATE_ALONE.has(word.text) || isRate)) found.add(`every ${period}`);
    // "In an hour" is a time, "for an hour" a duration, "by Friday" a bound.
    if (period !== undefined && !RATE_ALONE.has(word.text)) {
      const bound = boundBefore(words, i);
      if (bound !== undefined) bounds.set(period, bound);
    }
    if (meaning !== undefined && BOUNDS_OF_DAYS.has(previous?.text ?? ''))
      found.add(`${BOUNDS_OF_DAYS.get(previous?.text ?? '')} ${meaning}`);
    const position = POSITIONS.get(word.text);
    if (position !== undefined && next !== undefined && (PERIODS.has(next.text) || MEANINGS.has(next.text)))
      found.add(position);
  }
  for (const [hour = '', minute = ''] of [...text.matchAll(/(?<!\d)(\d{1,2}):(\d{2})(?!\d)/g)].map((m) => m.slice(1)))
    found.add(`${Number(hour)}:${minute}`);
  for (const [meaning, pattern] of UNSPACED) if (pattern.test(text)) found.add(meaning);
  return { found, bounds };
});

/** Days, months, seasons, parts of the day, clock times, how often: the same in both. Years and days of the month are numbers. */
export const differInTimes: Guard = (a, b) => {
  const [left, right] = [readTimes(a), readTimes(b)];
  const [apart] = [...only(left.found, right.found), ...only(right.found, left.found)];
  if (apart !== undefined) return `time: ${apart}`;
  for (const [period, bound] of left.bounds) {
    const other = right.bounds.get(period);
    if (other !== undefined && other !== bound) return `${bound} and ${other} ${period}`;
  }
  return undefined;
};
