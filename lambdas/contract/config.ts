/**
 * The configuration as its owner writes it (docs: README, "Configuring"). Types only, and `defineGateway`: nothing here is
 * checked at run time, see check-config.ts.
 */

import type { CacheConfig, SemanticCacheConfig } from './cache-config.ts';
import type { CanaryConfig } from './canary.ts';
import type { ChatQuirksConfig } from './chat-quirks.ts';

/** US dollars: `'$20000'`, `'0.15'`, `0.15`. */
export type Usd = string | number;

/** `secret:NAME` (the secret store) or `env:NAME` (the environment; local server only). Never the key itself. */
export type SecretReference = `secret:${string}` | `env:${string}`;

/** OpenAI's Chat Completions, or Responses, in which reasoning goes from turn to turn. */
export type ApiConfig = 'chat' | 'responses';

/**
 * `regions`: where it can be asked, in order of preference; each is a target of its own. With several, `baseUrl` says `{region}`
 * where their names go: `https://{region}.llm.example.com/v1`. With one it only says where that address is.
 */
export type ProviderConfig =
  /** `api`: which of its two APIs is asked for every client. Unless given, a client of either is passed through, others go to `chat`. */
  | {
      kind: 'openai';
      regions?: string[];
      apiKey: SecretReference;
      baseUrl?: string;
      organization?: string;
      api?: ApiConfig;
    }
  /** Anything that speaks OpenAI's chat completions: vLLM, Ollama, Groq, Mistral, … `baseUrl` ends in /v1 with most of them. */
  | {
      kind: 'openai-compatible';
      regions?: string[];
      baseUrl: string;
      apiKey?: SecretReference;
      api?: ApiConfig;
      /** What the server does in its own way; most vendors' ways are known by their host. */
      quirks?: ChatQuirksConfig;
    }
  | { kind: 'anthropic'; regions?: string[]; apiKey: SecretReference; baseUrl?: string }
  /** Google's Gemini API. */
  | { kind: 'gemini'; regions?: string[]; apiKey: SecretReference; baseUrl?: string }
  /**
   * `baseUrl` is the resource's: `https://NAME.openai.azure.com`. Without `apiVersion` its v1 API is called. A target's `model` is
   * the name of a deployment.
   */
  | {
      kind: 'azure-openai';
      regions?: string[];
      baseUrl: string;
      apiKey: SecretReference;
      apiVersion?: string;
      api?: ApiConfig;
    }
  /** Regions in order of preference. Without `apiKey` (a Bedrock API key) the process's AWS credentials are used. */
  | { kind: 'bedrock'; regions: string[]; apiKey?: SecretReference; baseUrl?: string }
  /** Answers without a network; the model's name says how: `echo`, `slow-MS`, `fail-STATUS`, … */
  | { kind: 'simulator'; regions?: string[]; seed?: number };

/** US dollars per million tokens. */
export interface RatesConfig {
  inputPerMTok: Usd;
  /** Input read from the provider's prompt cache; as `inputPerMTok` unless given. */
  cachedInputPerMTok?: Usd;
  /** Input written to it; as `inputPerMTok` unless given (Claude: 1.25 and 2 times that, as Anthropic publishes). */
  cacheWrite5mPerMTok?: Usd;
  cacheWrite1hPerMTok?: Usd;
  /** Reasoning is output. */
  outputPerMTok: Usd;
  /** Audio and image tokens, where they have rates of their own; a request for spoken answers is refused without. */
  audioInputPerMTok?: Usd;
  audioOutputPerMTok?: Usd;
  imageInputPerMTok?: Usd;
}

/** Rates that hold for every length of the input, or up to a length. */
export interface RateCardConfig extends RatesConfig {
  /** Above that many input tokens these rates hold for the whole request. */
  aboveInputTokens?: RatesConfig & { tokens: number };
}

export interface PriceConfig extends RateCardConfig {
  /** Other ways of serving: what each multiplies the rates by (`{ flex: 0.5, priority: 2 }`), or its own rates. */
  serviceTiers?: Partial<Record<'flex' | 'priority' | 'fast' | 'ultrafast', string | number | RateCardConfig>>;
  /** Anthropic's `inference_geo`: what each part of the world multiplies the rates by (`{ us: 1.1 }`). */
  inferenceGeo?: Record<string, string | number>;
  /** Each web search that the provider makes; by the size of its context where that matters. */
  webSearchPerCall?: Usd | { low: Usd; medium: Usd; high: Usd };
  /** Each image of the input, beside its tokens. */
  perImage?: Usd;
  /** Every answered call, beside its tokens. */
  perCall?: Usd;
}

/** What one request may make the provider do beyond answering. A request that asks for more is refused. */
export interface BoundsConfig {
  /** Web searches; the most that a request may name, and what is set where it names none. */
  webSearches?: number;
  /** Fetches of web pages, likewise. */
  webFetches?: number;
  /** Input tokens that one search or fetch can bring in. Unless given, the whole context is held for each. */
  tokensPerToolUse?: number;
  /**
   * Fields that cost money and have no price: the most US dollars that each can add to one request. They are let through, held
   * and charged in full, since no provider says what they came to.
   */
  fields?: Record<string, Usd>;
}

export type CapabilityConfig =
  | 'tools'
  | 'vision'
  | 'documents'
  | 'json-schema'
  | 'reasoning'
  | 'streaming'
  | 'embeddings';

export interface TargetConfig<Provider extends string = string> {
  provider: Provider;
  /** The provider's name of the model, with its date or version. */
  model: string;
  /**
   * Azure OpenAI only: the model that the deployment serves (`gpt-4.1-2025-04-14`), whose price, sizes and abilities hold; `us/…`
   * or `eu/…` for a deployment in a data zone. Nobody but the resource's owner knows it, so no call is made without it or `price`.
   */
  deploymentOf?: string;
  /** Wins over the catalogue; needed where the catalogue does not know the model. */
  price?: PriceConfig;
  /**
   * OpenAI only: the service tier asked for where a request names none. `default` unless given, so that the project's own
   * setting can't make a call dearer than its hold; `auto` leaves it to that setting, and holds the dearest.
   */
  serviceTier?: 'default' | 'auto' | 'flex' | 'priority';
  /** Of OpenAI's APIs the one that is asked for this model; wins over the provider's. */
  api?: ApiConfig;
  /** All that the model can do, not an addition to the catalogue's. */
  capabilities?: CapabilityConfig[];
  /**
   * A model that makes vectors; so does one with the capability `embeddings`. `model`: whose vectors they are, where the provider
   * has a name of its own for it: targets of one alias must be of one model. `dimensions`: the lengths that may be asked for
   * beside its own, `any` up to that.
   */
  embedding?: { model?: string; dimensions?: 'any' | number[] };
  /** Input and output together, tokens; of a model that makes vectors, of one text. */
  contextTokens?: number;
  maxOutputTokens?: number;
  /** The most that one image, or one document, can count as; holds use it. Lower than what the model can do is your risk. */
  maxImageTokens?: number;
  maxDocumentTokens?: number;
  /** The provider's own quota for the model (a region each): a target at its quota is passed over instead of drawing 429s. */
  limits?: RateLimitConfig;
  /** Under the policy `weighted`: its share beside the others', all regions together. 1 unless given; 0 = only as a fallback. */
  weight?: number;
  /** What is known here of the model's end, such as an agreement with the vendor; wins over the catalogue. */
  lifecycle?: LifecycleConfig;
  /** A version that a share of the conversations tries in its place, with this target behind it as the fallback (docs/pins.md). */
  canary?: CanaryConfig;
}

/** Dates are `YYYY-MM-DD`, UTC. */
export interface LifecycleConfig {
  /** When its end was announced. */
  deprecated?: string;
  /** The day from which it is not served any more; `never` where the catalogue's date does not hold here. */
  retires?: string;
  /** The provider's name of the model that is to replace it. */
  successor?: string;
}

export interface TimeoutsConfig {
  /** Until there is a connection to the provider; 5 s unless given, and on Bedrock always. One that is kept open needs none. */
  connectMs?: number;
  /** Until the first content of a streamed answer. */
  firstTokenMs?: number;
  /** Between two pieces of an answer. */
  idleMs?: number;
  /**
   * For a whole answer that is not streamed, while others are left to ask; its share of what is left of `totalMs` unless given.
   * What a target works on longer may be billed, and is asked of the next one.
   */
  answerMs?: number;
  totalMs?: number;
  /** A stream that comes slower than this, over ten seconds, ends with an error event. None unless given. */
  minTokensPerSecond?: number;
  /**
   * A comment goes to the client of a stream wherever nothing else went for that long. Never unless given: the first one commits
   * the answer to a 200, and whatever fails after it is told inside the stream.
   */
  heartbeatMs?: number;
}

/** Other models of this file that answer when this one can't, in this order. They are asked at their own prices. */
export interface FallbacksConfig {
  /** When every target has failed, is shut, or can't serve the request. */
  any?: string[];
  /** When the request is too long for every target; before `any`. */
  contextLength?: string[];
  /** When a provider's filter has refused the request or its answer before any content; nobody is asked then otherwise. */
  contentFilter?: string[];
}

/**
 * Which target is asked first, of those that can serve a request; the others are its fallbacks. `ordered`: as they are listed.
 * `weighted`: by chance, in the proportion of their weights. `cheapest`: by what this request is expected to cost at each.
 * `fastest`: by how long each of late took to answer; a tenth of the requests measures those that nobody has called.
 */
export type PolicyConfig = 'ordered' | 'weighted' | 'cheapest' | 'fastest';

export type SurfaceConfig = 'openai-chat' | 'openai-responses' | 'anthropic-messages' | 'openai-embeddings';

/** A rule that chooses the route of some requests. The first whose conditions all hold counts. */
export interface RouteConfig {
  /** `{}` holds always: the last rule. */
  when: {
    /** By the tag's name, its value or values (`x-tollgate-tags`, or pinned on the key). */
    tags?: Record<string, string | string[]>;
    /** In which dialect the client asks. */
    surface?: SurfaceConfig | SurfaceConfig[];
    /** Tokens of the input, as they are estimated before the call. */
    inputTokensAbove?: number;
    inputTokensBelow?: number;
  };
  /** The model's own unless given. */
  policy?: PolicyConfig;
  /** Targets of the model, each as `provider/model`, in order of preference: no others are asked. All unless given. */
  targets?: string[];
}

export interface ModelConfig<Provider extends string = string> {
  /** In order of preference. */
  targets: TargetConfig<Provider>[];
  /** `ordered` unless given. */
  policy?: PolicyConfig;
  routes?: RouteConfig[];
  /**
   * Whether a conversation (`x-tollgate-session`, else what its requests begin with) stays with the target that holds its prompt
   * cache. It does unless this is false.
   */
  affinity?: boolean;
  /** Regions that may serve it (`eu-central-1`), or parts of the world (`eu`). A provider that names no region is none of them. */
  allowRegions?: string[];
  output?: {
    /** Output limit, tokens, where a request names none and a budget applies. */
    default?: number;
    /** The lowest output limit that `backPressure: 'clamp'` may set, tokens; thinking comes on top. */
    floor?: number;
  };
  timeouts?: TimeoutsConfig;
  /** Bounds for what costs more than tokens, or has no price. */
  bounds?: BoundsConfig;
  /** Which of its answers are kept; none where absent. A model that makes vectors has none. */
  cache?: CacheConfig;
  /** Upstream calls that one request may make, retries and fallbacks together. */
  attempts?: number;
  /** The cheaper model that answers in its place once a budget is in downgrade (`downgradeAt`). It may have one itself. */
  downgradeTo?: string;
  /** Models that answer when this one can't. A key that may use this one is answered by them too. */
  fallbacks?: FallbacksConfig;
}

/** Caps by calendar day, ISO week and month (in `budgets.timeZone`), and one that never ends. */
export interface BudgetConfig {
  daily?: Usd;
  weekly?: Usd;
  monthly?: Usd;
  lifetime?: Usd;
  /** Share of the cap, above 0 up to 1, from which answers carry a warning. */
  warnAt?: number;
  /** Share of the cap, above `warnAt` up to 1, from which cheaper models answer (`downgradeTo`). Absent = they never do. */
  downgradeAt?: number;
  /** What becomes, from `downgradeAt` on, of a request whose model has no cheaper one that can serve it. Default: `allow`. */
  withoutStandIn?: 'allow' | 'reject';
  /** What becomes of a request whose output limit has no room: it is refused (default), or its limit lowered to what is left. */
  backPressure?: 'refuse' | 'clamp';
}

/** The budget of a scope that can have rate limits too. */
export interface DefaultBudgetConfig extends BudgetConfig {
  /** The same as `tokensPerMinute` of the scope's `limits`; one of the two places. */
  tokensPerMinute?: number;
}

/** What an agent run may do in all (`x-tollgate-run`), its sub-runs included. */
export interface RunBudgetConfig extends BudgetConfig {
  /** Requests. */
  calls?: number;
  /** From its first request on. */
  minutes?: number;
}

export interface BudgetsConfig {
  /** Where days, weeks and months begin: an IANA name such as `Europe/Berlin`. Default: UTC. */
  timeZone?: string;
  org?: DefaultBudgetConfig;
  /** By team name; wins over `perTeam`. */
  teams?: Record<string, DefaultBudgetConfig>;
  /** By user name; wins over `perUser`. */
  users?: Record<string, DefaultBudgetConfig>;
  /** By the key's id, as `tollgate keys list` shows it; wins over `perKey`. */
  keys?: Record<string, DefaultBudgetConfig>;
  /** By `name=value`; wins over `perTag`. */
  tags?: Record<string, BudgetConfig>;
  aliases?: Record<string, DefaultBudgetConfig>;
  /** By team, then by the run's id; wins over `perRun`. */
  runs?: Record<string, Record<string, RunBudgetConfig>>;
  perTeam?: DefaultBudgetConfig;
  perUser?: DefaultBudgetConfig;
  perKey?: DefaultBudgetConfig;
  /** Of each value of a tag, by the tag's name. */
  perTag?: Record<string, BudgetConfig>;
  perRun?: RunBudgetConfig;
}

export interface RateLimitConfig {
  requestsPerMinute?: number;
  tokensPerMinute?: number;
  /** Requests under way at once. */
  concurrent?: number;
}

export interface LimitsConfig {
  org?: RateLimitConfig;
  /** By team name; wins over `perTeam`. */
  teams?: Record<string, RateLimitConfig>;
  /** By user name; wins over `perUser`. */
  users?: Record<string, RateLimitConfig>;
  /** By the key's id; wins over `perKey`. */
  keys?: Record<string, RateLimitConfig>;
  /** By alias, for all callers together; wins over `perAlias`. */
  aliases?: Record<string, RateLimitConfig>;
  perTeam?: RateLimitConfig;
  perUser?: RateLimitConfig;
  perKey?: RateLimitConfig;
  /** Of each alias, for all callers together. */
  perAlias?: RateLimitConfig;
}

export interface WhenStoreIsDownConfig {
  /** No entry in the ledger, no call: the only way to keep a budget (docs/decisions/033). */
  budgets?: 'refuse';
  /** Rate limits are kept by each process for itself (default), or requests that have one are refused. */
  limits?: 'local' | 'refuse';
}

export interface GatewayConfig<Provider extends string = string> {
  /** Name of the organisation, whose budget and limits hold for all. */
  org?: string;
  providers: Record<Provider, ProviderConfig>;
  /** By alias: the model name that applications send. */
  models: Record<string, ModelConfig<NoInfer<Provider>>>;
  budgets?: BudgetsConfig;
  limits?: LimitsConfig;
  /** What becomes of requests while the store does not answer. */
  whenStoreIsDown?: WhenStoreIsDownConfig;
  /** Who is told when a budget crosses a threshold. In a deployed stack; the local server writes it to its log. */
  alerts?: { email?: string[] };
  pins?: {
    /** Whether names that the vendor moves to newer models (`gpt-5`) may be targets. */
    floating?: 'refuse' | 'allow';
  };
  /** What the models with `cache: { semantic }` share. */
  semanticCache?: SemanticCacheConfig<NoInfer<Provider>>;
}

/** Types the configuration while it is written: unknown fields and providers that do not exist are underlined. */
export const defineGateway = <const Provider extends string>(
  config: GatewayConfig<Provider>,
): GatewayConfig<Provider> => config;
