/** The caches as the configuration's owner writes them. Types only; checked by cache-schema.ts and check-caches.ts. */

import type { LifecycleConfig, PriceConfig } from './config.ts';

/** How long an answer is kept: `30s`, `15m`, `1h`, `7d`; at most 30 days. */
export type CacheTtl = string;

/** Which of a model's answers are kept, and who is given them. `exact`, `semantic` or both. */
export interface CacheConfig {
  /** The very same request again is given the answer of the first, so long. */
  exact?: CacheTtl;
  /** A question that means the same as one that was answered is given its answer. Needs an embedder (`semanticCache`). */
  semantic?: SemanticConfig;
  /** Whose answers a request may be given: its user's own, its team's (default), or all of the organisation's. */
  sharedBy?: 'user' | 'team' | 'org';
  /**
   * A request with a higher temperature is never answered from a cache, 0 to 2; 1 unless given. A request that names none has
   * the vendors' default, 1: below that only requests that ask for less chance are answered.
   */
  maxTemperature?: number;
}

export interface SemanticConfig {
  ttl: CacheTtl;
  /**
   * How alike two questions have to be, 0.5 to 1 (cosine): what `tollgate cache calibrate` finds. Needed with an embedder that is
   * not calibrated here; only `minilm` is.
   */
  threshold?: number;
  /** Share of hits that may be wrong, 0 to 1; 0.01 unless given. Above it the threshold tightens, then the cache turns itself off. */
  maxWrongShare?: number;
  /** Share of hits that are asked of the model as well, to know how many are wrong, 0 to 1; 0.05 unless given. Each costs a call. */
  auditShare?: number;
}

/** What all semantic caches share. */
export interface SemanticCacheConfig<Provider extends string = string> {
  /** What makes vectors of questions; `minilm` unless given. */
  embedder?: EmbedderConfig<Provider>;
  /** Where vectors are kept in a deployed stack. The local server keeps them in its own file and does not look at this. */
  index?: VectorIndexConfig;
  /** Embedder, index and answer together, milliseconds; 150 unless given. What takes longer is a miss; a provider's vector alone may. */
  timeoutMs?: number;
}

/**
 * `minilm` runs on the local server's own processor, costs nothing and is there once `npm run fetch-model` has been run. A
 * provider's model is asked, and paid for, like any other.
 */
export type EmbedderConfig<Provider extends string = string> = 'minilm' | PaidEmbedderConfig<Provider>;

export interface PaidEmbedderConfig<Provider extends string = string> {
  provider: Provider;
  /** One that makes vectors. */
  model: string;
  /** Numbers in a vector; the model's own unless given. Needed where the catalogue does not know the model. */
  dimensions?: number;
  /** As of a target: the model that an Azure deployment serves. */
  deploymentOf?: string;
  /** As of a target: wins over the catalogue; needed where the catalogue does not know the model. */
  price?: PriceConfig;
  /** As of a target: the longest text, tokens. */
  contextTokens?: number;
  /** As of a target: what is known here of the model's end. */
  lifecycle?: LifecycleConfig;
}

/** A domain of Amazon OpenSearch Service: one that the stack makes, or one that is there. */
export type VectorIndexConfig =
  | { domain: VectorDomainConfig }
  /** `endpoint`: `https://…`. `arn`: of the domain, for the right to use it. */
  | { endpoint: string; arn: string };

/** It costs by the hour, asked or not. */
export interface VectorDomainConfig {
  /** Such as `t3.small.search`, which it is unless given. */
  instanceType?: string;
  /** 1 to 3, in as many zones; 1 unless given. */
  instances?: number;
  /** Disk of each instance; 10 unless given. */
  volumeGiB?: number;
}
