import type { Conversation, JsonObject, ReasoningEffort } from '../../core/conversation.ts';
import type { EncodeContext } from './encode-content.ts';
import { forcesTool } from './encode-tools.ts';
import type { ModelRules } from './model-rules.ts';

type Effort = Exclude<ReasoningEffort, 'none'>;

/** Claude's least thinking budget, tokens. */
const LEAST_BUDGET = 1024;

/** Thinking tokens that an effort means on models that take a budget only. Ours: Anthropic publishes no such table. */
const BUDGETS: Record<Effort, number> = {
  minimal: LEAST_BUDGET,
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: 32_768,
  max: 65_536,
};

/** What an effort may take of the output limit; the rest is for the answer. */
const LARGEST_SHARE = 0.75;

export interface EncodedReasoning {
  /** For additionalModelRequestFields. */
  extra: JsonObject;
  /** For outputConfig. */
  effort?: string;
  /** Whether Claude thinks: that binds its sampling. */
  thinking: boolean;
}

const NOTHING: EncodedReasoning = { extra: {}, thinking: false };

/** A loop of calls that began without thinking can't go on with it: Claude wants such a turn to begin with a signed thought. */
const isLoopWithoutThought = ({ turns }: Conversation): boolean => {
  const last = turns.findLast(({ role }) => role !== 'system');
  if (last?.role !== 'user' || !last.parts.some(({ type }) => type === 'tool-result')) return false;
  const caller = turns.findLast(({ role }) => role === 'assistant')?.parts[0];
  return !(caller?.type === 'redacted-reasoning' || (caller?.type === 'reasoning' && caller.signature !== undefined));
};

interface Wanted {
  effort: Effort | undefined;
  budgetTokens: number | undefined;
}

/** @returns undefined where the output limit leaves no room to think */
const budgetOf = ({ effort, budgetTokens }: Wanted, maxTokens: number): number | undefined => {
  const most = budgetTokens === undefined ? Math.floor(maxTokens * LARGEST_SHARE) : maxTokens - 1;
  const budget = Math.max(LEAST_BUDGET, Math.min(budgetTokens ?? BUDGETS[effort ?? 'medium'], most));
  return budget > most ? undefined : budget;
};

const claudeEffort = ({ effort, budgetTokens = 0 }: Wanted, { hasXhighEffort }: ModelRules): string => {
  if (effort === undefined) {
    if (budgetTokens <= BUDGETS.low) return 'low';
    return budgetTokens <= BUDGETS.medium ? 'medium' : 'high';
  }
  if (effort === 'minimal') return 'low';
  // Without `xhigh` the next one up.
  return effort === 'xhigh' && !hasXhighEffort ? 'max' : effort;
};

/** The three words that Nova and gpt-oss know. */
const plainEffort = ({ effort }: Wanted): 'low' | 'medium' | 'high' => {
  if (effort === undefined || effort === 'medium') return 'medium';
  return effort === 'minimal' || effort === 'low' ? 'low' : 'high';
};

const turnOff = ({ rules, dropped }: EncodeContext): EncodedReasoning => {
  switch (rules.reasoningOff) {
    case 'omit':
      return NOTHING;
    case 'disabled':
    case 'between_tools':
      return { extra: { thinking: { type: rules.reasoningOff } }, thinking: false };
    case 'never':
      dropped.add('reasoning.effort');
      return rules.reasoning === 'effort-word'
        ? { extra: { reasoning_effort: 'low' }, thinking: false }
        : { extra: {}, effort: 'low', thinking: true };
    default:
      return rules.reasoningOff satisfies never;
  }
};

const encodeBudget = (wanted: Wanted, maxTokens: number, dropped: Set<string>): EncodedReasoning => {
  const name = wanted.budgetTokens === undefined ? 'reasoning.effort' : 'reasoning.budgetTokens';
  const budget = budgetOf(wanted, maxTokens);
  if (budget === undefined || (wanted.budgetTokens !== undefined && budget !== wanted.budgetTokens)) dropped.add(name);
  if (budget === undefined) return NOTHING;
  return { extra: { thinking: { type: 'enabled', budget_tokens: budget } }, thinking: true };
};

/**
 * Asks for reasoning in the way of the model's family. What the family or the rest of the request rules out is left out
 * and named.
 *
 * @param maxTokens the output limit that is sent, reasoning included
 */
export const encodeReasoning = (
  conversation: Conversation,
  maxTokens: number,
  context: EncodeContext,
): EncodedReasoning => {
  const { rules, dropped } = context;
  const { effort, budgetTokens } = conversation.reasoning ?? {};
  if (effort === 'none') return turnOff(context);
  if (effort === undefined && budgetTokens === undefined) return NOTHING;
  const wanted: Wanted = { effort, budgetTokens };
  const byBudget =
    rules.reasoning === 'claude-budget' || (rules.reasoning === 'claude-either' && budgetTokens !== undefined);
  // A forced call is what the client programs against, so the thinking gives way.
  const forced = forcesTool(conversation, context);
  if (byBudget && !forced && !isLoopWithoutThought(conversation)) return encodeBudget(wanted, maxTokens, dropped);
  switch (rules.reasoning) {
    case undefined:
    case 'claude-budget':
      dropped.add('reasoning');
      return NOTHING;
    case 'claude-either':
    case 'claude-adaptive': {
      const word = claudeEffort(wanted, rules);
      if (!forced) return { extra: { thinking: { type: 'adaptive' } }, effort: word, thinking: true };
      dropped.add('reasoning');
      // Without thinking, "high" is the most that is taken.
      return { extra: {}, effort: word === 'xhigh' || word === 'max' ? 'high' : word, thinking: false };
    }
    case 'nova-2': {
      // Nova 2 takes no output limit beside "high", and Tollgate never sends a request without one.
      const word = plainEffort(wanted);
      if (word === 'high') dropped.add('reasoning.effort');
      if (budgetTokens !== undefined) dropped.add('reasoning.budgetTokens');
      const maxReasoningEffort = word === 'high' ? 'medium' : word;
      return { extra: { reasoningConfig: { type: 'enabled', maxReasoningEffort } }, thinking: false };
    }
    case 'effort-word':
      if (budgetTokens !== undefined) dropped.add('reasoning.budgetTokens');
      return { extra: { reasoning_effort: plainEffort(wanted) }, thinking: false };
    default:
      return rules.reasoning satisfies never;
  }
};
