import { stemOf } from './words.ts';

/** Words that ask, bind or are polite, and say little of what is asked about. English, German, French, Spanish. */
const FUNCTION_WORDS = new Set(
  [
    'a an the this that these those it its there here of to in on at by for from with into onto about as than then so if whether and or but',
    'i me my mine we us our you your he she they them their his her someone somebody one anyone everyone',
    'is are was were be been being am do does did done have has had having can could may might must shall should will would',
    'what which who whom whose when where why how much many',
    "what's where's how's who's it's i'm i've i'd i'll that's there's let's can't don't doesn't didn't isn't aren't won't",
    'please thanks thank hi hello hey tell explain describe know want wondering need needed like help also just really exactly actually now',
    'possible allowed way best able okay ok any some all also get getting got use using used make makes making go going',
    'mean means meaning definition question answer give show find out see do',
    'no not without never',
    'say says said offer offers during while inside within between require requires required effect happen happens properly correctly quickly quick question better work works supposed able start begin',
    'der die das den dem des ein eine einen einem einer eines ist sind war waren sein kann kannst könnte darf soll sollte muss müssen wird werden hat habe haben',
    'was welche welcher welches wer wen wem wie warum wieso wann wo woher wohin ich mich mir mein meine meinen meinem meiner du dich dir dein man es er sie wir uns euch ihr bei zu zum zur im am an auf aus mit von vom für und oder aber denn nach in gibt geht machen tun bitte viel viele eigentlich funktioniert unternehmen während bedeutet heißt',
    "le la les l un une des du de d est sont était être peut puis peux dois doit faut faire fait ai as a avons ont je tu il elle on nous vous ils mon ma mes ton ta ce cet cette ces que quoi quel quelle quels quelles qui comment pourquoi quand où à au aux en dans par pour avec et ou mais se s'il plaît y c'est qu'est-ce est-ce qu'est",
    'el la los las un una unos unas de del al a en por para con y o pero es son era ser estar está puedo puede puedes debo debe hay he ha han yo tú él mi mis tu su se me te lo que qué cuál cuáles quién cómo por cuándo dónde cuánto cuánta cuántos hago hace hacer favor encuentra significa tiene tener',
    'o os as uma um do da dos das no na nos nas ao é são meu minha meus minhas eu ele ela como posso pode faço fazer qual quais quem quando onde tem ter',
    'il lo gli i uno dei delle della al alla nel nella è sono mio mia miei mie io come posso può faccio fare qual quale quali che chi dove',
  ]
    .join(' ')
    .split(' '),
);

export const isFunctionWord = (word: string): boolean => FUNCTION_WORDS.has(word);

/** One meaning a line: a word of a line may stand for another of it. */
const SYNONYMS: ReadonlyMap<string, string> = new Map(
  `remove delete erase
change modify
begin start
cost price fee charge
rise increase raise
film movie
buy purchase
ship shipping deliver delivery
reduce lower decrease
create make
sign symptom
color colour
big large
bigger larger
hotel accommodation
holiday vacation
safe safety
country countries
substitute instead replacement
reach contact
several multiple
abroad internationally international
differ difference
allowed permitted
required necessary
bill invoice
ändern wechseln
kochen kocht`
    .split('\n')
    .flatMap((line) => {
      const words = line.split(' ').map(stemOf);
      return words.map((word) => [word, words[0] ?? word] as const);
    }),
);

/** What a content word stands for: its stem, or that of the first word of the same meaning. */
export const senseOf = (word: string): string => {
  const stem = stemOf(word);
  return SYNONYMS.get(stem) ?? stem;
};
