import type { Conversation, DocumentPart, EmbeddingInput, ImagePart, Signed, TextPart, Turn } from '../conversation.ts';
import { isOpenaiDialect } from '../dialect.ts';
import type { Target } from '../target.ts';
import { countText, type TextCounts } from './estimate-text.ts';

/** Tokens of the whole input. What it truly counts as lies between, as far as anybody can tell before the vendor has. */
export interface TokenEstimate {
  /** Decides whether it fits into the model's context. */
  inputTokensLow: number;
  /** Is held, and charged to the limits until the true count is known. */
  inputTokensHigh: number;
}

/** Estimates cost one pass over the text, whatever the text: tokenizers have taken half a minute on 20 KB of one letter. */
export const estimateTokensHigh = (text: string, target?: Pick<Target, 'model' | 'dialect'>): number =>
  scale(countText(text), target);

/** The fewest tokens that this text can count as. */
export const estimateTokensLow = (text: string): number => countText(text).low;

/**
 * Both estimates of a conversation at a target: all turns, tools and schemas, the vendor's own words around them, and every
 * image and document at the most that the target makes of one.
 */
export const estimateConversation = (
  conversation: Conversation,
  target: Pick<Target, 'model' | 'dialect' | 'contextTokens' | 'maxImageTokens' | 'maxDocumentTokens'>,
): TokenEstimate => {
  const counts = countOnce(conversation);
  const family = isOpenAiTokenizer(target) ? 'openai' : 'other';
  const media = counts.images * target.maxImageTokens + counts.documents * target.maxDocumentTokens;
  return {
    inputTokensLow: counts.low,
    inputTokensHigh: Math.max(
      conversation.hasRemoteInput === true ? target.contextTokens : 0,
      scale(counts, target) +
        // What does not fit into the context is refused by the vendor, unbilled.
        Math.min(media, target.contextTokens) +
        REQUEST_TOKENS +
        counts.turns * TURN_TOKENS +
        counts.parts * PART_TOKENS +
        counts.inputs * EMBEDDING_INPUT_TOKENS +
        (counts.tools === 0 ? 0 : TOOL_USE_TOKENS[family]) +
        counts.tools * TOOL_TOKENS +
        (counts.hasSchema ? SCHEMA_TOKENS[family] : 0),
    ),
  };
};

/** The vendors' own words around a request, at their most. */
const REQUEST_TOKENS = 32;
const TURN_TOKENS = 8;
const PART_TOKENS = 16;
/** Around a text that a vector is made of: a mark at its beginning and one at its end. */
const EMBEDDING_INPUT_TOKENS = 4;
const TOOL_TOKENS = 32;
/** Anthropic and the open models' templates add a system prompt where tools are given (Claude: 159 to 804 tokens by model). */
const TOOL_USE_TOKENS = { openai: 100, other: 1_000 };
/** The same where the answer must follow a schema. */
const SCHEMA_TOKENS = { openai: 100, other: 500 };

/**
 * Other tokenizers than OpenAI's make more tokens of the same text: Claude's up to 1.6 times as many of plain English, which
 * the count's own margin (about 2 there) covers; this is for text where that margin is thin.
 */
const OTHER_TOKENIZER_PERCENT = 125;

const scale = ({ high, bytes }: TextCounts, target: Pick<Target, 'model' | 'dialect'> | undefined): number =>
  target !== undefined && isOpenAiTokenizer(target)
    ? high
    : Math.min(bytes, Math.ceil((high * OTHER_TOKENIZER_PERCENT) / 100));

const isOpenAiTokenizer = ({ model, dialect }: Pick<Target, 'model' | 'dialect'>): boolean =>
  dialect === 'openai-embeddings'
    ? /^text-embedding-/.test(model)
    : isOpenaiDialect(dialect) && /^(ft:)?(gpt-|o\d|chat)/.test(model);

interface Counts extends TextCounts {
  turns: number;
  parts: number;
  tools: number;
  images: number;
  documents: number;
  /** Texts that vectors are made of. */
  inputs: number;
  hasSchema: boolean;
}

/** Conversations are not changed once read, and every target of an alias asks for the same counts. */
const counted = new WeakMap<Conversation, Counts>();

const countOnce = (conversation: Conversation): Counts => {
  const known = counted.get(conversation);
  if (known !== undefined) return known;
  const counts = count(conversation);
  counted.set(conversation, counts);
  return counts;
};

const count = ({ turns, tools, format, embedding }: Conversation): Counts => {
  const schema = format?.type === 'json-schema' ? format : undefined;
  const counts: Counts = {
    high: 0,
    low: 0,
    bytes: 0,
    turns: turns.length,
    parts: 0,
    tools: tools.length,
    images: 0,
    documents: 0,
    inputs: embedding?.inputs.length ?? 0,
    hasSchema: schema !== undefined,
  };
  for (const turn of turns) for (const part of turn.parts) countPart(part, counts);
  for (const input of embedding?.inputs ?? []) countInput(input, counts);
  for (const { name, description = '', parameters } of tools) {
    addText(name, counts);
    addText(description, counts);
    if (parameters !== undefined) addHigh(JSON.stringify(parameters), counts);
  }
  if (schema !== undefined) addHigh(JSON.stringify(schema), counts);
  return counts;
};

/** What comes as tokens has been counted. */
const countInput = (input: EmbeddingInput, counts: Counts): void => {
  if (typeof input === 'string') addText(input, counts);
  else {
    counts.high += input.length;
    counts.low += input.length;
    counts.bytes += input.length;
  }
};

const countPart = (part: Turn['parts'][number], counts: Counts): void => {
  counts.parts += 1;
  switch (part.type) {
    case 'text':
    case 'image':
    case 'document':
      countContent(part, counts);
      break;
    case 'refusal':
      addText(part.text, counts);
      break;
    case 'tool-call':
      addText(part.name, counts);
      addText(part.arguments, counts);
      addSignature(part, counts);
      break;
    case 'tool-result':
      for (const inner of part.content) {
        counts.parts += 1;
        countContent(inner, counts);
      }
      break;
    case 'reasoning':
      // Vendors leave reasoning of earlier turns out, or put its full text, which the signature holds encrypted, back in.
      addHigh(part.text, counts);
      addSignature(part, counts);
      break;
    case 'redacted-reasoning':
      addBytes(Math.ceil(part.data.length / 2), counts);
      break;
    default:
      part satisfies never;
  }
};

const countContent = (part: TextPart | ImagePart | DocumentPart, counts: Counts): void => {
  if (part.type === 'text') {
    addText(part.text, counts);
    addSignature(part, counts);
    for (const citation of part.citations ?? []) addHigh(JSON.stringify(citation), counts);
  } else if (part.type === 'image') counts.images += 1;
  else countDocument(part, counts);
};

const addSignature = ({ signature = '' }: Signed, counts: Counts): void =>
  addBytes(Math.ceil(signature.length / 2), counts);

const countDocument = ({ source, name = '', context = '' }: DocumentPart, counts: Counts): void => {
  addHigh(name, counts);
  addHigh(context, counts);
  if (source.type === 'text') addText(source.text, counts);
  // Plain text in base64: no more tokens than bytes. Anything else may have pages.
  else if (source.type === 'base64' && source.mediaType.startsWith('text/'))
    addBytes(Math.ceil((source.data.length * 3) / 4), counts);
  else counts.documents += 1;
};

const addText = (text: string, counts: Counts): void => {
  const { high, low, bytes } = countText(text);
  counts.high += high;
  counts.low += low;
  counts.bytes += bytes;
};

/** What may be left out or written shorter by the vendor: it counts for the high estimate only. */
const addHigh = (text: string, counts: Counts): void => {
  const { high, bytes } = countText(text);
  counts.high += high;
  counts.bytes += bytes;
};

/** Bytes that nobody has read: a token each, with any tokenizer. */
const addBytes = (bytes: number, counts: Counts): void => {
  counts.high += bytes;
  counts.bytes += bytes;
};
