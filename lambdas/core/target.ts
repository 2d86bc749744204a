import type { NanoUsd } from '../contract/money.ts';
import type { Price } from '../contract/price.ts';
import type { DialectName } from './dialect.ts';
import type { RateLimit } from './ports.ts';

export type ProviderKind = 'openai' | 'openai-compatible' | 'anthropic' | 'bedrock' | 'simulator';

export type Capability = 'tools' | 'vision' | 'documents' | 'json-schema' | 'reasoning' | 'streaming';

/** A provider as the configuration names it. */
export interface ProviderSettings {
  /** The configuration's own name for it. */
  name: string;
  kind: ProviderKind;
  /** Without a trailing slash; the kind's public endpoint unless the configuration says otherwise. */
  baseUrl: string;
  /** `secret:NAME` or `env:NAME`; never the key itself. */
  apiKey?: string;
  organization?: string;
  /** Simulator only. */
  seed?: number;
}

export interface Bounds {
  webSearches?: number;
  webFetches?: number;
  /** Input tokens that one use of a tool of the provider's can bring in; the whole context where absent. */
  tokensPerToolUse?: number;
  /** Nano-USD that a field without a price can add to a request, by the field. */
  fields: ReadonlyMap<string, NanoUsd>;
}

/** One place that can answer: provider, model, region. Made once from configuration and catalogue. */
export interface Target {
  /** `anthropic/claude-sonnet-4-5-20250929`, with `@us-west-2` where the provider has regions. */
  id: string;
  provider: ProviderSettings;
  dialect: DialectName;
  model: string;
  region?: string;
  price: Price;
  /** What its alias lets one request make the provider do. */
  bounds?: Bounds;
  /** OpenAI's: the service tier asked for where a request names none; absent elsewhere. */
  serviceTier?: 'default' | 'auto' | 'flex' | 'priority';
  capabilities: ReadonlySet<Capability>;
  /** Input and output together, tokens. */
  contextTokens: number;
  maxOutputTokens: number;
  /** The most that one image can count as input, tokens. */
  maxImageTokens: number;
  /** The most that one document page set can count as input, tokens. */
  maxDocumentTokens: number;
  /** OpenAI's reasoning families, which spell some fields differently. */
  reasoningModel: boolean;
  /** The provider's own quota, shared by every alias that names the target. */
  limits?: RateLimit;
}

export interface Timeouts {
  firstTokenMs: number;
  idleMs: number;
  totalMs: number;
}

export interface Alias {
  name: string;
  /** In order of preference. */
  targets: Target[];
  /** Tokens; used only where a request names no limit. */
  defaultOutputTokens: number;
  /** Tokens: the lowest limit that back-pressure may set. */
  outputFloorTokens: number;
  timeouts: Timeouts;
  /** Upstream calls that one request may make, retries and fallbacks together. */
  attempts: number;
  /** The alias that answers in its place once a budget is in downgrade. */
  downgradeTo?: string;
}
