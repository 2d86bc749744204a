import { estimateTokensLow } from '../admit/estimate.ts';
import type { Conversation, EmbeddingInput } from '../conversation.ts';
import { whyUnpriced } from '../route/cost-bearing.ts';
import type { Target } from '../target.ts';

/** Bytes that one number takes in an answer, at the most: as a JSON number of a 32-bit float, and as base64. */
const NUMBER_BYTES = { float: 24, base64: 6 };

/**
 * Why a target can't serve a request where the one makes vectors or the other asks for them; undefined when it can.
 *
 * @param inputTokensLow of all texts together
 * @param mostReplyBytes what of an answer is read at most
 */
export const whyNoVectors = (
  target: Target,
  conversation: Conversation,
  inputTokensLow: number,
  mostReplyBytes: number,
): string | undefined => {
  const { embedding: asked } = conversation;
  const { embedding: model } = target;
  if (asked === undefined) return 'it makes vectors, and answers nothing';
  if (model === undefined) return 'embeddings is not supported';
  const unpriced = whyUnpriced(target, conversation);
  if (unpriced !== undefined) return unpriced;
  const { inputs, dimensions } = asked;
  if (!model.takesTokens && inputs.some((input) => typeof input !== 'string'))
    return 'it takes texts, no arrays of tokens';
  if (inputs.length > model.maxInputs)
    return `a batch of ${inputs.length} is above the ${model.maxInputs} that it takes`;
  if (dimensions !== undefined && !canHave(model, dimensions))
    return `dimensions of ${dimensions} are not supported${lengthsOf(model)}`;
  const numbers = inputs.length * (dimensions ?? model.ownDimensions ?? 0);
  // Only OpenAI's language can be asked for base64.
  const bytes = NUMBER_BYTES[target.dialect === 'openai-embeddings' ? asked.format : 'float'];
  if (numbers * bytes > mostReplyBytes)
    return `${numbers} numbers in one answer are above the ${Math.floor(mostReplyBytes / bytes)} that are read: send fewer texts, ask for fewer dimensions, or for base64`;
  const longest = inputs.findIndex((input) => lowOf(input) > target.contextTokens);
  const text = inputs[longest];
  if (text !== undefined)
    return `context: input ${longest} has at least ${lowOf(text)} tokens, the model takes ${target.contextTokens}`;
  if (model.maxRequestTokens !== undefined && inputTokensLow > model.maxRequestTokens)
    return `context: at least ${inputTokensLow} tokens in all, the model takes ${model.maxRequestTokens} a request`;
  return undefined;
};

type Model = NonNullable<Target['embedding']>;

const canHave = ({ ownDimensions, otherDimensions }: Model, dimensions: number): boolean => {
  if (dimensions === ownDimensions) return true;
  if ('least' in otherDimensions)
    return dimensions >= otherDimensions.least && dimensions <= (ownDimensions ?? Number.POSITIVE_INFINITY);
  return otherDimensions.includes(dimensions);
};

const lengthsOf = ({ ownDimensions, otherDimensions }: Model): string => {
  const own = ownDimensions === undefined ? [] : [ownDimensions];
  if ('least' in otherDimensions)
    return `: expected ${otherDimensions.least} to ${ownDimensions ?? 'the length of its own'}`;
  const lengths = [...otherDimensions, ...own].toSorted((a, b) => a - b);
  return lengths.length === 0 ? '' : `: expected ${lengths.join(' or ')}`;
};

const lowOf = (input: EmbeddingInput): number => (typeof input === 'string' ? estimateTokensLow(input) : input.length);
