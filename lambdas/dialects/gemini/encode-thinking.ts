import type { Conversation, JsonObject, ReasoningEffort } from '../../core/conversation.ts';
import type { EncodeContext } from './encode-parts.ts';
import type { ThinkingLevel, ThinkingRules } from './model-rules.ts';

/** Tokens by effort, as Google's own OpenAI endpoint has them (ai.google.dev/gemini-api/docs/openai, "Thinking"). */
const BUDGETS: Record<Exclude<ReasoningEffort, 'none'>, number> = {
  minimal: 1_024,
  low: 1_024,
  medium: 8_192,
  high: 24_576,
  xhigh: 24_576,
  max: 32_768,
};

const LEVELS: Record<Exclude<ReasoningEffort, 'none'>, ThinkingLevel> = {
  minimal: 'minimal',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
};
const ORDER: readonly ThinkingLevel[] = ['minimal', 'low', 'medium', 'high'];

/** The share of the output limit that thoughts may take where only an effort was named: the rest is for the answer. */
const LARGEST_SHARE = 0.8;

/** The level itself, else the next one up, else the highest. */
const nearest = (wanted: ThinkingLevel, levels: readonly [ThinkingLevel, ...ThinkingLevel[]]): ThinkingLevel =>
  levels.find((level) => ORDER.indexOf(level) >= ORDER.indexOf(wanted)) ?? levels.at(-1) ?? levels[0];

const levelOfBudget = (tokens: number): ThinkingLevel => {
  if (tokens <= BUDGETS.low) return 'low';
  return tokens <= BUDGETS.medium ? 'medium' : 'high';
};

type Wanted = NonNullable<Conversation['reasoning']>;

const byLevel = (
  { effort, budgetTokens }: Wanted,
  { levels }: Extract<ThinkingRules, { by: 'level' }>,
  dropped: Set<string>,
): JsonObject => {
  if (effort === 'none') {
    // Thinking can't be turned off; the least is as near as it gets.
    dropped.add('reasoning.effort');
    return { thinkingLevel: levels[0] };
  }
  const level = budgetTokens === undefined ? LEVELS[effort ?? 'medium'] : levelOfBudget(budgetTokens);
  return { thinkingLevel: nearest(level, levels), includeThoughts: true };
};

const byBudget = (
  { effort, budgetTokens }: Wanted,
  { least, most, canBeOff }: Extract<ThinkingRules, { by: 'budget' }>,
  limit: number | undefined,
  dropped: Set<string>,
): JsonObject => {
  if (effort === 'none') {
    if (!canBeOff) dropped.add('reasoning.effort');
    return { thinkingBudget: canBeOff ? 0 : least };
  }
  const wanted = budgetTokens ?? BUDGETS[effort ?? 'medium'];
  const room = limit === undefined ? most : budgetTokens === undefined ? Math.floor(limit * LARGEST_SHARE) : limit - 1;
  const thinkingBudget = Math.max(least, Math.min(wanted, most, room));
  if (budgetTokens !== undefined && thinkingBudget !== budgetTokens) dropped.add('reasoning.budgetTokens');
  return { thinkingBudget, includeThoughts: true };
};

/**
 * `thinkingConfig`: what was asked for in the model's own measure, named only where it could not be met. Tokens for
 * generation 2.5, a level from 3 on (which takes no tokens beside it). Where nothing was asked the model decides by itself,
 * and keeps its thoughts.
 *
 * @param limit the output limit that is sent, thoughts included
 */
export const encodeThinking = (
  { reasoning }: Conversation,
  limit: number | undefined,
  { rules, dropped }: EncodeContext,
): JsonObject => {
  if (reasoning === undefined || (reasoning.effort === undefined && reasoning.budgetTokens === undefined)) return {};
  switch (rules.thinking.by) {
    case 'nothing':
      if (reasoning.effort !== 'none') dropped.add('reasoning');
      return {};
    case 'level':
      return { thinkingConfig: byLevel(reasoning, rules.thinking, dropped) };
    case 'budget':
      return { thinkingConfig: byBudget(reasoning, rules.thinking, limit, dropped) };
    default:
      return rules.thinking satisfies never;
  }
};
