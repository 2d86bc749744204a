/**
 * The canonical request, answer and stream: a superset of what the dialects say. Every codec reads its own wire format
 * into these types and writes these types as its own wire format, so N dialects need N codecs and no translator between two.
 */

import type { SearchSize, Service } from '../contract/price.ts';

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

/** A prompt-cache breakpoint: everything up to and including the part it stands on may be cached for that long. */
export interface CachePoint {
  ttl: '5m' | '1h';
}

/**
 * Whose models can check a signature, or read what is encrypted; to all others it is of no use. `anthropic` where nothing
 * else is said, wherever Claude is served. Which target checks whose says route/signature-maker.ts; before a request
 * is encoded every other signature has been taken out (call/keep-signatures.ts), so an encoder writes all that it finds.
 */
export type SignatureMaker = 'anthropic' | 'google' | 'openai';

/** A vendor's proof that its model wrote the part, to be handed back with the next turn. */
export interface Signed {
  signature?: string;
  signedBy?: SignatureMaker;
}

export interface TextPart extends Signed {
  type: 'text';
  text: string;
  cache?: CachePoint;
  /** What the text rests on. Of answers, and of the turns that clients send back. */
  citations?: Citation[];
  /** Of answers: one a token of the text, in order. */
  logprobs?: TokenLogprob[];
}

/** One thing that a text rests on. */
export interface Citation {
  /** What of the part's text rests on it: UTF-16 units from its beginning, `end` not included. Absent = all of it. */
  span?: { start: number; end: number };
  source: CitedSource;
  title?: string;
  /** The cited words. */
  quote?: string;
}

export type CitedSource =
  /** `token`: what the vendor wants back with it (Anthropic's `encrypted_index`). */
  | { type: 'url'; url: string; token?: string }
  /** The request's documents, counted from 0 in their order; characters and chunks from 0, pages from 1, `end` not included. */
  | { type: 'document'; index: number; unit: 'character' | 'page' | 'chunk'; start: number; end: number }
  /** The request's search results, counted from 0, and the blocks of one. `source` as the request named it. */
  | { type: 'search-result'; index: number; start: number; end: number; source: string }
  /** A file that the vendor holds, by its own id. */
  | { type: 'file'; id: string; name?: string };

/** How likely the model found a token that it chose. */
export interface TokenLogprob {
  token: string;
  /** UTF-8, where the vendor tells them: a character may be cut over several tokens. */
  bytes?: number[];
  /** Natural logarithm. */
  logprob: number;
  /** The likeliest at that place, likeliest first; [] where none were asked for. */
  top: { token: string; bytes?: number[]; logprob: number }[];
}

/** `url` is handed to the provider, which fetches it itself; `data` is base64. */
export type MediaSource = { type: 'url'; url: string } | { type: 'base64'; mediaType: string; data: string };

export interface ImagePart {
  type: 'image';
  source: MediaSource;
  /** OpenAI's resolution hint. */
  detail?: 'auto' | 'low' | 'high';
  cache?: CachePoint;
}

export interface DocumentPart {
  type: 'document';
  source: MediaSource | { type: 'text'; text: string };
  name?: string;
  /** What the client says of it to the model, beside its content. */
  context?: string;
  /** Whether the answer is to cite it. */
  cite?: boolean;
  cache?: CachePoint;
}

export interface ToolCallPart extends Signed {
  type: 'tool-call';
  id: string;
  name: string;
  /** JSON text, as the model wrote it: it may be invalid JSON, and is '{}' where the vendor gave no arguments. */
  arguments: string;
  cache?: CachePoint;
}

export interface ToolResultPart {
  type: 'tool-result';
  callId: string;
  content: (TextPart | ImagePart | DocumentPart)[];
  isError?: boolean;
  cache?: CachePoint;
}

/** Visible reasoning. */
export interface ReasoningPart extends Signed {
  type: 'reasoning';
  /** The vendor's id of it, where it wants that back with the signature. */
  id?: string;
  text: string;
}

/** Reasoning that the vendor encrypted; opaque to all but that vendor. */
export interface RedactedReasoningPart {
  type: 'redacted-reasoning';
  id?: string;
  data: string;
  madeBy?: SignatureMaker;
}

export interface RefusalPart {
  type: 'refusal';
  text: string;
}

export type UserPart = TextPart | ImagePart | DocumentPart | ToolResultPart;
export type AssistantPart = TextPart | ToolCallPart | ReasoningPart | RedactedReasoningPart | RefusalPart;

/** System turns may stand anywhere; a dialect that knows only one system prompt hoists the leading ones. */
export type Turn =
  | { role: 'system'; parts: TextPart[] }
  | { role: 'user'; parts: UserPart[] }
  | { role: 'assistant'; parts: AssistantPart[] };

export interface Tool {
  name: string;
  description?: string;
  /** JSON Schema of the arguments; absent = no arguments declared. */
  parameters?: JsonObject;
  strict?: boolean;
  cache?: CachePoint;
}

export type ToolChoice = { type: 'auto' } | { type: 'none' } | { type: 'required' } | { type: 'tool'; name: string };

export type OutputFormat =
  | { type: 'text' }
  | { type: 'json' }
  | { type: 'json-schema'; name: string; description?: string; schema: JsonObject; strict?: boolean };

export type ReasoningEffort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max';

/** Texts that a model is to make vectors of, one each. */
export interface Embedding {
  /** In the client's order; at least one. */
  inputs: EmbeddingInput[];
  /** Numbers in each vector; as many as the model makes by itself where absent. */
  dimensions?: number;
  /** How the client wants to read them: JSON numbers, or 32-bit floats, little endian, in base64. */
  format: VectorFormat;
}

/** A text, or what the model's own tokenizer has made of one. */
export type EmbeddingInput = string | number[];

export type VectorFormat = 'float' | 'base64';

/** As the vendor wrote it: its numbers, or base64 of them as 32-bit floats, little endian. */
export type Vector = number[] | string;

export interface Conversation {
  /** The alias that the client asked for. */
  model: string;
  /** Set where nothing is said and vectors are asked for: then there are no turns, and no answer in words. */
  embedding?: Embedding;
  /** Features that a client of Anthropic's has asked for by header (`anthropic-beta`), each a token of the header. */
  betas?: string[];
  turns: Turn[];
  /** Set where part of the input lies with the provider (an earlier response, a stored prompt): it can be all that the model takes. */
  hasRemoteInput?: true;
  tools: Tool[];
  toolChoice?: ToolChoice;
  /** false = at most one tool call a turn. */
  parallelToolCalls?: boolean;
  format?: OutputFormat;
  /** Tokens, reasoning included. */
  maxOutputTokens?: number;
  stopSequences?: string[];
  temperature?: number;
  topP?: number;
  topK?: number;
  seed?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
  reasoning?: { effort?: ReasoningEffort /** tokens */; budgetTokens?: number };
  /** How many answers to one prompt (OpenAI's `n`); 1 unless asked. */
  choices: number;
  /** `top`: how many of the likeliest tokens to tell at each place, 0 = the chosen one's alone. Absent = nothing is asked. */
  logprobs?: { top: number };
  stream: boolean;
  /** Whether the client asked for usage inside the stream (OpenAI's `stream_options.include_usage`; always true on messages). */
  streamUsage: boolean;
  /** The end user as the body names it (`user`, `metadata.user_id`). */
  user?: string;
  /** Top-level body fields that this type can't hold: kept where the target speaks the client's dialect, dropped (and named to the client) elsewhere. */
  sameDialectOnly: string[];
  /**
   * Set where the body holds something that carries meaning and that this type can't hold (a file's id, a vendor's own tool):
   * only a target that speaks `dialect` can serve the request. `what` says what it is and where, in the client's words.
   */
  boundTo?: { dialect: 'openai-chat' | 'anthropic-messages' | 'openai-responses'; what: string };
  /** Set where a target of that dialect would keep the answer, for the client to name it by its id later on. */
  storedIn?: 'openai-chat' | 'openai-responses';
  /** What the request asks for that is not billed by its tokens at standard rates alone. A target serves it only where each is priced or bounded. */
  costBearing: CostBearing[];
}

/** One thing that a request asks for and that can cost more, or less, than its tokens. */
export type CostBearing = {
  /** The client's own name of the field: `service_tier`, `tools: web_search_20250305`. */
  field: string;
  /** What an alias's `bounds.fields` knows it by: `service_tier`, `web_search`. */
  bound: string;
  /** The only dialect that can say it. */
  dialect:
    | 'openai-chat'
    | 'anthropic-messages'
    | 'bedrock-converse'
    | 'gemini'
    | 'openai-embeddings'
    | 'openai-responses';
  /** A target of another dialect answers without it, and the client is told; where false it is passed over. */
  isDispensable: boolean;
} & Charge;

export type Charge =
  /** Another way of serving; `auto` = as the provider's own settings have it. */
  | { kind: 'service'; service: Service | 'auto' }
  /** Processing in a part of the world. */
  | { kind: 'geo'; geo: string }
  /** A tool that the provider runs: a fee a use (searches), and what it brings in is input of the next round. `uses` as the request bounds it. */
  | { kind: 'tool'; tool: 'web-search' | 'web-fetch'; uses?: number; size: SearchSize }
  /** Spoken answers, or, with `isInput`, spoken questions. */
  | { kind: 'audio'; isInput?: true }
  /** Text that the answer is expected to be like: what is not used of it is billed as output. */
  | { kind: 'prediction'; text: string }
  /** Cache entries that live longer than the default: another write rate. */
  | { kind: 'long-cache' }
  /** Nobody gives a price. */
  | { kind: 'unpriced' };

/** Tokens. The five counts never overlap, so the cost is a plain sum; OpenAI's inclusive and Anthropic's exclusive counting are made one here. */
export interface Usage {
  /** Input neither read from nor written to a prompt cache. */
  inputTokens: number;
  cachedInputTokens: number;
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
  /** All output, reasoning included. */
  outputTokens: number;
  /** The part of outputTokens that was reasoning; informative. */
  reasoningTokens: number;
  /** What was told beyond the five counts; absent where nothing was. */
  billed?: Billed;
}

/** What a vendor says it bills by, beside plain tokens at standard rates. An absent field was not told. */
export interface Billed {
  service?: Service;
  /** Where it was processed, as the vendor names it; '' where the standard rates hold. */
  geo?: string;
  /** Parts of the input and of the output, tokens. */
  audioInputTokens?: number;
  imageInputTokens?: number;
  audioOutputTokens?: number;
  webSearches?: number;
}

/** The canonical reason an answer ended, and the vendor's own word for it. */
export interface Stop {
  /** `error`: the vendor itself calls the answer failed, and nobody is told it as an answer. `other`: a word that nobody knows yet. */
  reason:
    | 'end'
    | 'length'
    | 'stop-sequence'
    | 'tool-calls'
    | 'content-filter'
    | 'refusal'
    | 'pause'
    | 'error'
    | 'other';
  raw: string;
  /** The sequence that matched, where the vendor says. */
  sequence?: string;
  /** Why it refused, in the vendor's words and not in the model's; they stand in a refusal part too. */
  explanation?: string;
  /** With `error`: what the vendor says of it. Type `malformed_output` where what the model wrote was no call or no text. */
  error?: ProviderError;
}

export interface Answer {
  /** The vendor's id of the answer. */
  id: string;
  /** The vendor's name of the model that answered. */
  model: string;
  /** Of the first choice, where a request asked for several. */
  parts: AssistantPart[];
  stop: Stop;
  /** The second choice and those after it, in their order. */
  alternatives?: Alternative[];
  /** Of all choices together. Absent where the vendor did not count. */
  usage?: Usage;
  /** One an input, in their order, where vectors were asked for. */
  vectors?: Vector[];
  /** What it holds that no part can say, by the vendor's own name: `inlineData (image/png)`. */
  unsaid?: string[];
}

/** Another answer to the same prompt. */
export interface Alternative {
  parts: AssistantPart[];
  stop: Stop;
}

/** Which choice a part belongs to, from 0; absent = 0. */
interface OfChoice {
  choice?: number;
}

/**
 * A streamed answer. `index` numbers the parts from 0 in order of their start, those of all choices together. A part begins
 * with its own start event and ends with `part-end`; parts may interleave. `usage` may come more than once: counts are
 * cumulative, the last wins. `stop` comes once, when all choices have ended.
 */
export type StreamEvent =
  | { type: 'answer-start'; id: string; model: string }
  | ({ type: 'text-start'; index: number } & OfChoice)
  | { type: 'text-delta'; index: number; text: string }
  /** One more of the text part's, as a whole; its span is counted in the whole part's text. */
  | { type: 'citation'; index: number; citation: Citation }
  /** Of the text part, after those told before. */
  | { type: 'logprobs'; index: number; tokens: TokenLogprob[] }
  | ({ type: 'refusal-start'; index: number } & OfChoice)
  | { type: 'refusal-delta'; index: number; text: string }
  | ({ type: 'reasoning-start'; index: number; id?: string } & OfChoice)
  | { type: 'reasoning-delta'; index: number; text: string }
  /** The whole signature of the open part of that index, whatever it is: reasoning, text or a tool call. As early as it is known: a call's right after its start. */
  | { type: 'signature'; index: number; signature: string; signedBy?: SignatureMaker }
  | ({ type: 'redacted-reasoning'; index: number; id?: string; data: string; madeBy?: SignatureMaker } & OfChoice)
  | ({ type: 'tool-call-start'; index: number; id: string; name: string } & OfChoice)
  | { type: 'tool-call-delta'; index: number; arguments: string }
  | { type: 'part-end'; index: number }
  | { type: 'usage'; usage: Usage }
  /** Something that no part can say, as in `Answer.unsaid`. */
  | { type: 'unsaid'; what: string }
  /** `alternatives`: the stops of the second choice and those after it. */
  | { type: 'stop'; stop: Stop; alternatives?: Stop[] }
  /** The vendor's own end mark: a stream without it was cut. */
  | { type: 'answer-end' }
  /** An error that the vendor sent inside the stream. */
  | { type: 'error'; error: ProviderError };

/** An error as a vendor told it. The provider's error map decides what it means. */
export interface ProviderError {
  /** HTTP status, or the status that an in-stream error stands for where the dialect says so. */
  status: number;
  /** The vendor's type or code (`rate_limit_error`, `context_length_exceeded`, `ThrottlingException`), '' where none. */
  type: string;
  message: string;
  /** How long the vendor asks to wait, where its body says so and not a header. */
  retryAfterMs?: number;
  /** What the vendor has billed all the same: part of a batch was done, or it counted what came to nothing. */
  usage?: Usage;
  /** The error's own fields as the vendor wrote them, but for its message: `code`, `param`, `innererror`. */
  fields?: JsonObject;
}
