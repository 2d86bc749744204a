import type { ChatQuirks } from '../contract/chat-quirks.ts';
import type { Uncarried } from './carry/uncarried.ts';
import type {
  Answer,
  Conversation,
  Embedding,
  JsonObject,
  JsonValue,
  ProviderError,
  SignatureMaker,
  StreamEvent,
} from './conversation.ts';
import type { Refusal } from './failures.ts';
import type { Target } from './target.ts';

export type DialectName = 'openai-chat' | 'openai-responses' | 'anthropic-messages' | 'bedrock-converse' | 'gemini';

/** Those in which texts are made vectors, and nothing is said. */
export type EmbeddingDialect = 'openai-embeddings' | 'titan-embeddings' | 'gemini-embeddings';

export type AnyDialectName = DialectName | EmbeddingDialect;

/** The dialects that clients speak. */
export type SurfaceName = 'openai-chat' | 'openai-responses' | 'anthropic-messages';

/** With those that hold no conversation. */
export type AnySurfaceName = SurfaceName | 'openai-embeddings';

/** OpenAI's two ways of asking the same models: counted, cached and billed alike. */
export const isOpenaiDialect = (name: AnyDialectName): boolean => name === 'openai-chat' || name === 'openai-responses';

/** One event of a stream as it came off the wire: an SSE event with its data as text, or an AWS event-stream message already parsed. */
export interface WireEvent {
  /** SSE `event:` field or AWS `:event-type`; '' where there is none. */
  type: string;
  data: string | JsonObject;
}

/** What is wrong with a client's body. `param` is the field's path in the client's own dialect (`messages[2].content[0].image_url`). */
export interface RequestProblem {
  param: string | null;
  /** What was got, what is allowed, what to do. */
  message: string;
}

export type Decoded<T> = { ok: true; value: T } | { ok: false; problem: RequestProblem };

/** What an encoder needs to know of the target, beside the conversation. */
export interface EncodeTarget {
  /** The provider's name of the model. */
  model: string;
  /** Tokens; the limit to send. Always given where Tollgate bounds the answer, else only where the client named one. */
  maxOutputTokens?: number;
  /** The model's own largest output, for dialects that demand a limit when nobody named one. */
  modelMaxOutputTokens: number;
  stream: boolean;
  /** Whether the model wants `max_completion_tokens` and other newer spellings (OpenAI's reasoning models). */
  reasoningModel: boolean;
  /** OpenAI's: the tier to ask for where the request names none, so that a call can't cost more than its hold. */
  serviceTier?: string;
  /** Uses to set on tools that the provider runs, where the request bounds them by none. */
  maxWebSearches?: number;
  maxWebFetches?: number;
  /** Features of Claude's that are asked for by name (`anthropic-beta`): those that the target takes. */
  betas?: string[];
  /** Whose signatures the target checks: others are not in the conversation any more, and go out of a relayed body too. */
  checksSignaturesOf?: SignatureMaker;
  /** OpenAI's dialect: where the server takes back what its model thought (contract/chat-quirks.ts). */
  thoughtsIn?: ChatQuirks['reasoning'];
  /** OpenAI's dialect: whether the model takes `reasoning_effort`, without being one of OpenAI's. */
  takesEffort?: boolean;
  /** OpenAI's dialect: the server's own ways, where it is none of OpenAI's. */
  quirks?: ChatQuirks;
}

export interface Encoded {
  body: JsonObject;
  /** What could not be carried and was left out, by the canonical name; told to the client in a warning header. */
  dropped: string[];
}

/** What the client is told about who answered. */
export interface AnswerContext {
  /** The id to put on the answer (the surface's own prefix is added by the codec). */
  requestId: string;
  /** The alias the client asked for: the body's `model`. */
  alias: string;
  /** Seconds since 1970. */
  createdAt: number;
  /** Whether the client wants usage in the stream. */
  streamUsage: boolean;
  /** The client's own body, for surfaces whose answers repeat some of it. */
  asked?: JsonObject;
  /** Where vectors were asked for: which, and in what form. */
  embedding?: Embedding;
}

export interface StreamDecoder {
  /** Never throws: an event that can't be read becomes `{ type: 'error' }` with type `malformed_stream`. */
  push(event: WireEvent): StreamEvent[];
  /** The vendor has closed in good order: what was held back until then. Absent = nothing ever is. */
  end?(): StreamEvent[];
}

/** Writes canonical events as the surface's SSE text. */
export interface StreamEncoder {
  push(event: StreamEvent): string;
  /** The error event that ends a stream which broke after content. */
  fail(refusal: Refusal): string;
}

/** Same dialect on both sides: the wire event goes through with the alias put in, unknown fields kept, and is read on the way. */
export interface StreamRelay {
  /** `text` is what the client gets ('' = nothing, such as a usage event it did not ask for); `events` is what it meant. */
  push(event: WireEvent): { text: string; events: StreamEvent[] };
  /** The end mark, for a vendor that closed after its stop without one; '' where it has been written. */
  end(): string;
  fail(refusal: Refusal): string;
}

/**
 * A wire format, both directions: the same codec serves as the language of a provider and, with `Surface`, as one that
 * clients speak. Pure: no clock, no chance, no I/O.
 */
export interface Dialect {
  readonly name: AnyDialectName;
  /**
   * What this format has no words for, in any model that speaks it (what a model lacks is the encoder's to know). carry/uncarried.ts
   * has the rule for each: translated or dropped by the encoder, or reason for the planner to pass the target over.
   */
  readonly cannotCarry: ReadonlySet<Uncarried>;
  /** Reads a client's body. Any JSON value may come, no deeper than `MAX_DEPTH`; never throws on one. */
  decodeRequest(body: JsonValue): Decoded<Conversation>;
  encodeRequest(conversation: Conversation, target: EncodeTarget): Encoded;
  /** Reads a provider's whole answer. `undefined` = not an answer of this dialect. */
  decodeAnswer(body: JsonValue): Answer | undefined;
  encodeAnswer(answer: Answer, context: AnswerContext): JsonObject;
  decodeStream(): StreamDecoder;
  encodeStream(context: AnswerContext): StreamEncoder;
  /** Reads the body of an error reply; gives something sensible for any text, HTML included. `headers` has lower-case names. */
  decodeError(status: number, headers: Record<string, string>, body: string): ProviderError;
  /** Of a language in which vectors are asked for, and nothing else. */
  readonly vectors?: VectorChecks;
}

export interface VectorChecks {
  /** Why a target can't serve a request; undefined when it can. @param inputTokensLow of all texts together */
  whyNot(target: Target, conversation: Conversation, inputTokensLow: number): string | undefined;
  /** Whether an answer has all that was asked for. */
  isWhole(asked: Embedding, answer: Answer): boolean;
}

/** A dialect that clients speak. */
export interface Surface extends Dialect {
  readonly name: AnySurfaceName;
  /**
   * The client's own body for a target of the same dialect: model replaced, limits set, unknown fields kept.
   *
   * @param dropped gets the names of what had a meaning and was left out
   */
  relayRequest(body: JsonObject, target: EncodeTarget, dropped?: Set<string>): JsonObject;
  /** A whole answer of the same dialect: the alias put in, unknown fields kept. */
  relayAnswer(body: JsonObject, context: AnswerContext): JsonObject;
  relayStream(context: AnswerContext): StreamRelay;
  /** The body of an error reply, in the shape that the surface's SDKs raise as their own classes. */
  encodeError(refusal: Refusal, requestId: string): JsonObject;
}
