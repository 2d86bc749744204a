import type { NanoUsd } from '../../contract/money.ts';
import type { StandIn } from '../route/plan.ts';
import type { Target } from '../target.ts';
import { holdCeiling } from './hold-ceiling.ts';
import { type TokenCharge, tokenCharge } from './limit-takes.ts';

/** The most that a planned request can cost with one call, to this target and with so many output tokens a choice. */
export const ceilingAt = (target: Target, { asked, plan }: StandIn, outputTokens: number): NanoUsd =>
  holdCeiling(target, asked.conversation, plan.estimateOf(target).inputTokensHigh, outputTokens) +
  (asked.besides ?? 0n);

/** What limits are charged for it. */
export const chargeAt = (target: Target, { asked, plan }: StandIn, outputTokens: number): TokenCharge =>
  tokenCharge(plan.estimateOf(target).inputTokensHigh, outputTokens, {
    usualTokens: asked.alias.defaultOutputTokens,
    choices: asked.conversation.choices,
  });
