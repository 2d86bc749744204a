import type { Guard } from './guard.ts';
import { languageOf } from './languages.ts';
import { isPeriod, isTimeWord } from './times.ts';
import { expandContractions, readWords, stemOf } from './words.ts';

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(' '));

/** Prepositions, and particles that make another verb of one (`rent out`, `stelle … ein`). */
const LINKS: Readonly<Record<string, ReadonlySet<string>>> = {
  english: setOf(
    'to for of in on at with by from about into onto out off up down over under away back through across around along apart together after before during without within against between towards upon behind beyond past until till as aside forward ahead than per via',
  ),
  german: setOf(
    'an auf aus bei durch für gegen hinter in mit nach neben ohne über um unter von vom vor wegen zu zum zur zwischen ab ein los fest weg zurück hin her im am ins beim als bis seit gegenüber entlang zusammen weiter nieder',
  ),
  french: setOf(
    'à au aux en dans par pour avec sans sur sous chez vers contre entre avant après depuis pendant durant jusque hors dès parmi',
  ),
  spanish: setOf('a al en con sin por para sobre hasta desde entre contra hacia según tras durante'),
  portuguese: setOf('ao aos à às em no na nos nas com sem por pelo pela para sobre até desde entre contra'),
  italian: setOf('a al alla ai in nel nella con senza per su sul sulla tra fra da dal dalla'),
};
/** Between a link and what it leads to. */
const SKIPPED: Readonly<Record<string, ReadonlySet<string>>> = {
  english: setOf('the a an this that these those my your our his her their its some any please'),
  german: setOf(
    'der die das den dem des ein eine einen einem einer eines mein meine meinen meinem meiner dein deine deinen deinem deiner bitte',
  ),
  romance: setOf(
    'le la les l un une mon ma mes ton ta tes el los las una mi mis tu tus su sus de du d del des da do dos das il lo gli o os as um uma',
  ),
};
const skippedIn = (language: string | undefined): ReadonlySet<string> =>
  SKIPPED[language ?? 'english'] ?? SKIPPED['romance'] ?? new Set();
/** What they lead to is what is asked, however it is linked: `the best way of`, `how to`, `many of them`. */
const ASKING = setOf(
  'how way ways method steps possible able where what when which who allowed need have like mean many much most all some few one wie comment cómo',
);
/** `Possible for my neighbour to see`: as `my neighbour sees`. */
const FOR_TO = /\b(possible|okay|ok|legal|safe|normal|common|necessary|mandatory) for ((?:\S+ ){1,3}?)to\b/giu;
const END = '$';
const TIME = '@';
const CLAUSE_END = /[.,;:!?¿¡\n。？！()"“”„«»]/u;

interface Links {
  /** By two words that follow one another: what stands between. */
  between: Map<string, Set<string>>;
  /** At a clause's end, and before another word. */
  last: Set<string>;
  leading: Set<string>;
}

/** Between two words, or behind the last of a clause: the prepositions and particles that stand there. */
const readLinks = (text: string, language: string | undefined): Links => {
  const links = LINKS[language ?? ''] ?? LINKS['english'] ?? new Set();
  const found = new Map<string, Set<string>>();
  const [last, leading] = [new Set<string>(), new Set<string>()];
  const skipped = skippedIn(language);
  const plain = expandContractions(text.replace(/\s+/gu, ' '))
    .replace(FOR_TO, '$1 $2')
    .replace(/\bin to\b/giu, 'into');
  const words = readWords(plain);
  let from: string | undefined;
  let between: string[] = [];
  const close = (to: string): void => {
    for (const link of between) (to === END ? last : leading).add(link);
    // Times have a guard of their own.
    if (from !== undefined && !ASKING.has(from) && to !== TIME) {
      const key = `${from} ${to}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, new Set([between.join(' ')]));
      else known.add(between.join(' '));
    }
    between = [];
  };
  let end = 0;
  for (const [i, { text: word, raw, start }] of words.entries()) {
    if (i > 0 && CLAUSE_END.test(plain.slice(end, start))) {
      close(END);
      from = undefined;
    }
    end = start + raw.length;
    const isLast = i === words.length - 1 || CLAUSE_END.test(plain.slice(end, words[i + 1]?.start));
    // German's article and particle are one word: the last of a clause is no article.
    if (links.has(word) && (isLast || !skipped.has(word))) between.push(word);
    else if (!skipped.has(word)) {
      const stem = stemOf(word);
      close(isTimeWord(word) || isPeriod(word) ? TIME : stem);
      from = stem;
    }
  }
  close(END);
  return { between: found, last, leading };
};

/** Two words that follow one another in both are linked alike: `apply for leave`, `apply to leave`; `who do I pay`, `who do I pay for`. */
export const differInLinks: Guard = (a, b) => {
  const [left, right] = [readLinks(a, languageOf(a) ?? languageOf(b)), readLinks(b, languageOf(b) ?? languageOf(a))];
  for (const [pair, one] of left.between) {
    const two = right.between.get(pair);
    if (two === undefined) continue;
    const isSame = one.size === two.size && [...one].every((link) => two.has(link));
    if (!isSame) return `linked otherwise: ${pair.slice(0, 60)}`;
  }
  const moved = movedIn(left, right) ?? movedIn(right, left);
  return moved === undefined ? undefined : `at the end and within: ${moved}`;
};

/** `Who is afraid of dogs`, `who are dogs afraid of`. */
const movedIn = (a: Links, b: Links): string | undefined =>
  [...a.last].find((link) => !b.last.has(link) && b.leading.has(link));
