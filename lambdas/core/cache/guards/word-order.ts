import { ENGLISH_NOUNS } from './content.ts';
import { DETERMINERS, HELPING, isAskingWord } from './frame.ts';
import { isFunctionWord, senseOf } from './function-words.ts';
import type { Guard } from './guard.ts';
import { languageOf } from './languages.ts';
import { isNumberWord } from './numbers.ts';
import { isCompatible, type Role, readRole, resetsRole } from './roles.ts';
import { isTimeWord } from './times.ts';
import { countOf, expandContractions, hasUnspacedScript, isSameCount, readWords, stemOf } from './words.ts';

interface Placed {
  /** Its stem where both texts have that; else what it stands for. */
  sense: string;
  stem: string;
  role: Role | undefined /** A preposition stands right before it. */;
  isLed: boolean /** `My`, `the` before it: a noun. */;
  isNoun: boolean /** No word stands between it and the place before. */;
  follows: boolean;
  /** Where it stands in the text. */
  start: number;
  /** `'s`. */
  owns: boolean;
  /** `And` or `or` stands before it. */
  isJoined: boolean;
  /** `Is`, `are` before it: what is said of another. */
  isPredicate: boolean;
}

interface Reading {
  places: Placed[];
  roles: Map<string, Set<Role | undefined>>;
  hasIt: boolean;
  /** `By` someone, after something was done. */ isPassive: boolean;
  /** Who, then. */
  agent: string | undefined;
  language: string | undefined;
}

const CLAUSES: ReadonlySet<Role> = new Set<Role>(['before', 'after', 'until', 'during']);
const CONDITIONS = new Set('if wenn falls si'.split(' '));
const JOINING = new Set('and or und oder et ou y o e'.split(' '));
const ARTICLES = new Set('the a an der die das ein eine le la les un une el los las il'.split(' '));
const BREAK = /[.,;:!?¿¡\n"“”„«»()]/u;
const BE = new Set(
  'is are was were am be been being get gets got wird werden wurde wurden worden est sont été être ser sido es fue fueron foi essere stato stata stati viene'.split(
    ' ',
  ),
);
const AGENTS = new Set('by von vom durch par por pelo pela da dal dalla dai'.split(' '));
const PARTICIPLE =
  /(?:ed|en|wn|ght|ade|one|ung|eld|old|id|it|ut|t|é|ée|és|ées|ado|ada|ados|adas|ido|ida|ato|ata|uto|uta)$/u;

const readText = (text: string): Reading => {
  const plain = expandContractions(text);
  const words = readWords(plain);
  const language = languageOf(text);
  const places: Placed[] = [];
  let role: Role | undefined;
  /** Of a condition, till it ends. */
  let condition: Role | undefined;
  let isLed = false;
  let isJoined = false;
  let agentAt: number | undefined;
  let end = 0;
  let hasBe = false;
  let isPassive = false;
  for (const [i, { text: word, start, raw }] of words.entries()) {
    if (BREAK.test(plain.slice(end, start))) {
      role = undefined;
      condition = undefined;
    }
    end = start + raw.length;
    hasBe ||= BE.has(word);
    const previous = words[i - 1]?.text ?? '';
    if (hasBe && AGENTS.has(word) && PARTICIPLE.test(previous.slice(-20)) && !BE.has(previous)) {
      isPassive = true;
      agentAt ??= places.length;
    }
    const next = readRole(word, previous, words[i + 1]?.text ?? '', language);
    if (next !== undefined) {
      // "Cheaper in Prague than in Vienna": what is compared stays so.
      role = role === 'than' && words[i - 1]?.text === 'than' ? 'than' : next;
      isLed = true;
      // "Before the request is sent": all of it.
      if (CLAUSES.has(next)) condition = next;
      continue;
    }
    if (resetsRole(word)) {
      role = undefined;
      isLed = false;
    }
    if (CONDITIONS.has(word) || (word === 'when' && !HELPING.has(words[i + 1]?.text ?? ''))) condition = 'if';
    if (JOINING.has(word)) isJoined = true;
    const isSmall = isFunctionWord(word) || isAskingWord(word);
    if (isSmall && !(language === 'english' && ENGLISH_NOUNS.has(word))) continue;
    const beAt = BE.has(previous) ? i - 1 : ARTICLES.has(previous) && BE.has(words[i - 2]?.text ?? '') ? i - 2 : -1;
    // First of an English question it precedes who is spoken of.
    const isPredicate = beAt > 0 || (beAt === 0 && language !== 'english' && beAt === i - 1);
    const isNoun = DETERMINERS.has(previous);
    const before = places.at(-1);
    // "Send a friend a file": the file, not to whom.
    if (isNoun && role === undefined && before?.isNoun === true && before.start === words[i - 2]?.start) role = 'given';
    const owns = /['’]s$/iu.test(raw);
    // When something is (`yesterday`, `on Monday`) may be told anywhere.
    if (!isTimeWord(word) || (role !== undefined && role !== 'at'))
      places.push({
        sense: senseOf(word),
        stem: stemOf(word),
        role: role ?? condition,
        isLed,
        isNoun,
        follows: before !== undefined && before.start === words[i - 1]?.start,
        start,
        owns,
        isJoined,
        isPredicate,
      }); // "To 2 decimals" leads the decimals too.
    if (/^\d/.test(word) || isNumberWord(word)) continue;
    isLed = false;
    isJoined = false;
  }
  const hasIt = words.some(({ text: word }) => word === 'it');
  const agent = agentAt === undefined ? undefined : places[agentAt]?.stem;
  return { places, roles: new Map(), hasIt, isPassive, agent, language };
};

/** Two words change places (`from Köln to Bonn`, `Bonn to Köln`; `dogs chase cats`), and none of them keeps its part. */
export const differInOrder: Guard = (a, b) =>
  hasUnspacedScript(a) || hasUnspacedScript(b) ? differInSigns(a, b) : findExchange(a, b);

const findExchange: Guard = (a, b) => {
  const [left, right] = [readText(a), readText(b)];
  // "Remove" and "delete" stand for one another, but not where both are said.
  const stems = [new Set(left.places.map(({ stem }) => stem)), new Set(right.places.map(({ stem }) => stem))];
  const isSaidInBoth = (stem: string) => stems.every((one) => one.has(stem));
  for (const reading of [left, right]) {
    for (const place of reading.places) if (isSaidInBoth(place.stem)) place.sense = place.stem;
    reading.roles = rolesBySense(reading.places);
  }
  if (left.isPassive !== right.isPassive)
    return isSamePassive(...(left.isPassive ? ([left, right] as const) : ([right, left] as const)))
      ? undefined
      : 'done by whom';
  const apart = differInRoles(left, right) ?? differInRoles(right, left);
  if (apart !== undefined) return apart;
  const one = sharedPlaces(left, right);
  const two = sharedPlaces(right, left);
  const moved = one.findIndex(({ sense }, i) => sense !== two[i]?.sense);
  if (moved === -1 || one.length !== two.length) return undefined;
  return (isOnlyTold(one, two, left, right) && isOnlyTold(two, one, right, left)) ||
    isRotation(one, two, left, right) ||
    isRotation(two, one, right, left) ||
    isExchangeable(one, two)
    ? undefined
    : `order: ${one[moved]?.sense.slice(0, 40)}`;
};

/** Who does it comes first in the other, and last in what is done by them. */
const isSamePassive = (passive: Reading, active: Reading): boolean => {
  const first = passive.places.find(({ stem }) => active.places.some((place) => place.stem === stem))?.stem;
  const at = (stem: string | undefined) => active.places.findIndex((place) => place.stem === stem); // "Refuse to be treated by": of two verbs only one is turned round.
  const stems = passive.places.map(({ stem }) => stem);
  const between = stems.indexOf(passive.agent ?? '') - stems.indexOf(first ?? '');
  return (
    between <= 2 &&
    passive.agent !== undefined &&
    first !== undefined &&
    first !== passive.agent &&
    at(passive.agent) !== -1 &&
    at(passive.agent) < at(first)
  );
};

/** Every part that a word has in a text; undefined among them where no preposition gives it one. */
const rolesBySense = (places: readonly Placed[]): Map<string, Set<Role | undefined>> => {
  const roles = new Map<string, Set<Role | undefined>>();
  for (const { sense, role } of places) {
    const known = roles.get(sense);
    if (known === undefined) roles.set(sense, new Set([role]));
    else known.add(role);
  }
  return roles;
};

/** A word that comes twice (`from version 3 to version 4`) has several parts: only what has none in common is apart. */
const differInRoles = (a: Reading, b: Reading): string | undefined => {
  for (const [sense, own] of a.roles) {
    const other = b.roles.get(sense);
    if (other === undefined) continue;
    const isAlike = [...own].some((role) => [...other].some((another) => isCompatible(role, another)));
    if (!isAlike) return `${sense.slice(0, 40)}: ${[...own].join(', ')} and ${[...other].join(', ')}`;
  }
  return undefined;
};

/** Words that both have, each where it first comes if they have it unequally often. */
const sharedPlaces = (own: Reading, other: Reading): Placed[] => {
  const [counts, others] = [
    countOf(own.places.map(({ sense }) => sense)),
    countOf(other.places.map(({ sense }) => sense)),
  ];
  const seen = new Set<string>();
  return own.places.filter(({ sense }) => {
    const isFirst = !seen.has(sense);
    seen.add(sense);
    return others.has(sense) && (isFirst || counts.get(sense) === others.get(sense));
  });
};

/** What has no part of its own comes in the same order, and the rest keeps its part: only the order of telling changed. */
const isOnlyTold = (one: readonly Placed[], two: readonly Placed[], left: Reading, right: Reading): boolean => {
  const isOnce = (sense: string) => left.roles.get(sense)?.size === 1 && right.roles.get(sense)?.size === 1;
  const bare = (places: readonly Placed[]) => places.filter(({ role }) => role === undefined).map(({ sense }) => sense);
  const [bareOne, bareTwo] = [bare(one), bare(two)];
  const isMovedAlone = one.every(
    ({ sense, role }, i) =>
      sense === two[i]?.sense || role === undefined || (isOnce(sense) && right.roles.get(sense)?.has(role)),
  );
  if (!isMovedAlone || bareOne.length !== bareTwo.length || bareOne.some((sense, i) => sense !== bareTwo[i]))
    return false;
  // Within one part the order stays ("from New York").
  const roles = new Set(one.flatMap(({ role }) => (role === undefined ? [] : [role])));
  return [...roles].every((role) => {
    const of = (places: readonly Placed[]) => places.filter((place) => place.role === role).map(({ sense }) => sense);
    const [own, other] = [of(one), of(two)];
    return own.length === other.length && own.every((sense, i) => sense === other[i]);
  });
};

/**
 * One word that is first in `one` comes after the rest in `two`: a compound told apart (`a tomato soup recipe`, `a recipe for
 * tomato soup`), `is it legal to …`, `is … legal`, and a verb at a German sentence's end.
 */
const isRotation = (one: readonly Placed[], two: readonly Placed[], left: Reading, right: Reading): boolean => {
  const from = one.findIndex(({ sense }, i) => sense !== two[i]?.sense);
  const word = one[from];
  if (word === undefined) return false;
  const to = two.findIndex(({ sense }, i) => i > from && sense === word.sense);
  if (to === -1) return false;
  const jumped = one.slice(from + 1, to + 1);
  const isBlock =
    jumped.every(({ sense }, i) => sense === two[from + i]?.sense) &&
    one.slice(to + 1).every(({ sense }, i) => sense === two[to + 1 + i]?.sense);
  if (!isBlock) return false;
  const others = two.slice(from, to);
  const isCompound =
    jumped[0]?.isLed === true &&
    jumped.every(({ role }) => role === 'of' || role === 'for' || role === 'at') &&
    word.role === two[to]?.role &&
    others.every(({ role, follows }, i) => role === word.role && (i === 0 || follows)) &&
    two[to]?.follows === true &&
    two[to]?.isLed === false;
  const isOnce = [one, two].every(
    (places) => places.filter(({ sense }) => sense === word.sense || sense === jumped[0]?.sense).length === 2,
  );
  const isDative =
    isOnce &&
    jumped[0]?.isNoun === true &&
    jumped.length === 1 &&
    two[to]?.isLed === false &&
    jumped[0]?.role === 'to' &&
    others[0]?.role === undefined;
  const isDummy = left.hasIt && !right.hasIt && from === 0 && to === two.length - 1;
  const isVerbLast =
    left.language === 'german' &&
    right.language === 'german' &&
    from === 0 &&
    to === two.length - 1 &&
    jumped.every(({ role }, i) => role === others[i]?.role);
  const isOwner =
    word.owns &&
    ['of', 'at', 'for'].includes(two[to]?.role ?? '') &&
    jumped.every(({ role }, i) => role === others[i]?.role);
  return isOwner || isCompound || isDative || isDummy || isVerbLast;
};

/** Two neighbours that are joined (`tea and milk`), or of which one is said of the other (`which planet is the largest`). */
const isExchangeable = (one: readonly Placed[], two: readonly Placed[]): boolean => {
  const moved = one.flatMap(({ sense }, i) => (sense === two[i]?.sense ? [] : [i]));
  const [first = 0, second = 0] = moved;
  const [a, b, c, d] = [one[first], one[second], two[first], two[second]];
  if (
    moved.length !== 2 ||
    second !== first + 1 ||
    a === undefined ||
    b === undefined ||
    c === undefined ||
    d === undefined
  )
    return false;
  if (a.sense !== d.sense || b.sense !== c.sense) return false;
  if (b.isJoined && d.isJoined) return a.role === c.role && b.role === d.role;
  const [isOneSaid, isTwoSaid] = [a.isPredicate || d.isPredicate, b.isPredicate || c.isPredicate];
  return isOneSaid !== isTwoSaid && [a, b, c, d].every(({ role }) => role === undefined);
};

/** Without spaces, the same signs in another order are enough. */
const differInSigns: Guard = (a, b) =>
  a !== b && isSameCount(countOf(a.normalize('NFKC')), countOf(b.normalize('NFKC'))) ? 'order of signs' : undefined;
