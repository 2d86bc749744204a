import type { Guard } from './guard.ts';
import { readOnce } from './read-once.ts';
import { only, wordTexts } from './words.ts';

/** Small words that tell a text's language. */
const MARKERS: Readonly<Record<string, ReadonlySet<string>>> = {
  english: new Set(
    'the is are was what which who how why when where do does did can could should would my your i you it of and to for with have has'.split(
      ' ',
    ),
  ),
  german: new Set(
    'der die das dem den einen einem einer meinen meinem meiner an von bei nach bitte wenn kein keine sich ist sind war was welche wer wie warum wann wo kann könnte soll mein meine ich du es und zu für mit habe hat ein eine nicht auf im'.split(
      ' ',
    ),
  ),
  french: new Set(
    'le la les est sont quel quelle quels qui comment pourquoi quand où puis peut mon ma mes je tu il et à pour avec ai un une ne pas du des en de que'.split(
      ' ',
    ),
  ),
  spanish: new Set(
    'el la los las al más tengo puede es son qué cuál quién cómo por cuándo dónde puedo puede mi mis yo tú y a para con he ha un una no del en de que se'.split(
      ' ',
    ),
  ),
  portuguese: new Set(
    'o a os as é são que qual quem como por quando onde posso pode meu minha eu e para com um uma não do da em de'.split(
      ' ',
    ),
  ),
  italian: new Set(
    'il lo gli la un una di che è sono per con non mi mio mia quanto quanti quante come quando posso può ho ha della del alla dal da e si chi quale quali'.split(
      ' ',
    ),
  ),
};

/** Names of languages: its own, then as English, German, French and Spanish call it. */
const NAMES: ReadonlyMap<string, string> = new Map(
  `english englisch englische anglais inglés
german deutsch deutsche allemand alemán
french französisch französische français francés
spanish spanisch spanische espagnol español castellano
italian italienisch italien italiano
portuguese portugiesisch portugais portugués
dutch niederländisch néerlandais holandés
japanese japanisch japonais japonés
chinese chinesisch chinois chino mandarin
korean koreanisch coréen coreano
russian russisch russe ruso
arabic arabisch arabe árabe
turkish türkisch turc turco
polish polnisch polonais polaco
swedish schwedisch suédois sueco
greek griechisch grec griego
hindi
latin latein latín`
    .split('\n')
    .flatMap((line) => line.split(' ').map((name) => [name, line.slice(0, line.search(/ |$/))] as const)),
);

const UNSPACED_NAMES: readonly (readonly [string, RegExp])[] = [
  ['english', /英語|英语|英文/u],
  ['japanese', /日本語|日语|日文/u],
  ['chinese', /中国語|中文|汉语/u],
  ['korean', /韓国語|韩语/u],
  ['german', /ドイツ語|德语/u],
  ['french', /フランス語|法语/u],
  ['spanish', /スペイン語|西班牙语/u],
];

/** The language a text is written in, where it is plain. */
export const languageOf = readOnce((text): string | undefined => {
  if (/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)) return 'japanese';
  if (/\p{Script=Hangul}/u.test(text)) return 'korean';
  if (/\p{Script=Han}/u.test(text)) return 'chinese';
  if (/\p{Script=Cyrillic}/u.test(text)) return 'cyrillic';
  if (/\p{Script=Arabic}/u.test(text)) return 'arabic';
  const words = wordTexts(text.replaceAll(/([cdjlmnst]|qu)['’]/giu, '$1 '));
  const scores = Object.entries(MARKERS)
    .map(([language, markers]) => ({ language, score: words.filter((word) => markers.has(word)).length }))
    .sort((a, b) => b.score - a.score);
  const [first, second] = scores;
  return first !== undefined && second !== undefined && first.score > second.score ? first.language : undefined;
});

const namedIn = (text: string): Set<string> => {
  const found = new Set<string>();
  for (const word of wordTexts(text)) {
    const name = NAMES.get(word);
    if (name !== undefined) found.add(name);
  }
  for (const [name, pattern] of UNSPACED_NAMES) if (pattern.test(text)) found.add(name);
  return found;
};

/** Both are written in one language, and speak of the same ones. */
export const differInLanguage: Guard = (a, b) => {
  const [left, right] = [namedIn(a), namedIn(b)];
  const [apart] = [...only(left, right), ...only(right, left)];
  if (apart !== undefined) return `language: ${apart}`;
  const [one, two] = [languageOf(a), languageOf(b)];
  return one !== undefined && two !== undefined && one !== two ? `written in ${one} and ${two}` : undefined;
};
