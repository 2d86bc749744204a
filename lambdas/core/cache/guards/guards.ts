import { differInAddedWords } from './added-words.ts';
import { differInAntonyms } from './antonyms.ts';
import { differInAsking } from './asking.ts';
import { differInCodeTokens } from './code-tokens.ts';
import { differInCases } from './german-cases.ts';
import { differInGivenText } from './given-text.ts';
import type { Guard, GuardName } from './guard.ts';
import { differInHiddenText } from './hidden-text.ts';
import { differInLanguage } from './languages.ts';
import { differInLinks } from './links.ts';
import { differInMovedWords } from './moved-words.ts';
import { differInNames } from './names.ts';
import { differInNegation } from './negation.ts';
import { differInNumbers } from './numbers.ts';
import { differInPersons } from './persons.ts';
import { differInQuestionWords } from './question-words.ts';
import { compareTexts } from './read-once.ts';
import { differInScopeWords } from './scope-words.ts';
import { differInSigns } from './signs.ts';
import { differInSwappedWords } from './swapped-words.ts';
import { differInTimes } from './times.ts';
import { differInUnits } from './units.ts';
import { differInVerbEndings } from './verb-endings.ts';
import { differInOrder } from './word-order.ts';
import { differInForms } from './written-forms.ts';

/** In the order in which they are asked: the surest first. */
export const GUARDS: ReadonlyMap<GuardName, Guard> = new Map<GuardName, Guard>([
  ['hidden-text', differInHiddenText],
  ['numbers', differInNumbers],
  ['times', differInTimes],
  ['negation', differInNegation],
  ['antonyms', differInAntonyms],
  ['units', differInUnits],
  ['languages', differInLanguage],
  ['names', differInNames],
  ['code-tokens', differInCodeTokens],
  ['word-order', differInOrder],
  ['question-words', differInQuestionWords],
  ['asking', differInAsking],
  ['scope-words', differInScopeWords],
  ['swapped-words', differInSwappedWords],
  ['added-words', differInAddedWords],
  ['given-text', differInGivenText],
  ['written-forms', differInForms],
  ['signs', differInSigns],
  ['moved-words', differInMovedWords],
  ['persons', differInPersons],
  ['german-cases', differInCases],
  ['verb-endings', differInVerbEndings],
  ['links', differInLinks],
]);

/** Characters. Guards are linear, and yet a text of megabytes is not worth their time. */
const LONGEST_TEXT = 20_000;

interface GuardRefusal {
  guard: GuardName | 'length';
  reason: string;
}

/** The first guard that sets the two apart; undefined where none does. */
export const findGuardRefusal = (a: string, b: string): GuardRefusal | undefined => {
  if (a === b) return undefined;
  if (a.length > LONGEST_TEXT || b.length > LONGEST_TEXT) return { guard: 'length', reason: 'too long to compare' };
  return compareTexts(() => {
    for (const [guard, differ] of GUARDS) {
      const reason = differ(a, b);
      if (reason !== undefined) return { guard, reason };
    }
    return undefined;
  });
};
