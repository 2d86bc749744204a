import { HELPING, isAskingWord } from './frame.ts';
import { isFunctionWord } from './function-words.ts';
import type { Guard } from './guard.ts';
import { languageOf } from './languages.ts';
import { encliticOf, personWords } from './person-words.ts';

/** An elided word keeps its apostrophe (`j'`). */
const TOKEN = /[\p{L}\p{M}]+(?:['’](?=\p{L}))?/gu;

/** Said to be polite: nobody is meant by its persons. */
const POLITE = new RegExp(
  [
    String.raw`(?:can|could|would|will) (?:you|someone) (?:please )?(?:tell|explain(?: to)?|show|teach|help|give) (?:me|us)\b(?= \S)`,
    String.raw`(?:can|could|would|will) you (?:please )?(?=(?:explain|write|translate|summari[sz]e|list|describe|give|recommend|suggest|calculate|compare|convert)\b)`,
    String.raw`(?:^|[.!?]\s+|\bplease )(?:give|tell|show|teach|help|explain to|remind|find|get|let|walk|write|make|recommend)(?: me| us)\b(?= \S)`,
    `(?:kannst du|können sie|könntest du|könnten sie) (?:mir|uns) (?:bitte )?(?:sagen|erklären|zeigen)`,
    `(?:pouvez-vous|peux-tu|pourriez-vous|pourrais-tu) (?:me|nous|m') ?(?:dire|expliquer|montrer|donner|indiquer)`,
    `(?:puedes|podrías|puede|podría|puoi|potresti|pode|poderia) (?:decirme|explicarme|mostrarme|dirmi|spiegarmi|mostrarmi|me dizer|me explicar|escribir|explicar|traducir|resumir|recomendar)`,
    String.raw`\b(?:thank you|do you know|s'il vous plaît|s'il te plaît)`,
  ].join('|'),
  'giu',
);
/** After them `you` acts; after other words something is done to you. */
const BEFORE_SUBJECT = new Set(
  'that if when whenever because than while as and or but so since until before after unless whether not'.split(' '),
);
/** French `il` of nobody: `il faut`, `faut-il`. */
const NOBODY_FOLLOWS = new Set(
  "faut y n' est fait s' reste existe possible permis autorisé interdit nécessaire obligatoire légal normal".split(' '),
);
const NOBODY_PRECEDES = new Set('faut pleut existe'.split(' '));

/** Who is spoken of, as what, in the order in which they come. */
const readPersons = (text: string, language: string | undefined): string[] => {
  const plain = text
    .normalize('NFC')
    .replaceAll('’', "'")
    .replace(/\s+/gu, ' ')
    .trim()
    .replace(POLITE, ' ')
    .replace(/\bfor me to\b/giu, ' I ');
  const words = personWords(language);
  const raw = plain.match(TOKEN) ?? [];
  const tokens = raw.map((token) => token.toLowerCase());
  const persons: string[] = [];
  let actor: string | undefined;
  for (const [i, token] of tokens.entries()) {
    const person = words.get(token) ?? words.get(encliticOf(token, language) ?? '');
    if (person === undefined) continue;
    if (language === 'french' && /^3m?f?[sp]$/.test(person) && isIdle(tokens, i, words)) continue;
    const settledPerson = settled(person, tokens[i - 1], isPolite(raw[i] ?? '', i, language));
    if (settledPerson.endsWith('s')) actor = settledPerson;
    const turnedPerson = turned(settledPerson, actor);
    // "Can I take my dog with me": where else.
    if (!(turnedPerson === '1r' && token === 'me' && tokens[i - 1] === 'with')) persons.push(turnedPerson);
  }
  return persons;
};

/** `Il faut`, `y a-t-il`; `le musée est-il`, which names who it is. */
const isIdle = (tokens: readonly string[], i: number, words: ReadonlyMap<string, string>): boolean => {
  const [before = '', verb = ''] =
    tokens[i - 1] === 't' ? [tokens[i - 3], tokens[i - 2]] : [tokens[i - 2], tokens[i - 1]];
  if (tokens[i] === 'il' && (NOBODY_FOLLOWS.has(tokens[i + 1] ?? '') || NOBODY_PRECEDES.has(verb) || before === 'y'))
    return true;
  return (
    HELPING.has(verb) && before.length > 2 && !words.has(before) && !isAskingWord(before) && !isFunctionWord(before)
  );
};

/** German's `Sie`, `Ihr`, `Ihnen`: another person than `sie`, `ihr`, `ihnen`. */
const isPolite = (raw: string, i: number, language: string | undefined): boolean =>
  language === 'german' && i > 0 && /^(?:Sie|Ihr|Ihnen|Ihre[nmrs]?)$/u.test(raw);

const settled = (person: string, previous: string | undefined, isPoliteForm: boolean): string => {
  if (isPoliteForm) return `2v${person}`;
  if (person !== '2x') return person;
  const isActing =
    previous === undefined || HELPING.has(previous) || isAskingWord(previous) || BEFORE_SUBJECT.has(previous);
  return isActing ? '2s' : '2o';
};

/** `Ich … mich`: oneself. */
const turned = (person: string, actor: string | undefined): string => {
  const isSelf =
    (person === '1o' && actor === '1s') ||
    (person === '2o' && actor === '2s') ||
    (/^we[ox]$/.test(person) && actor === 'wes');
  return isSelf ? `${person.slice(0, -1)}r` : person;
};

/** Who asks, as the one who acts or owns, and anybody: often left unsaid (`how to`, `an order` for `my order`). */
const DISPENSABLE = new Set(['1s', '1p', 'wes', 'wep', 'ones']);

/** The same persons, in the same parts: `do I owe you`, `do you owe me`; `Ihr Auto`, `ihr Auto`. */
export const differInPersons: Guard = (a, b) => {
  const language = languageOf(a) ?? languageOf(b);
  const other = languageOf(b) ?? languageOf(a);
  const [left, right] = [readPersons(a, language), readPersons(b, other)];
  if (isSame(left, right)) return undefined;
  const [one, two] = [left, right].map((persons) => persons.filter((person) => !DISPENSABLE.has(person)));
  const isDispensed =
    isSame(one ?? [], two ?? []) && (one?.length === 0 || isPartOf(left, right) || isPartOf(right, left));
  return isDispensed ? undefined : `persons: ${left.slice(0, 8).join(' ')} and ${right.slice(0, 8).join(' ')}`;
};

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((person, i) => person === b[i]);

/** In its order, with others between. */
const isPartOf = (part: readonly string[], whole: readonly string[]): boolean => {
  let at = 0;
  for (const person of whole) if (person === part[at]) at += 1;
  return at === part.length;
};
