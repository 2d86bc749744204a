import { isClaudeModel } from '../../contract/model-names.ts';
import type { Conversation } from '../conversation.ts';
import type { Target } from '../target.ts';

/** What of `anthropic-beta` reaches a target, and what it is asked without. */
export interface BetasAt {
  sent: string[];
  /** As the client is told: `anthropic-beta: context-1m-2025-08-07`. */
  dropped: string[];
}

/**
 * Those that Bedrock takes beside Claude's own fields; it refuses a request with any other
 * (docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html).
 */
const AT_BEDROCK =
  /^(computer-use|token-efficient-tools|interleaved-thinking|output-128k|dev-full-thinking|context-1m|context-management|effort|tool-search-tool|tool-examples|fine-grained-tool-streaming)-\d{4}-\d{2}-\d{2}$/;

/** The one that makes the same body dearer: input beyond the usual context at rates of its own. Other features that cost are asked for in the body. */
const LONG_CONTEXT = /^context-1m-/;
const USUAL_CONTEXT_TOKENS = 200_000;

/**
 * Anthropic gets what the client asked for, and Claude on Bedrock what is known there. A longer context is asked for only where
 * its price is known: without it the vendor refuses what is too long, unbilled (docs/decisions/027).
 */
export const betasAt = (
  target: Pick<Target, 'dialect' | 'model' | 'price' | 'contextTokens'>,
  { betas = [] }: Pick<Conversation, 'betas'>,
): BetasAt => {
  const sent = betas.filter((name) => isKnownAt(target, name) && (!LONG_CONTEXT.test(name) || isLongPriced(target)));
  return { sent, dropped: betas.filter((name) => !sent.includes(name)).map((name) => `anthropic-beta: ${name}`) };
};

const isKnownAt = ({ dialect, model }: Pick<Target, 'dialect' | 'model'>, name: string): boolean =>
  dialect === 'anthropic-messages' || (dialect === 'bedrock-converse' && isClaudeModel(model) && AT_BEDROCK.test(name));

/** By a rate for long inputs, or one rate for a context that is that long by itself. */
const isLongPriced = ({ price, contextTokens }: Pick<Target, 'price' | 'contextTokens'>): boolean =>
  price.tiers.length > 0 || contextTokens > USUAL_CONTEXT_TOKENS;
