import type { Conversation } from '../conversation.ts';
import type { Alias, Target } from '../target.ts';

/** The output limit of one call, tokens. */
export interface OutputLimit {
  tokens: number;
  /** `client`: its own, never changed. `alias`: the default, sent because a budget applies. `model`: nothing is sent; the model's own maximum bounds the hold. */
  setBy: 'client' | 'alias' | 'model';
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
