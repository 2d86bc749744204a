import type { Conversation, JsonObject, ReasoningEffort } from '../../core/conversation.ts';
import type { ModelTraits } from './claude-models.ts';

/** Tokens; Anthropic's least thinking budget. */
export const SMALLEST_BUDGET = 1_024;

/** Thinking tokens that an effort means on models that take a budget only. Ours: Anthropic publishes no such table. */
const BUDGET_OF_EFFORT: Record<Exclude<ReasoningEffort, 'none'>, number> = {
  minimal: SMALLEST_BUDGET,
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: 32_768,
  max: 65_536,
};

export interface EncodedReasoning {
  thinking?: JsonObject;
  /** `output_config.effort`. */
  effort?: string;
  dropped: string[];
}

/**
 * @param isForced whether a tool call is forced, which Anthropic takes only without thinking: the call is what the client
 *   programs against, so the thinking gives way
 * @param mayThink whether the history allows a budget: a tool loop under way must have begun with signed thinking
 * @param maxTokens the request's `max_tokens`, thinking included
 */
export const encodeReasoning = (
  reasoning: NonNullable<Conversation['reasoning']>,
  traits: ModelTraits,
  { isForced, mayThink, maxTokens }: { isForced: boolean; mayThink: boolean; maxTokens: number },
): EncodedReasoning => {
  const { effort, budgetTokens } = reasoning;
  if (effort === 'none') return turnOff(traits);
  if (effort === undefined && budgetTokens === undefined) return { dropped: [] };
  const name = effort === undefined ? 'reasoning.budgetTokens' : 'reasoning.effort';
  const wantsBudget = traits.thinking === 'budget' || (traits.thinking === 'either' && budgetTokens !== undefined);
  if (traits.thinking === 'none') return { dropped: [name] };
  if (!wantsBudget) {
    const word = effortOf(effort, budgetTokens, traits);
    return isForced
      ? { effort: word, dropped: ['reasoning'] }
      : { thinking: { type: 'adaptive' }, effort: word, dropped: [] };
  }
  if (isForced || !mayThink) return { dropped: ['reasoning'] };
  const asked = budgetTokens ?? BUDGET_OF_EFFORT[effort ?? 'medium'];
  // An effort leaves a quarter of the limit for the answer; a budget was chosen by the client and only has to be smaller.
  const most = budgetTokens === undefined ? Math.floor((maxTokens * 3) / 4) : maxTokens - 1;
  const budget = Math.max(SMALLEST_BUDGET, Math.min(asked, most));
  if (budget > most) return { dropped: [name] };
  return {
    thinking: { type: 'enabled', budget_tokens: budget },
    dropped: budgetTokens !== undefined && budget !== budgetTokens ? [name] : [],
  };
};

const turnOff = ({ thinkingOff }: ModelTraits): EncodedReasoning => {
  switch (thinkingOff) {
    case 'omit':
      return { dropped: [] };
    case 'disabled':
    case 'between_tools':
      return { thinking: { type: thinkingOff }, dropped: [] };
    case 'never':
      return { effort: 'low', dropped: ['reasoning.effort'] };
    default:
      return thinkingOff satisfies never;
  }
};

const effortOf = (
  effort: Exclude<ReasoningEffort, 'none'> | undefined,
  budgetTokens: number | undefined,
  { hasXhighEffort }: ModelTraits,
): string => {
  if (effort === undefined) {
    const tokens = budgetTokens ?? 0;
    if (tokens <= BUDGET_OF_EFFORT.low) return 'low';
    return tokens <= BUDGET_OF_EFFORT.medium ? 'medium' : 'high';
  }
  if (effort === 'minimal') return 'low';
  // Without `xhigh` (Opus 4.6, Sonnet 4.6) the next one up.
  return effort === 'xhigh' && !hasXhighEffort ? 'max' : effort;
};
