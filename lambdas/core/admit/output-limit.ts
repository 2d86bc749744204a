import type { Conversation } from '../conversation.ts';
import type { Alias, Target } from '../target.ts';
import type { Admission } from './admission.ts';

/** The output limit of one call, tokens. */
export interface OutputLimit {
  tokens: number;
  /**
   * `client`: its own, never changed. `alias`: the default, sent because a budget applies. `model`: nothing is sent; the
   * model's own maximum bounds the hold. `clamp`: lowered to what a budget with back-pressure has left.
   */
  setBy: 'client' | 'alias' | 'model' | 'clamp';
  /** What it would be without back-pressure; with `clamp` only. */
  loweredFrom?: number;
}

/** What back-pressure has lowered, tokens. */
export interface LoweredLimits {
  /** Holds for every target: the request was admitted with no more than this. */
  all?: number;
  /** By target id: what was left when the hop was admitted. */
  byTarget: Map<string, number>;
}

/** A request without a limit gets the alias's default where a budget applies, so that its hold is bounded by more than the model's maximum. */
export const outputLimitFor = (
  conversation: Conversation,
  alias: Alias,
  target: Target,
  isBudgeted: boolean,
): OutputLimit => {
  if (conversation.maxOutputTokens !== undefined) return { tokens: conversation.maxOutputTokens, setBy: 'client' };
  if (isBudgeted) return { tokens: Math.min(alias.defaultOutputTokens, target.maxOutputTokens), setBy: 'alias' };
  return { tokens: target.maxOutputTokens, setBy: 'model' };
};

/** The limit of an admitted request at one target, with what back-pressure has made of it. */
export const outputLimitOf = (
  { asked, isBudgeted, lowered }: Pick<Admission, 'asked' | 'isBudgeted' | 'lowered'>,
  target: Target,
): OutputLimit => {
  const desired = outputLimitFor(asked.conversation, asked.alias, target, isBudgeted);
  const most = Math.min(
    lowered?.all ?? Number.POSITIVE_INFINITY,
    lowered?.byTarget.get(target.id) ?? Number.POSITIVE_INFINITY,
  );
  return most < desired.tokens ? { tokens: most, setBy: 'clamp', loweredFrom: desired.tokens } : desired;
};

/**
 * The lowest limit that a request may be given at a target: its own, where that is below the floor. Thinking counts inside the limit, so its budget stays on top of the floor:
 * an answer that ends in the middle of its thoughts is paid for and worth nothing.
 */
export const leastOutputTokens = (
  { asked, isBudgeted }: Pick<Admission, 'asked' | 'isBudgeted'>,
  target: Target,
): number => {
  const { conversation, alias } = asked;
  const desired = outputLimitFor(conversation, alias, target, isBudgeted).tokens;
  return Math.min(desired, alias.outputFloorTokens + (conversation.reasoning?.budgetTokens ?? 0));
};
