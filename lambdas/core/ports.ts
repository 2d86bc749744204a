import type { LimitStore, Limits } from './admit/limit-store.ts';
import type { RunBook } from './admit/run-book.ts';
import type { AccessStore } from './authenticate/access-store.ts';
import type { Budgets } from './budget/budgets.ts';
import type { AnswerCache } from './cache/answer-cache.ts';
import type { CircuitBoard } from './call/circuit-board.ts';
import type { CircuitStore } from './call/circuit-store.ts';
import type { Upstream } from './call/upstream.ts';
import type { Dialects, Providers } from './codecs.ts';
import type { AnySurfaceName, Surface } from './dialect.ts';
import type { FeedbackStore } from './feedback/feedback-store.ts';
import type { AnswerStore } from './idempotency/answer-store.ts';
import type { RequestLedger, SettleQueue } from './ledger.ts';
import type { HomeBook } from './route/home-book.ts';
import type { Canaries, Policies } from './route/route-sources.ts';
import type { StatisticsBook } from './route/statistics-book.ts';
import type { StoreHealth } from './store-health.ts';
import type { Alias, Target } from './target.ts';

/** What core needs of the outside world. One adapter on AWS, one embedded; one port suite for both. */
export interface Ports {
  clock: Clock;
  random: Random;
  access: AccessStore;
  limits: LimitStore;
  runs: RunBook;
  circuits: CircuitStore;
  circuitBoard: CircuitBoard;
  statistics: StatisticsBook;
  homes: HomeBook;
  /** Absent where no alias has any policy but `ordered`. */
  policies?: Policies;
  /** Absent where no alias keeps answers. */
  cache?: AnswerCache;
  /** Whether a call may begin that nobody waits for: not in a process that is ending, or that holds answers back until nothing goes on any more. Absent: it may. */
  mayLinger?: () => boolean;
  /** Absent where no target has a canary. */
  canaries?: Canaries;
  ledger: RequestLedger;
  settleQueue: SettleQueue;
  /** Of the ledger and the limits. */
  storeHealth: StoreHealth;
  secrets: SecretStore;
  upstream: Upstream;
  cancellations: Cancellations;
  answers: AnswerStore;
  feedback: FeedbackStore;
  log: Log;
  /** A language that clients speak, read when the first of them does. */
  loadSurface(name: AnySurfaceName): Promise<Surface>;
  dialects: Dialects;
  providers: Providers;
  gateway: Gateway;
}

/** The checked configuration joined with the catalogue: everything a decision needs, resolved once. */
export interface Gateway {
  org: string;
  aliases: ReadonlyMap<string, Alias>;
  budgets: Budgets;
  limits: Limits;
  /** Number of this policy: grows with every change of a cap, so that an account stamped by a newer one refuses older writers. */
  policyVersion: number;
  /** Whether each process keeps the rate limits for itself while the store does not answer; `local` where absent. */
  limitsWhenStoreIsDown?: 'local' | 'refuse';
  /** What compares questions; absent where no alias has a semantic cache, or its provider is not set up here. */
  semanticCache?: SemanticCache;
}

export interface SemanticCache {
  /** The local model, or one of a provider's that is asked and paid for. */
  embedder: 'minilm' | Target;
  /** Numbers in a vector; set wherever a provider is asked. */
  dimensions?: number;
  /** For embedder, index and answer together. */
  timeoutMs: number;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts (it does not reject). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once after `ms`; the returned function takes the timer away. */
  after(ms: number, callback: () => void): () => void;
}

export interface Random {
  bytes(count: number): Uint8Array;
  /** In [0, 1). */
  fraction(): number;
}

/** The store can't be reached or did not answer. Every store port may reject with it; nothing else is expected of them. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

export interface SecretStore {
  /** `env:NAME` or `secret:NAME` → the value; undefined where there is none. Cached; `refresh` reads it anew (a vendor's 401). */
  read(reference: string, options?: { refresh?: boolean }): Promise<string | undefined>;
}

export interface Cancellations {
  /** Asks whoever runs the request, in this process or another, to stop it. */
  request(requestId: string): Promise<void>;
  /** @returns a function that ends the watch. */
  watch(requestId: string, onCancel: () => void): () => void;
}

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}
