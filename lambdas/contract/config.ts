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
  /** Input written to it; as `inputPerMTok` unless given. */
  cacheWrite5mPerMTok?: Usd;
  cacheWrite1hPerMTok?: Usd;
  /** Reasoning is output. */
  outputPerMTok: Usd;
}

export interface PriceConfig extends RatesConfig {
  /** Above that many input tokens these rates hold for the whole request. */
  aboveInputTokens?: RatesConfig & { tokens: number };
}

export type CapabilityConfig = 'tools' | 'vision' | 'documents' | 'json-schema' | 'reasoning' | 'streaming';

export interface TargetConfig<Provider extends string = string> {
  provider: Provider;
  /** The provider's name of the model, with its date or version. */
  model: string;
  /** Wins over the catalogue; needed where the catalogue does not know the model. */
  price?: PriceConfig;
  /** All that the model can do, not an addition to the catalogue's. */
  capabilities?: CapabilityConfig[];
  /** Input and output together, tokens. */
  contextTokens?: number;
  maxOutputTokens?: number;
  /** The most that one image, or one document, can count as; holds use it. Lower than what the model can do is your risk. */
  maxImageTokens?: number;
  maxDocumentTokens?: number;
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
  };
  timeouts?: TimeoutsConfig;
  /** Upstream calls that one request may make, retries and fallbacks together. */
  attempts?: number;
}

export interface BudgetConfig {
  daily?: Usd;
  monthly?: Usd;
  /** Share of the cap, above 0 up to 1, from which answers carry a warning. */
  warnAt?: number;
}

/** The budget of each team, user or key that has none of its own. */
export interface DefaultBudgetConfig extends BudgetConfig {
  /** The same as `limits.per….tokensPerMinute`; one of the two places. */
  tokensPerMinute?: number;
}

export interface BudgetsConfig {
  org?: BudgetConfig;
  /** By team name; wins over `perTeam`. */
  teams?: Record<string, BudgetConfig>;
  /** By user name; wins over `perUser`. */
  users?: Record<string, BudgetConfig>;
  perTeam?: DefaultBudgetConfig;
  perUser?: DefaultBudgetConfig;
  perKey?: DefaultBudgetConfig;
}

export interface RateLimitConfig {
  requestsPerMinute?: number;
  tokensPerMinute?: number;
  /** Requests under way at once. */
  concurrent?: number;
}

export interface LimitsConfig {
  org?: RateLimitConfig;
  perTeam?: RateLimitConfig;
  perUser?: RateLimitConfig;
  perKey?: RateLimitConfig;
}

export interface GatewayConfig<Provider extends string = string> {
  /** Name of the organisation, whose budget and limits hold for all. */
  org?: string;
  providers: Record<Provider, ProviderConfig>;
  /** By alias: the model name that applications send. */
  models: Record<string, ModelConfig<NoInfer<Provider>>>;
  budgets?: BudgetsConfig;
  limits?: LimitsConfig;
  pins?: {
    /** Whether names that the vendor moves to newer models (`gpt-5`) may be targets. */
    floating?: 'refuse' | 'allow';
  };
}

/** Types the configuration while it is written: unknown fields and providers that do not exist are underlined. */
export const defineGateway = <const Provider extends string>(
  config: GatewayConfig<Provider>,
): GatewayConfig<Provider> => config;
