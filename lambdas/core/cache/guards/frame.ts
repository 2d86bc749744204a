import { isFunctionWord, senseOf } from './function-words.ts';
import { languageOf } from './languages.ts';
import { readOnce } from './read-once.ts';
import { isPeriod } from './times.ts';
import { expandContractions, readWords } from './words.ts';

/** What a question is built of, its words of substance apart. */
export interface Frame {
  /** What for: `whether`, `way`, `reason`, …; `telling` where nothing is asked. */
  asked: string;
  /** Of `can`, `must`, `should`. */
  modes: ReadonlySet<string>;
  /** Of `past`, `present`, `future`, as far as helping verbs tell. */
  tenses: ReadonlySet<string>;
  /** Who acts: the asker, somebody else by the verb's ending, or what the word stands for; undefined where it isn't plain. */
  subject: 'self' | 'third' | { sense: string } | undefined;
  /** `My` (true), or another's; undefined for neither or both. */
  isMine: boolean | undefined;
  /** Of `who`: the one that acts, or that something is done to. */
  whoIs: 'acting' | 'acted-on' | undefined;
  /** `I`, `me`, anywhere; `my` says less. */
  isAboutSelf: boolean /** Something is done to what is spoken of, or it is needed or possible: nobody acts. */;
  isDone: boolean;
  /** Has a condition. */
  isConditional: boolean;
  /** `Do you`, `can you`: what a shop or service does. */
  isAboutYou: boolean;
  content: ReadonlySet<string>;
}

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(' '));
const mapOf = (table: Record<string, string>): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(table).flatMap(([meaning, words]) => words.split(' ').map((word) => [word, meaning] as const)),
  );

const ASKED = mapOf({
  reason: 'why warum wieso weshalb pourquoi perché',
  time: 'when wann quand cuándo quando',
  place: 'where wo wohin woher où dónde adónde onde dove',
  person: 'who whom wer wen wem qui quién quiénes quem chi',
  owner: 'whose wessen',
  way: 'how wie comment cómo como come',
  quantity: 'wieviel wieviele combien cuánto cuánta cuántos cuántas quanto quanta quanti quante quantos quantas',
  what: 'what which was welche welcher welches welchen welchem quel quelle quels quelles que quoi qué cuál cuáles qual quais che quale quali',
});
/** Found away from a clause's beginning they still ask; the others may bind (`when I pay`, `those who`). */
const ALWAYS_ASK = setOf(
  'how what why where whom wie warum wieviel combien comment pourquoi cómo cuánto cuánta cuántos cuántas qué cuál quién quantos quantas quanti quante',
);
const DEGREES = mapOf({
  quantity: 'much many viel viele expensive teuer',
  duration: 'long lange lang',
  frequency: 'often frequently oft häufig',
  distance: 'far weit',
});
const DATES = setOf('date datum fecha data');
const REASONS = setOf('reason reasons cause causes caused makes made grund ursache raison cause razón motivo');
const FOREIGN = setOf('was comment come como que si dove chi');
const HOURS = setOf('time uhr heure hora ora horas');

export const HELPING = setOf(
  'do does did is are was were am have has had can could may might must shall should will would ist sind kann kannst können könnte darf dürfen muss müssen soll sollte sollen wird werden hat haben habe est sont peut peux puis dois doit faut puede puedo pueden debo debe es son está hay posso pode podem devo deve può è',
);
const MODES = mapOf({
  can: 'can could may might able possible allowed permitted okay kann kannst können könnte darf dürfen möglich erlaubt peut peux puis peuvent pouvons droit permis autorisé puede puedo pueden podemos posible permitido pode posso podem possível può possono possibile',
  must: 'must need needs needed required require requires necessary mandatory compulsory obliged obligatory muss müssen musst nötig erforderlich dois doit doivent faut obligatoire nécessaire debo debe deben obligatorio necesario devo deve devem preciso obrigatório devono obbligatorio bisogna',
  should:
    'should ought recommended advisable supposed soll sollte sollen sollten devrais devrait debería deberías deveria dovrei dovrebbe',
});
const PAST = setOf('did were wurde wurden waren hatte hatten était étaient fut fue fueron foi foram fu erano');
const PRESENT = setOf('do does is are am ist sind est sont es son está è são');

const SELF = setOf('i we ich wir je nous yo eu io');
const ME = setOf('me us mich mir uns moi');
const DONE = setOf('be been being required needed necessary possible allowed permitted available used');
const CONDITIONS = setOf('if when wenn falls si se');
const OTHERS = setOf('you he she they it one du er sie es man tu il elle on vous ils elles usted ustedes él ella');
const SELF_VERBS = setOf('puedo debo tengo puis peux dois posso devo');
const THIRD_VERBS = setOf('puede debe tiene pode può');
const MINE = setOf(
  'my our mein meine meinen meinem meiner unser unsere mon ma mes notre nos mi mis nuestro minha meu meus minhas mia mio miei mie',
);
const YOURS = setOf(
  'your his her their dein deine ihr ihre ihren sein seine ton ta tes votre vos son sa ses leur leurs tu tus su sus seu sua tuo tua suo sua',
);
export const DETERMINERS = setOf(
  'the a an this that my your our his her their der die das ein eine mein meine all any every some both each alle meinen meinem meiner einen einem einer le la les un une mon ma el los mi',
);

/** Said to be polite, before what is asked. */
const ASKED_OF_YOU =
  'explain|write|translate|summari[sz]e|list|describe|give|help|make|send|remind|find|convert|calculate|compare|suggest|recommend';
const POLITE = new RegExp(
  [
    String.raw`^\s*[¿¡]?\s*(?:(?:hi|hello|hey|please|bitte|hallo|bonjour|hola|por favor|s'il (?:te|vous) plaît)\b[\s,!.]*`,
    String.raw`(?:can|could|would|will) you (?:please )?(?:tell|explain to|show|teach) me\s+`,
    String.raw`(?:can|could|would|will) you (?:please )?(?=(?:${ASKED_OF_YOU})\b)`,
    String.raw`(?:puedes|podrías|kannst du(?: mir| bitte)?|könntest du(?: mir| bitte)?|peux-tu|pourrais-tu|puoi|potresti)\s+`,
    String.raw`(?:do you know|tell me|i (?:would like|want|need|wonder|was wondering|am wondering)(?: to know)?|i'd like to know)\s+(?=(?:how|what|why|when|where|who|which|if|whether)\b))`,
  ].join('|'),
  'iu',
);

const withoutPoliteness = (text: string): string => {
  let rest = text;
  for (let i = 0; i < 3; i += 1) {
    const next = rest.replace(POLITE, '');
    if (next === rest) break;
    rest = next;
  }
  return rest;
};

/** A word that asks, or helps a verb. */
export const isAskingWord = (word: string): boolean => ASKED.has(word) || HELPING.has(word);

/** Reads how a question is asked. English best; German, French and Spanish by their commonest words. */
export const readFrame = readOnce((text): Frame => {
  const spaced = text.replace(/\s+/gu, ' ');
  const polite = withoutPoliteness(spaced);
  const plain = expandContractions(polite);
  const language = languageOf(text);
  const clauses = plain
    .split(/[.,;:!?¿¡\n。？！]+/u)
    .map((clause) => readWords(clause).map((word) => word.text))
    .filter((words) => words.length > 0);
  const words = clauses.flat();
  const isForeign = (word: string) => language === 'english' && FOREIGN.has(word);
  const { asked, at, clause } = findAsked(clauses, isForeign, polite === spaced && /[?？]/u.test(text));
  const modes = new Set<string>();
  const tenses = new Set<string>();
  for (const [i, word] of words.entries()) {
    const mode = MODES.get(word);
    if (mode !== undefined) modes.add(mode);
    if (isHaveTo(words, i)) modes.add('must');
    if (isPerfect(words, i)) tenses.add('past');
    if (PAST.has(word) || (word === 'was' && language !== 'german') || (word === 'war' && language === 'german'))
      tenses.add('past');
    if (PRESENT.has(word) && !(word === 'es' && language === 'german')) tenses.add('present');
    if ((word === 'will' && language !== 'german') || (word === 'going' && words[i + 1] === 'to')) tenses.add('future');
  }
  const isWhat =
    asked === 'what' &&
    clause[at] === 'what' &&
    /^(?:do|does|did|are)$|[^s]s$/u.test(clause[at + 1] ?? '') &&
    clause[at + 1] !== 'is';
  const whoIs = asked === 'person' || isWhat ? roleOfWho(clause, at) : undefined;
  // "Who owns", "who owned".
  const verb = clause[at + 1] ?? '';
  if (clause[at] === 'what' && /[^s]s$/u.test(verb) && !HELPING.has(verb)) tenses.add('present');
  if (asked === 'whether' && MODES.has(clause[0] ?? '')) tenses.add('present'); // "Has it", "why has it".
  const helper = clause[asked === 'whether' ? 0 : at + 1] ?? '';
  if (
    language === 'english' &&
    /^ha(?:s|ve)$/u.test(helper) &&
    /\p{L}(?:ed|en)(?: |$)/u.test(clause.slice(0, 20).join(' '))
  )
    tenses.add('past');
  if (whoIs === 'acting' && clause[at] === 'who' && !HELPING.has(verb))
    tenses.add(/[^s]s$/u.test(verb) ? 'present' : 'past');
  const [mine, yours] = [words.some((word) => MINE.has(word)), words.some((word) => isAnothers(word, language))];
  return {
    asked,
    modes,
    // "Are going to" is not of now.
    tenses: tenses.has('future') ? new Set([...tenses].filter((tense) => tense !== 'present')) : tenses,
    subject: findSubject(clause, at, words, language),
    isMine: mine === yours ? undefined : mine,
    whoIs,
    isAboutSelf: words.some((word) => SELF.has(word) || ME.has(word)),
    isDone: words.some((word) => DONE.has(word)) && !words.includes('for'),
    isConditional: words.some((word) => CONDITIONS.has(word)),
    isAboutYou: words.includes('you') && !words.includes('i'),
    content: new Set(words.filter((word) => !isFunctionWord(word)).map(senseOf)),
  };
});

const isAnothers = (word: string, language: string | undefined): boolean =>
  // French "son" and Spanish "tu" are other words elsewhere.
  YOURS.has(word) &&
  (language !== 'english' || 'your his her their'.split(' ').includes(word)) &&
  !(word === 'tu' && language === 'french') &&
  !(word === 'sein' || (word === 'son' && language === 'spanish'));

const isHaveTo = (words: readonly string[], i: number): boolean => {
  const [word, next] = [words[i] ?? '', words[i + 1]];
  return (
    (['have', 'has', 'had'].includes(word) && next === 'to') ||
    (['tengo', 'tiene', 'tienes', 'tenho', 'tem', 'hay'].includes(word) && next === 'que')
  );
};

const isPerfect = (words: readonly string[], i: number): boolean =>
  ['have', 'has'].includes(words[i] ?? '') && /^been$|\p{L}ed$/u.test((words[i + 1] ?? '').slice(-20));

const findAsked = (
  clauses: readonly (readonly string[])[],
  isForeign: (word: string) => boolean,
  hasMark: boolean,
): { asked: string; at: number; clause: readonly string[] } => {
  for (const clause of clauses) {
    if (
      HELPING.has(clause[0] ?? '') &&
      (clause[0] !== 'was' || isForeign('was')) &&
      !(clause[0] === 'est' && clause[1] !== 'ce')
    )
      return { asked: 'whether', at: 0, clause };
    // A preposition may stand before it: `by whom`, `in which`, `de quién`, `um wie viel Uhr`.
    for (const at of [0, 1]) {
      const asked = readAsked(clause, at, isForeign);
      if (asked !== undefined && (at === 0 || isFunctionWord(clause[0] ?? ''))) return { asked, at, clause };
    }
  }
  for (const clause of clauses)
    for (const [at, word] of clause.entries()) {
      if (!ALWAYS_ASK.has(word)) continue;
      const asked = readAsked(clause, at, isForeign);
      if (asked !== undefined) return { asked, at, clause };
    }
  return { asked: hasMark ? 'whether' : 'telling', at: -1, clause: clauses.find((clause) => clause.length > 0) ?? [] };
};

const readAsked = (clause: readonly string[], at: number, isForeign: (word: string) => boolean): string | undefined => {
  const word = clause[at] ?? '';
  const asked = ASKED.get(word);
  if (asked === undefined || isForeign(word)) return undefined;
  const next = clause[at + 1] ?? '';
  if (asked === 'what' && clause[at - 1] === 'por') return 'reason';
  if (asked === 'what' && (HOURS.has(next) || isPeriod(next) || DATES.has(next))) return 'time';
  if (asked === 'what' && clause.some((one) => REASONS.has(one))) return 'reason';
  if (asked !== 'way') return asked;
  const degree = DEGREES.get(next);
  if (degree === 'quantity' && HOURS.has(clause[at + 2] ?? '')) return next === 'viel' ? 'time' : 'duration';
  if (degree !== undefined) return degree;
  return next === '' || HELPING.has(next) || isFunctionWord(next) || !isDegreeWord(next)
    ? 'way'
    : `degree ${senseOf(next)}`;
};

/** After `how`: what can be more or less. Verbs follow it without a subject (`wie ändere ich`, `comment changer`). */
const DEGREE_WORDS = setOf(
  'old alt big large groß high hoch hot heiß early früh late spät fast schnell heavy schwer deep tief expensive teuer hard difficult schwierig tall wide breit soon safe strong stark bad good gut close near dangerous likely common',
);
const isDegreeWord = (word: string): boolean => DEGREE_WORDS.has(word);

/** Who comes after the helping verb: `can my boss`, `how does my team`. */
const findSubject = (
  clause: readonly string[],
  at: number,
  words: readonly string[],
  language: string | undefined,
): Frame['subject'] => {
  if (language !== 'english' && language !== 'german') {
    if (words.some((word) => SELF_VERBS.has(word))) return 'self';
    if (words.some((word) => THIRD_VERBS.has(word)) && !words.includes('se') && !words.includes('si')) return 'third';
    if (language !== undefined) return undefined;
  } // "Is it possible for my neighbour to …".
  const forAt = clause.indexOf('for');
  if (forAt !== -1 && clause.slice(forAt, forAt + 5).includes('to')) {
    const who = clause.slice(forAt + 1).find((word) => !DETERMINERS.has(word)) ?? '';
    if (SELF.has(who) || ME.has(who)) return 'self';
    if (!isFunctionWord(who)) return { sense: senseOf(who) };
  }
  // German turns any verb round (`wie teile ich`).
  const first = Math.max(0, at);
  const isTurned =
    language === 'german' && at >= 0 && !HELPING.has(clause[at] ?? '') && !HELPING.has(clause[at + 1] ?? '');
  const helping = isTurned ? at + 1 : clause.findIndex((word, i) => i >= first && HELPING.has(word));
  if (helping === -1) return undefined;
  for (const word of clause.slice(helping + 1)) {
    // "Can I be fired": done to the asker.
    if (SELF.has(word)) return words.includes('be') || words.includes('been') ? undefined : 'self';
    if (!isFunctionWord(word)) return { sense: senseOf(word) }; // "Is it possible to": for who asks.
    if (word === 'it' && words.some((one) => MODES.get(one) === 'can')) return 'self';
    if (!DETERMINERS.has(word)) return undefined;
  }
  return undefined;
};

/** `Who killed Hamlet`, `who did Hamlet kill`. */
const roleOfWho = (clause: readonly string[], at: number): Frame['whoIs'] => {
  const [before, next, after] = [clause[at - 1] ?? '', clause[at + 1] ?? '', clause[at + 2] ?? ''];
  if (before === 'by') return 'acting';
  if (clause[at] === 'what' && next === 'are') return 'acted-on';
  if (['is', 'was', 'are', 'were'].includes(next)) return after === 'it' ? 'acting' : undefined;
  if (['do', 'does', 'did'].includes(next)) return 'acted-on';
  return HELPING.has(next) && (SELF.has(after) || OTHERS.has(after) || DETERMINERS.has(after)) && after !== 'it'
    ? 'acted-on'
    : 'acting';
};
