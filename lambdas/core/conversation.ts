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
 * else is said, wherever Claude is served.
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

export interface Conversation {
  /** The alias that the client asked for. */
  model: string;
  turns: Turn[];
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
  boundTo?: { dialect: 'openai-chat' | 'anthropic-messages'; what: string };
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
  dialect: 'openai-chat' | 'anthropic-messages' | 'bedrock-converse';
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
  /** Spoken answers. */
  | { kind: 'audio' }
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
  reason: 'end' | 'length' | 'stop-sequence' | 'tool-calls' | 'content-filter' | 'refusal' | 'pause' | 'other';
  raw: string;
  /** The sequence that matched, where the vendor says. */
  sequence?: string;
}

export interface Answer {
  /** The vendor's id of the answer. */
  id: string;
  /** The vendor's name of the model that answered. */
  model: string;
  parts: AssistantPart[];
  stop: Stop;
  /** Absent where the vendor did not count. */
  usage?: Usage;
}

/**
 * A streamed answer. `index` numbers the answer's parts from 0 in order of their start. A part begins with its own start
 * event and ends with `part-end`; parts may interleave. `usage` may come more than once: counts are cumulative, the last wins.
 */
export type StreamEvent =
  | { type: 'answer-start'; id: string; model: string }
  | { type: 'text-start'; index: number }
  | { type: 'text-delta'; index: number; text: string }
  | { type: 'refusal-start'; index: number }
  | { type: 'refusal-delta'; index: number; text: string }
  | { type: 'reasoning-start'; index: number; id?: string }
  | { type: 'reasoning-delta'; index: number; text: string }
  /** Of the part of that index, whatever it is: reasoning, text or a tool call. */
  | { type: 'signature'; index: number; signature: string; signedBy?: SignatureMaker }
  | { type: 'redacted-reasoning'; index: number; id?: string; data: string; madeBy?: SignatureMaker }
  | { type: 'tool-call-start'; index: number; id: string; name: string }
  | { type: 'tool-call-delta'; index: number; arguments: string }
  | { type: 'part-end'; index: number }
  | { type: 'usage'; usage: Usage }
  | { type: 'stop'; stop: Stop }
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
}
