import type { Answer } from '../conversation.ts';
import type { CacheSelection } from './vector-index.ts';
import type { WrongHitState } from './wrong-hits.ts';

/** One kept answer. `tenant` and `key` find it (scope-key.ts). Times in milliseconds since 1970. */
export interface CachedAnswer {
  tenant: string;
  key: string;
  answer: Answer;
  /** What of the request its target could not be told: the same is told to whoever gets it again. */
  dropped: string[];
  /** The target that gave it, and the request that was billed for it. */
  target: string;
  requestId: string;
  /** Who asked, and by which alias: what a purge can name. */
  team: string;
  user: string;
  alias: string;
  /** When its request came. */
  createdAt: number;
  expiresAt: number;
}

export type KeepOutcome =
  | 'kept'
  /** It does not fit into the store, also compressed. */
  | 'too-large'
  /** A purge that came after its request has taken it. */
  | 'purged';

export interface CachedCount {
  team: string;
  alias: string;
  entries: number;
  /** As they lie in the store. */
  bytes: number;
  oldestAt: number;
}

/** Answers by their exact key; the semantic cache's answers lie here too. Every method may reject with `StoreUnavailable`. */
export interface ResponseCache {
  /** Undefined where there is none, it has expired, or a purge has taken it. */
  find(tenant: string, key: string, nowMs: number): Promise<CachedAnswer | undefined>;
  /** In the place of an older one of that key; a newer one stays. */
  keep(entry: CachedAnswer, nowMs: number): Promise<KeepOutcome>;
  /** From the answer on none of them is found, by any process, nor kept by a request under way. @returns how many there were */
  purge(selection: CacheSelection, nowMs: number): Promise<number>;
  /** What is kept, by team and alias. */
  stats(nowMs: number): Promise<CachedCount[]>;
}

/** What audits have found of one alias and embedder. */
export interface WrongHitRecord {
  alias: string;
  embedder: string;
  /** Grows by one with every write; the condition of the next one. 0 = never written. */
  version: number;
  state: WrongHitState;
  /** When it last changed, milliseconds since 1970. */
  changedAt: number;
}

/** How wrong each alias's semantic cache has been, shared by all processes. */
export interface WrongHitStore {
  /** Never written reads as version 0 and `UNAUDITED`. */
  read(alias: string, embedder: string): Promise<WrongHitRecord>;
  /** Writes `next` only when the stored version is still `next.version - 1`. @returns false when somebody was faster. */
  write(next: WrongHitRecord): Promise<boolean>;
  list(): Promise<WrongHitRecord[]>;
}
