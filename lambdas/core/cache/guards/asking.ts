import { type Frame, readFrame } from './frame.ts';
import type { Guard } from './guard.ts';
import { only, sameSet } from './words.ts';

/**
 * How the question is asked: for what (`why`, `how much`, whether), whether one can, must or should, in which time, and who acts
 * (`can my boss fire me`, `can I fire my boss`). Small words that embedders hardly see.
 */
export const differInAsking: Guard = (a, b) => {
  const [left, right] = [readFrame(a), readFrame(b)];
  const { asked, other } = { asked: left.asked, other: right.asked };
  if (!isAlikeAsked(asked, other)) return `asks ${asked} and ${other}`;
  const isOffer = left.isAboutYou && right.isAboutYou && left.modes.size + right.modes.size === 1;
  if (!isOffer && !sameSet(modesOf(left, other), modesOf(right, asked)))
    return `mode: ${[...left.modes].join(', ') || 'none'} and ${[...right.modes].join(', ') || 'none'}`;
  // "What happens if", "what will happen if".
  const tenses =
    left.isConditional && right.isConditional ? [left, right].map(withoutFuture) : [left.tenses, right.tenses];
  const [one = new Set<string>(), two = new Set<string>()] = tenses;
  const [time] = only(two, one).length > 0 ? only(one, two) : [];
  if (time !== undefined) return `tense: ${time}`;
  if (left.isMine !== undefined && right.isMine !== undefined && left.isMine !== right.isMine) return 'whose';
  if (left.whoIs !== undefined && right.whoIs !== undefined && left.whoIs !== right.whoIs)
    return 'who acts and who is acted on';
  return differInSubject(left, right) ?? differInSubject(right, left);
};

/** `What` may ask how, or how much of something (`what is the price`); for a time or a reason it says so itself (`what year`). */
const isAlikeAsked = (a: string, b: string): boolean => {
  if (a === b) return true;
  const both = new Set([a, b]);
  if (both.has('whether')) return false;
  if (both.has('telling')) return both.has('way') || both.has('what');
  return both.has('what') && !['owner', 'person', 'reason', 'time', 'place'].some((asked) => both.has(asked));
};

/** `How do I`, `how can I`, `what is the way` are one; so are what one must, should and does, but where it is asked whether. */
const modesOf = ({ asked, modes }: Frame, other: string): ReadonlySet<string> => {
  if (asked === 'way' || asked === 'place' || (asked === 'what' && other === 'way')) return NONE;
  return asked === 'whether' ? modes : new Set([...modes].filter((mode) => mode === 'can'));
};
const NONE: ReadonlySet<string> = new Set();

const withoutFuture = ({ tenses }: Frame): ReadonlySet<string> =>
  new Set([...tenses].map((tense) => (tense === 'future' ? 'present' : tense)));

/** Who asks acts in one, and what both speak of acts in the other. */
const differInSubject = (a: Frame, b: Frame): string | undefined => {
  if (a.subject === 'self' && b.subject === 'third') return 'who acts: the asker and another';
  // "Can I freeze pasta", "can pasta be frozen": the same, unless the asker is spoken of as another, or it has happened.
  const isApart = b.isAboutSelf || !b.isDone || (a.tenses.has('past') && b.tenses.has('past'));
  return isApart && a.subject === 'self' && typeof b.subject === 'object' && a.content.has(b.subject.sense)
    ? `who acts: the asker and ${b.subject.sense.slice(0, 40)}`
    : undefined;
};
