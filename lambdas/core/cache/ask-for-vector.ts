import type { Conversation, JsonObject } from '../conversation.ts';
import type { Target } from '../target.ts';

/**
 * What is asked where the vector of one text is wanted: as any client of OpenAI's embeddings could ask.
 *
 * @param dimensions numbers that are wanted; said to the model only where it has vectors of several lengths
 */
export const askForVector = (
  text: string,
  { model, embedding }: Pick<Target, 'model' | 'embedding'>,
  dimensions?: number,
): { conversation: Conversation; body: JsonObject } => {
  const own = embedding?.ownDimensions;
  const length = dimensions === undefined || own === undefined || own === dimensions ? {} : { dimensions };
  return {
    conversation: {
      model,
      embedding: { inputs: [text], format: 'float', ...length },
      turns: [],
      tools: [],
      maxOutputTokens: 0,
      choices: 1,
      stream: false,
      streamUsage: false,
      sameDialectOnly: [],
      costBearing: [],
    },
    body: { model, input: [text], encoding_format: 'float', ...length },
  };
};
