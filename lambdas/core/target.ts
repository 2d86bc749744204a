import type { Lifecycle } from '../catalogue/lifecycle.ts';
import type { ChatQuirks } from '../contract/chat-quirks.ts';
import type { NanoUsd } from '../contract/money.ts';
import type { Price } from '../contract/price.ts';
import type { RateLimit } from './admit/limit-store.ts';
import type { CachePolicy } from './cache/eligibility.ts';
import type { AnyDialectName, AnySurfaceName } from './dialect.ts';
import type { EmbeddingModel } from './embedding/embedding-model.ts';
import type { Sunset } from './pins/end-of-life.ts';
import type { PolicyName } from './route/order-facts.ts';

export type ProviderKind =
  | 'openai'
  | 'azure-openai'
  | 'openai-compatible'
  | 'anthropic'
  | 'gemini'
  | 'bedrock'
  | 'simulator';

export type Capability = 'tools' | 'vision' | 'documents' | 'json-schema' | 'reasoning' | 'streaming' | 'embeddings';

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
  /** Azure OpenAI only: the dated API; absent = v1. */
  apiVersion?: string;
  /** OpenAI's: which of its two APIs is asked, whatever the client speaks; the client's own, else `chat`, where absent. */
  api?: 'chat' | 'responses';
  /** OpenAI-compatible: what the server does in its own way. */
  quirks?: ChatQuirks;
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
  /** In which it is asked. */
  dialect: AnyDialectName;
  /** Others in which its provider can be asked: a client that speaks one of them is passed through (codecs.ts). */
  alsoSpeaks?: readonly AnyDialectName[];
  model: string;
  /** The model behind it, where its provider has a name of its own for it (Azure's deployments). */
  serves?: string;
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
  /** Set where the model makes vectors, and only vectors. */
  embedding?: EmbeddingModel;
  /** The provider's own quota, shared by every alias that names the target. */
  limits?: RateLimit;
  /** Its share of an alias's requests under `weighted`, beside the others'; 1 where absent. Its regions share it. */
  weight?: number;
  /** What is known of the version's end. */
  lifecycle?: Lifecycle;
  /** What its answers say of that once it is near; absent where no end is known. */
  sunset?: Sunset;
  /** Set where it is a canary. */
  canaryOf?: CanaryOf;
}

/** Of which target a target is the canary, and how it is asked. */
export interface CanaryOf {
  /** The target whose place it may take, `provider/model`. */
  target: string;
  /** The configured share of the conversations. */
  share: number;
  /** Its own, where it thinks before it writes and nobody has set the alias's. */
  firstTokenMs?: number;
  /** In a plan: it has not all of the conversations, or nobody knows whether it has. */
  onTrial?: true;
}

export interface Timeouts {
  /** Absent = the transport's own. */
  connectMs?: number;
  firstTokenMs: number;
  idleMs: number;
  /** For a whole plain answer, while others are left to ask; absent = its share of what is left of `totalMs`. */
  answerMs?: number;
  totalMs: number;
  /** Below it a stream that has begun is given up; absent = never. */
  minTokensPerSecond?: number;
  /** Between comments to a client that would otherwise hear nothing; absent = none. */
  heartbeatMs?: number;
}

/** Why another alias is asked: every target failed or is shut, the request is too long for all, or a filter has refused it. */
export type FallbackCause = 'any' | 'contextLength' | 'contentFilter';

export interface Alias {
  name: string;
  /** In order of preference; canaries follow the targets whose place they may take. */
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
  /** The aliases that answer when this one can't, in this order. */
  fallbacks?: Partial<Record<FallbackCause, readonly string[]>>;
  /** How targets are put in order; `ordered` where absent. */
  policy?: PolicyName;
  /** Rules that choose among targets and policies by what is asked: the first that holds. */
  routes?: RouteRule[];
  /** Whether a conversation stays with its target; it does where absent. */
  affinity?: boolean;
  /** Regions and parts of the world that may serve it; all where absent. */
  allowRegions?: string[];
  /** Which of its answers are kept, and for whom; none where absent. */
  cache?: CachePolicy;
}

/** A rule and what it chooses; what it leaves out is the alias's own. */
export interface RouteRule {
  when: RouteCondition;
  policy?: PolicyName;
  targets?: Target[];
}

/** All that is given must hold. */
export interface RouteCondition {
  /** By the tag's name, the values that are meant. */
  tags?: ReadonlyMap<string, ReadonlySet<string>>;
  surface?: ReadonlySet<AnySurfaceName>;
  inputTokensAbove?: number;
  inputTokensBelow?: number;
}

/** `provider/model`, without a region: what is pinned, and replaced when a version ends. */
export const pinOf = ({ provider, model }: Pick<Target, 'provider' | 'model'>): string => `${provider.name}/${model}`;
