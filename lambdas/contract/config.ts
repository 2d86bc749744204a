/**
 * The configuration as its owner writes it (docs: README, "Configuring"). Types only, and `defineGateway`: nothing here is
 * checked at run time, see check-config.ts.
 */

/** US dollars: `'$20000'`, `'0.15'`, `0.15`. */
export type Usd = string | number;

/** `secret:NAME` (the secret store) or `env:NAME` (the environment; local server only). Never the key itself. */
export type SecretReference = `secret:${string}` | `env:${string}`;

export type ProviderConfig =
  | { kind: 'openai'; apiKey: SecretReference; baseUrl?: string; organization?: string }
  /** Anything that speaks OpenAI's chat completions: vLLM, Ollama, Groq, Mistral, … `baseUrl` ends in /v1 with most of them. */
  | { kind: 'openai-compatible'; baseUrl: string; apiKey?: SecretReference }
  | { kind: 'anthropic'; apiKey: SecretReference; baseUrl?: string }
  /** Regions in order of preference. Without `apiKey` (a Bedrock API key) the process's AWS credentials are used. */
  | { kind: 'bedrock'; regions: string[]; apiKey?: SecretReference; baseUrl?: string }
  /** Answers without a network; the model's name says how: `echo`, `slow-MS`, `fail-STATUS`, … */
  | { kind: 'simulator'; seed?: number };

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

export type CapabilityConfig = 'tools' | 'vision' | 'documents' | 'json-schema' | 'reasoning' | 'streaming';

export interface TargetConfig<Provider extends string = string> {
  provider: Provider;
  /** The provider's name of the model, with its date or version. */
  model: string;
  /** Wins over the catalogue; needed where the catalogue does not know the model. */
  price?: PriceConfig;
  /**
   * OpenAI only: the service tier asked for where a request names none. `default` unless given, so that the project's own
   * setting can't make a call dearer than its hold; `auto` leaves it to that setting, and holds the dearest.
   */
  serviceTier?: 'default' | 'auto' | 'flex' | 'priority';
  /** All that the model can do, not an addition to the catalogue's. */
  capabilities?: CapabilityConfig[];
  /** Input and output together, tokens. */
  contextTokens?: number;
  maxOutputTokens?: number;
  /** The most that one image, or one document, can count as; holds use it. Lower than what the model can do is your risk. */
  maxImageTokens?: number;
  maxDocumentTokens?: number;
  /** The provider's own quota for the model (a region each): a target at its quota is passed over instead of drawing 429s. */
  limits?: RateLimitConfig;
}

export interface TimeoutsConfig {
  /** Until the first content of a streamed answer. */
  firstTokenMs?: number;
  /** Between two pieces of an answer. */
  idleMs?: number;
  totalMs?: number;
}

export interface ModelConfig<Provider extends string = string> {
  /** In order of preference: the first that can serve a request gets it, the others are its fallbacks. */
  targets: TargetConfig<Provider>[];
  policy?: 'ordered';
  output?: {
    /** Output limit, tokens, where a request names none and a budget applies. */
    default?: number;
    /** The lowest output limit that `backPressure: 'clamp'` may set, tokens; thinking comes on top. */
    floor?: number;
  };
  timeouts?: TimeoutsConfig;
  /** Bounds for what costs more than tokens, or has no price. */
  bounds?: BoundsConfig;
  /** Upstream calls that one request may make, retries and fallbacks together. */
  attempts?: number;
  /** The cheaper model that answers in its place once a budget is in downgrade (`downgradeAt`). It may have one itself. */
  downgradeTo?: string;
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

export interface GatewayConfig<Provider extends string = string> {
  /** Name of the organisation, whose budget and limits hold for all. */
  org?: string;
  providers: Record<Provider, ProviderConfig>;
  /** By alias: the model name that applications send. */
  models: Record<string, ModelConfig<NoInfer<Provider>>>;
  budgets?: BudgetsConfig;
  limits?: LimitsConfig;
  /** Who is told when a budget crosses a threshold. In a deployed stack; the local server writes it to its log. */
  alerts?: { email?: string[] };
  pins?: {
    /** Whether names that the vendor moves to newer models (`gpt-5`) may be targets. */
    floating?: 'refuse' | 'allow';
  };
}

/** Types the configuration while it is written: unknown fields and providers that do not exist are underlined. */
export const defineGateway = <const Provider extends string>(
  config: GatewayConfig<Provider>,
): GatewayConfig<Provider> => config;
