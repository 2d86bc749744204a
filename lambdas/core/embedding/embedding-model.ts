/** What is known of a model that makes vectors. */
export interface EmbeddingModel {
  /**
   * Whose vectors these are. Those of two models can't be compared, whatever their lengths: only targets of one space may
   * stand in for each other.
   */
  space: string;
  /** Numbers in a vector where nothing is asked for; undefined = not known here. */
  ownDimensions?: number;
  /** Other lengths that may be asked for: all from `least` up to the model's own, some, or none. */
  otherDimensions: { least: number } | readonly number[];
  /** Texts in one request. */
  maxInputs: number;
  /** Tokens of all texts of one request together; undefined = as many as their number allows. */
  maxRequestTokens?: number;
  /** Whether it takes what its own tokenizer has made of a text. */
  takesTokens: boolean;
}

/** What the configuration says of one. */
export interface EmbeddingSettings {
  /** Whose vectors they are, where the provider has a name of its own for the model (a deployment, a path). */
  model?: string;
  /** Lengths that may be asked for beside the model's own; `any` up to that. */
  dimensions?: 'any' | number[];
}

type Rule = Omit<EmbeddingModel, 'space'>;

/** Most texts in one request, whatever the model: OpenAI's own bound (developers.openai.com/api/reference/resources/embeddings). */
export const MAX_EMBEDDING_INPUTS = 2_048;

const OPENAI = { maxInputs: MAX_EMBEDDING_INPUTS, maxRequestTokens: 300_000, takesTokens: true } as const;
const GEMINI = { maxInputs: 100, takesTokens: false } as const;
/** A text a call: a request is as many calls as it has texts, and has to end within its time. */
const TITAN = { maxInputs: 256, takesTokens: false } as const;

/**
 * By the model's name: lengths and batches, from the vendors' references (developers.openai.com/api/docs/guides/embeddings,
 * ai.google.dev/gemini-api/docs/embeddings,
 * docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html).
 */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['text-embedding-3-small', { ...OPENAI, ownDimensions: 1_536, otherDimensions: { least: 1 } }],
  ['text-embedding-3-large', { ...OPENAI, ownDimensions: 3_072, otherDimensions: { least: 1 } }],
  ['text-embedding-ada-002', { ...OPENAI, ownDimensions: 1_536, otherDimensions: [] }],
  ['gemini-embedding-001', { ...GEMINI, ownDimensions: 3_072, otherDimensions: { least: 128 } }],
  ['gemini-embedding-2', { ...GEMINI, ownDimensions: 3_072, otherDimensions: { least: 128 } }],
  ['amazon.titan-embed-text-v2:0', { ...TITAN, ownDimensions: 1_024, otherDimensions: [256, 512] }],
  ['amazon.titan-embed-text-v1', { ...TITAN, ownDimensions: 1_536, otherDimensions: [] }],
  ['amazon.titan-embed-g1-text-02', { ...TITAN, ownDimensions: 1_536, otherDimensions: [] }],
]);

/** A server of one's own, or a vendor that nothing is known of here. */
const UNKNOWN: Rule = { maxInputs: MAX_EMBEDDING_INPUTS, otherDimensions: [], takesTokens: true };

/** @param model the provider's name of it, or the one that the configuration gives */
export const embeddingModelOf = (
  model: string,
  kind: string,
  { model: named, dimensions }: EmbeddingSettings = {},
): EmbeddingModel => {
  const space = kind === 'simulator' ? simulatedSpace(model) : (named ?? model);
  const simulated = kind === 'simulator' ? simulatedRule(model) : undefined;
  const rule = simulated ?? RULES.get(space) ?? UNKNOWN;
  if (dimensions === undefined) return { space, ...rule };
  return { space, ...rule, otherDimensions: dimensions === 'any' ? { least: 1 } : dimensions };
};

/** Numbers in a vector of a simulator's model; undefined where the model answers in words. */
export const simulatedDimensions = (model: string): number | undefined => {
  const [, numbers] = /(?:^|\+)embed-(\d+)(?:\+|$)/.exec(model) ?? [];
  return numbers === undefined ? undefined : Number(numbers);
};

/** However slow it is and however often it fails, the vectors are the same. */
const simulatedSpace = (model: string): string => `simulator/embed-${simulatedDimensions(model) ?? 0}`;

const simulatedRule = (model: string): Rule => ({
  maxInputs: MAX_EMBEDDING_INPUTS,
  ownDimensions: simulatedDimensions(model) ?? 0,
  otherDimensions: { least: 1 },
  takesTokens: true,
});
