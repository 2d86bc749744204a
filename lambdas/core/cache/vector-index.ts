/** One kept question. `tenant` and `scope` are the hard filter (core/cache/scope-key.ts). Times in milliseconds since 1970. */
export interface VectorEntry {
  id: string;
  tenant: string;
  scope: string;
  embedder: string;
  /** Of length 1. */
  vector: Float32Array;
  /** What guards compare. */
  question: string;
  /** Where its answer is: the exact cache's key. */
  answerKey: string;
  /** Who asked, and by which alias: what a purge can name. */
  team: string;
  user: string;
  alias: string;
  /** When its request came. */
  createdAt: number;
  expiresAt: number;
}

export interface VectorQuery {
  tenant: string;
  scope: string;
  embedder: string;
  vector: Float32Array;
  /** At most so many are found. */
  count: number;
}

export interface FoundVector {
  id: string;
  question: string;
  answerKey: string;
  createdAt: number;
  /** Cosine. */
  score: number;
}

/** Entries that have all that is named; without a name, all there are. */
export interface CacheSelection {
  team?: string;
  user?: string;
  alias?: string;
  /** Those whose request came before it; before the purge itself where absent. */
  createdBefore?: number;
}

export interface VectorCount {
  team: string;
  alias: string;
  embedder: string;
  entries: number;
  oldestAt: number;
}

/** Every method may reject with `StoreUnavailable`. */
export interface VectorIndex {
  /** In the place of an entry of that id. @returns false where a purge that came after its request has taken it: nothing is kept. */
  put(entry: VectorEntry, nowMs: number): Promise<boolean>;
  /** The nearest of that tenant, scope and embedder, best first; none that has expired. What was put a moment ago may be missing. */
  find(query: VectorQuery, nowMs: number): Promise<FoundVector[]>;
  /** From the answer on none of them is found, by any process, nor kept by a request under way. @returns how many there were */
  purge(selection: CacheSelection, nowMs: number): Promise<number>;
  /** What is kept, by team, alias and embedder. */
  stats(nowMs: number): Promise<VectorCount[]>;
}
