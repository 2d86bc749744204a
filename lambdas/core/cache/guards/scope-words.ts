import type { Guard } from './guard.ts';
import { languageOf } from './languages.ts';
import { readOnce } from './read-once.ts';
import { isPeriod } from './times.ts';
import { only, wordTexts } from './words.ts';

/** Small words that say of how many, of which, and how far: with another of them it is another question. */
const SCOPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    all: 'all every each everyone everybody everything alle allen aller jeder jede jedes jedem jeden sämtliche tous toutes tout toute chaque todos todas cada tutti tutte ogni',
    any: 'any anyone anybody anything irgendein irgendeine irgendwelche cualquier cualquiera qualquer qualsiasi',
    some: 'some someone somebody something several manche mancher einige quelques certains certaines algunos algunas alguns algumas alcuni alcune',
    only: 'only solely nur ausschließlich seulement uniquement solo sólo solamente únicamente somente apenas soltanto solamente',
    or: 'or oder ou oppure',
    but: 'but aber sondern pero sino mas ma',
    mainly: 'mostly mainly usually meistens plupart mayoría',
    still: 'still noch encore todavía aún ainda ancora',
    already: 'already schon bereits déjà ya già',
    again: 'again wieder nochmal',
    too: 'too',
    even: 'even sogar',
    as: '',
  }).flatMap(([scope, words]) => words.split(' ').map((word) => [word, scope] as const)),
);
/** Words that are something else in another language. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  ma: ['italian'],
  mas: ['portuguese'],
  noch: ['german'],
  ya: ['spanish'],
  ou: ['french', 'portuguese'],
};

const COMPARATIVES = new Set(
  'more less fewer higher lower larger smaller bigger greater longer shorter older newer younger cheaper faster slower better worse stronger weaker heavier lighter easier harder earlier later closer nearer further safer richer poorer taller rarer warmer colder größer kleiner höher niedriger länger kürzer älter jünger billiger schneller schwerer leichter stärker schwächer'.split(
    ' ',
  ),
);
const SUPERLATIVE = /^(?:most|least|best|worst)$|^\p{L}{3,}(?:est|ste|sten|stes)$/u;
const NO_SUPERLATIVES = new Set(
  'test rest west east guest request interest honest forest suggest invest contest protest quest nest chest arrest harvest digest latest earnest manifest modest tempest southwest northwest midwest conquest pest lest vest zest jest liste kiste küste kosten ersten erste erstes weste wüste angebotste meisten fasten kasten leisten gäste este leste'.split(
    ' ',
  ),
);
/** `The best way`, `best to`: how people ask how. */
const WAYS = new Set(['way', 'ways', 'to']);
const EQUAL =
  /\bas \p{L}{2,20} as\b|\b(?:genau)?so \p{L}{2,20} wie\b|\baussi \p{L}{2,20} que\b|\btan \p{L}{2,20} como\b/iu;
const NO_EQUAL = /\bas (?:well|soon|far|long) as\b/iu;

const readScopes = readOnce((text): ReadonlySet<string> => {
  const found = new Set<string>();
  const words = wordTexts(text);
  const language = languageOf(text);
  for (const [i, word] of words.entries()) {
    const scope = SCOPES.get(word);
    const languages = ONLY_IN[word];
    if (scope === undefined || (languages !== undefined && !languages.includes(language ?? ''))) continue;
    // "Every day" is of times, "at all" only stresses, and "in any way" asks.
    if (scope === 'all' && (isPeriod(words[i + 1] ?? '') || words[i - 1] === 'at')) continue;
    if (words[i + 1] === 'way') continue;
    found.add(scope);
  }
  // "O" is an article in Portuguese.
  if (words.includes('o') && language !== 'portuguese') found.add('or');
  for (const [i, word] of words.entries()) {
    if (COMPARATIVES.has(word)) found.add('more than others');
    if (
      SUPERLATIVE.test(word.slice(0, 40)) &&
      !NO_SUPERLATIVES.has(word) &&
      !(word === 'best' && WAYS.has(words[i + 1] ?? ''))
    )
      found.add('most of all');
  }
  const spaced = text.replace(/\s+/gu, ' ');
  if (EQUAL.test(spaced) && !NO_EQUAL.test(spaced)) found.add('as much');
  return found;
});

/** All, any, some, only; or; still, already; more, most, as much as: the same in both. */
export const differInScopeWords: Guard = (a, b) => {
  const [left, right] = [readScopes(a), readScopes(b)];
  const [apart] = [...only(left, right), ...only(right, left)];
  return apart === undefined ? undefined : `only one says: ${apart}`;
};
