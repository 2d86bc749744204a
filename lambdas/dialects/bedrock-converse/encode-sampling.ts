import type { Conversation, JsonObject } from '../../core/conversation.ts';
import type { EncodeContext } from './encode-content.ts';
import { isBlank } from './wire.ts';

/** Claude takes a topP beside its thinking only from here up. */
const LEAST_THINKING_TOP_P = 0.95;

export interface EncodedSampling {
  /** For inferenceConfig. */
  inference: JsonObject;
  /** For additionalModelRequestFields. */
  extra: JsonObject;
}

/** Converse's temperature ends at 1, OpenAI's at 2. */
const encodeTemperature = (
  temperature: number | undefined,
  thinking: boolean,
  { rules, dropped }: EncodeContext,
): number | undefined => {
  if (temperature === undefined) return undefined;
  // 1 is the default, so leaving it out changes nothing.
  if (rules.sampling === 'none' || thinking) {
    if (temperature !== 1) dropped.add('temperature');
    return undefined;
  }
  if (temperature > 1) dropped.add('temperature');
  return Math.min(temperature, 1);
};

const encodeTopP = (
  topP: number | undefined,
  beside: { temperature: number | undefined; thinking: boolean },
  { rules, dropped }: EncodeContext,
): number | undefined => {
  if (topP === undefined) return undefined;
  const refused =
    rules.sampling === 'none' ||
    (rules.sampling === 'one' && beside.temperature !== undefined) ||
    (beside.thinking && topP < LEAST_THINKING_TOP_P);
  if (!refused) return topP;
  if (topP !== 1) dropped.add('topP');
  return undefined;
};

const encodeTopK = (topK: number | undefined, thinking: boolean, { rules, dropped }: EncodeContext): JsonObject => {
  if (topK === undefined) return {};
  if (rules.topK === undefined || rules.sampling === 'none' || thinking) {
    dropped.add('topK');
    return {};
  }
  return rules.topK === 'nova' ? { inferenceConfig: { topK } } : { top_k: topK };
};

const encodeStops = (stops: readonly string[] | undefined, { rules, dropped }: EncodeContext): string[] => {
  const taken = (stops ?? []).filter((stop) => stop !== '' && !(rules.refusesBlankStops && isBlank(stop)));
  if (stops !== undefined && taken.length < stops.length) dropped.add('stopSequences');
  return taken;
};

/** @param thinking whether Claude thinks, which fixes its temperature */
export const encodeSampling = (
  conversation: Conversation,
  maxTokens: number,
  thinking: boolean,
  context: EncodeContext,
): EncodedSampling => {
  for (const name of ['seed', 'presencePenalty', 'frequencyPenalty', 'logprobs'] as const)
    if (conversation[name] !== undefined) context.dropped.add(name);
  const temperature = encodeTemperature(conversation.temperature, thinking, context);
  const topP = encodeTopP(conversation.topP, { temperature, thinking }, context);
  const stopSequences = encodeStops(conversation.stopSequences, context);
  return {
    inference: {
      maxTokens,
      ...(temperature !== undefined && { temperature }),
      ...(topP !== undefined && { topP }),
      ...(stopSequences.length > 0 && { stopSequences }),
    },
    extra: encodeTopK(conversation.topK, thinking, context),
  };
};
