import { findRefused } from '../carry/refused.ts';
import type { Conversation, Turn } from '../conversation.ts';
import type { Dialect } from '../dialect.ts';
import type { Capability, Target } from '../target.ts';
import { whyUnpriced } from './cost-bearing.ts';

/** Why a target can't serve a request; undefined when it can. The words go into the receipt and, where no target can, to the client. */
export const whyNot = (
  target: Target,
  dialect: Dialect,
  conversation: Conversation,
  inputTokensLow: number,
): string | undefined => {
  if (conversation.embedding !== undefined || target.embedding !== undefined)
    return dialect.vectors === undefined
      ? 'embeddings is not supported'
      : dialect.vectors.whyNot(target, conversation, inputTokensLow);
  if (conversation.boundTo !== undefined && conversation.boundTo.dialect !== dialect.name)
    return `${conversation.boundTo.what} can't be expressed in ${dialect.name}`;
  const unpriced = whyUnpriced(target, conversation);
  if (unpriced !== undefined) return unpriced;
  const lacking = requiredCapabilities(conversation).find((capability) => !target.capabilities.has(capability));
  if (lacking !== undefined) return `${lacking} is not supported`;
  const unsaid = findRefused(dialect.cannotCarry, conversation);
  if (unsaid !== undefined) return `${unsaid} can't be expressed in ${dialect.name}`;
  if (conversation.maxOutputTokens !== undefined && conversation.maxOutputTokens > target.maxOutputTokens)
    return `an output limit of ${conversation.maxOutputTokens} is above the model's ${target.maxOutputTokens}`;
  if (inputTokensLow > target.contextTokens)
    return `context: at least ${inputTokensLow} input tokens, the model takes ${target.contextTokens}`;
  return undefined;
};

/** What the request needs the model itself to be able to do. */
export const requiredCapabilities = (conversation: Conversation): Capability[] => {
  const required = new Set<Capability>();
  if (conversation.stream) required.add('streaming');
  if (conversation.tools.length > 0) required.add('tools');
  if (conversation.format?.type === 'json-schema') required.add('json-schema');
  const { effort, budgetTokens } = conversation.reasoning ?? {};
  if ((effort !== undefined && effort !== 'none') || budgetTokens !== undefined) required.add('reasoning');
  for (const type of partTypes(conversation.turns)) {
    if (type === 'image') required.add('vision');
    if (type === 'document') required.add('documents');
    if (type === 'tool-call') required.add('tools');
  }
  return [...required];
};

function* partTypes(turns: Turn[]): Generator<string> {
  for (const turn of turns) {
    for (const part of turn.parts) {
      yield part.type;
      if (part.type === 'tool-result') for (const inner of part.content) yield inner.type;
    }
  }
}
