import type { NanoUsd } from '../contract/money.ts';
import type { RunBook } from './admit/run-book.ts';
import type { BudgetState, Thresholds } from './budget/budget-state.ts';
import type { AnswerCache } from './cache/answer-cache.ts';
import type { CircuitBoard } from './call/circuit-board.ts';
import type { Dialects, Providers } from './codecs.ts';
import type { AnySurfaceName, Surface, WireEvent } from './dialect.ts';
import type { UpstreamCall } from './provider.ts';
import type { Receipt } from './receipt.ts';
import type { HomeBook } from './route/home-book.ts';
import type { Canaries, Policies } from './route/route-sources.ts';
import type { StatisticsBook } from './route/statistics-book.ts';
import type { TargetStatistics } from './route/target-statistics.ts';
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

export type ScopeKind = 'org' | 'team' | 'user' | 'key' | 'tag' | 'alias' | 'run';
/** Calendar days, ISO weeks and months in the budgets' time zone; a lifetime never ends. */
export type BudgetPeriod = 'daily' | 'weekly' | 'monthly' | 'lifetime';

/** Caps of one scope; an absent period has no cap. */
export interface Budget {
  daily?: NanoUsd;
  weekly?: NanoUsd;
  monthly?: NanoUsd;
  lifetime?: NanoUsd;
  /** Share of the cap (0..1) from which answers carry `warn`. */
  warnAt: number;
  /** Share of the cap from which cheaper models answer; absent = they never do. */
  downgradeAt?: number;
  /** What becomes of a request then whose model has no cheaper one. */
  withoutStandIn?: 'allow' | 'reject';
  /** What happens to a request whose output limit has no room: it is lowered (`clamp`), or the request refused (absent). */
  backPressure?: 'clamp';
}

/** A cap set by hand (`tollgate budgets set`, `approve`). */
export interface CapOverride {
  /** The scope's accounts without the period's name: `team#search`. */
  scope: string;
  length: BudgetPeriod;
  cap: NanoUsd;
  by: string;
  at: number;
  /** null = until it is taken away. */
  until: number | null;
}

/** What an agent run may do in all, its sub-runs included. */
export interface RunBudget extends Budget {
  /** Requests. */
  calls?: number;
  /** From its first request on. */
  lastsMs?: number;
}

export interface Budgets {
  /** IANA name; `UTC` unless configured. */
  timeZone: string;
  /** Caps set by hand, which win while they last, by scope and period: `team#search#monthly`. */
  overrides?: ReadonlyMap<string, CapOverride>;
  org?: Budget;
  teams: ReadonlyMap<string, Budget>;
  users: ReadonlyMap<string, Budget>;
  /** By the key's id. */
  keys: ReadonlyMap<string, Budget>;
  /** By `name=value`. */
  tags: ReadonlyMap<string, Budget>;
  aliases: ReadonlyMap<string, Budget>;
  /** By `team/run`. */
  runs: ReadonlyMap<string, RunBudget>;
  perTeam?: Budget;
  perUser?: Budget;
  perKey?: Budget;
  /** Of each value of a tag, by the tag's name. */
  perTag: ReadonlyMap<string, Budget>;
  perRun?: RunBudget;
}

export interface RateLimit {
  requestsPerMinute?: number;
  tokensPerMinute?: number;
  /** Requests under way at once. */
  concurrent?: number;
  /** `clamp`: a request's whole output limit is charged to the tokens, and lowered to what is left of them. */
  backPressure?: 'clamp';
}

export interface Limits {
  org?: RateLimit;
  teams: ReadonlyMap<string, RateLimit>;
  users: ReadonlyMap<string, RateLimit>;
  /** By the key's id. */
  keys: ReadonlyMap<string, RateLimit>;
  aliases: ReadonlyMap<string, RateLimit>;
  perTeam?: RateLimit;
  perUser?: RateLimit;
  perKey?: RateLimit;
  perAlias?: RateLimit;
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

// ── Access ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Right =
  /** May name another end user in `x-tollgate-user`, `user`, `metadata.user_id`. */
  | 'act-for-users'
  /** A duty rather than a right: every request must name an agent run. */
  | 'require-run'
  /** `GET /v1/usage` shows the amounts of the key's user, team and org. */
  | 'read-usage';

export interface KeyRecord {
  id: string;
  /** What people call it. */
  name: string;
  /** SHA-256 of the secret, hex. */
  hash: string;
  team: string;
  /** The key's own user. */
  user: string;
  /** Pinned: they win over tags that a request carries. */
  tags: Record<string, string>;
  /** Aliases this key may use; null = all. */
  aliases: string[] | null;
  rights: Right[];
  createdAt: number;
  expiresAt: number | null;
  /** A revocation may lie in the future: rotation's grace period. */
  revokedAt: number | null;
}

export interface AccessStore {
  findKey(id: string): Promise<KeyRecord | undefined>;
  /** @returns false when a key of that id exists; nothing is overwritten. */
  createKey(record: KeyRecord): Promise<boolean>;
  /** @returns false when there is no such key. An earlier revocation stays. */
  revokeKey(id: string, at: number): Promise<boolean>;
  /** By creation time. */
  listKeys(): Promise<KeyRecord[]>;
}

// ── Rate limits ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface LimitTake {
  /** `key#4fQx`, `team#search`. */
  scope: string;
  limit: RateLimit;
  /** What the request is charged until its tokens are counted. */
  tokens: number;
}

/** Standing of one limit of one scope after the attempt. */
export interface LimitFigures {
  scope: string;
  what: 'requests' | 'tokens' | 'concurrent';
  limit: number;
  remaining: number;
  /** Until the limit is whole again. */
  resetMs: number;
}

export type LimitOutcome =
  | { kind: 'taken'; figures: LimitFigures[] }
  | {
      kind: 'refused';
      by: LimitFigures;
      retryAfterMs: number /** The request alone is over the limit: waiting can't help. */;
      never: boolean;
      figures: LimitFigures[];
    };

export interface LimitStore {
  /** All scopes or none: a refusal leaves no trace in any. `epoch` stamps the in-flight counts, so that a lost release ages out. */
  take(takes: LimitTake[], epoch: number, nowMs: number): Promise<LimitOutcome>;
  /** Undoes a take whose request was never called (no request counted, no tokens, not in flight). */
  giveBack(takes: LimitTake[], epoch: number, nowMs: number): Promise<void>;
  /** The request has ended: out of flight, and its tokens corrected from the estimate to what was used. */
  settle(takes: LimitTake[], epoch: number, usedTokens: number, nowMs: number): Promise<void>;
  /** Standing without taking anything, for `GET /v1/usage`. */
  read(takes: LimitTake[], nowMs: number): Promise<LimitFigures[]>;
}

// ── Agent runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface RunLimits {
  id: string;
  /** Calls that it may make in all, those of the runs that it starts included. */
  calls?: number;
  /** How long it may last, from its first request on. */
  lastsMs?: number;
}

/** One call of one team's run. */
export interface RunEntry {
  team: string;
  /** The run, then what started it, up to the one that nothing started: each was started by the next. */
  runs: RunLimits[];
}

export interface RunRecord {
  team: string;
  id: string;
  /** Set by the first call, and never again; null = nothing started it. */
  parent: string | null;
  /** The store's time of its first request; null = none has come. */
  startedAt: number | null;
  calls: number;
  killed: { at: number; reason: string } | null;
}

export type RunOutcome =
  /** `endsAt`: when the first of the runs has lasted as long as it may, store's time; null = none ends by itself. `endsBy`: that run. */
  | { kind: 'entered'; endsAt: number | null; endsBy?: RunLimits }
  /** By which run, and why; of several reasons the one that is the hardest to put right. */
  | { kind: 'refused'; by: RunLimits; because: 'killed' | 'time' | 'calls'; record: RunRecord }
  /** A run of the chain was started by another one, or by none. */
  | { kind: 'other-parent'; run: string; parent: string | null };

/** What is known of agent runs beside their money: who started them, how many calls they made, whether they were killed. */
export interface RunStore {
  /** Counts the call on every run, or on none. A run that is not known begins with it. */
  enter(entry: RunEntry): Promise<RunOutcome>;
  /** Undoes an entering whose call was never made. At most once an entering. */
  leave(entry: RunEntry): Promise<void>;
  /** Those that are known. */
  read(team: string, ids: string[]): Promise<RunRecord[]>;
  /** From the answer on nothing enters it any more, nor what it has started. One that is not known can be killed too; a second kill changes nothing. */
  kill(team: string, id: string, reason: string): Promise<RunRecord>;
}

// ── Circuits ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Shared state of one target's circuit. */
export type CircuitState =
  | { state: 'closed' }
  /** `openings` counts the openings in a row, for the growing open time. */
  | { state: 'open'; until: number; openings: number }
  /** One prober holds the lease; when it runs out without a word, another may take it. */
  | { state: 'half-open'; prober: string; leaseUntil: number; openings: number };

export interface CircuitRecord {
  target: string;
  /** Changes with every write; the condition of the next one. 0 = never written. */
  version: number;
  circuit: CircuitState;
  /** Set by hand; wins over `circuit` until it expires. */
  override: { state: 'closed' | 'open'; until: number } | null;
  /** Why it last changed, for people. */
  reason: string;
  changedAt: number;
}

export interface CircuitStore {
  /** One record a target, in the order asked; a target never written reads as closed. */
  read(targets: string[]): Promise<CircuitRecord[]>;
  /** Writes `next` only when the stored version is still `next.version - 1`. @returns false when somebody was faster. */
  write(next: CircuitRecord): Promise<boolean>;
  list(): Promise<CircuitRecord[]>;
}

/** How targets have been doing, made from the entries that ended. Approximate, and a few seconds late. */
export interface StatisticsStore {
  /** One a target, in the order asked; undefined for one that nobody has called of late. */
  read(targets: string[]): Promise<(TargetStatistics | undefined)[]>;
}

// ── Ledger ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One account that a request must be admitted to. */
export interface AccountRef {
  /** `team#search#2026-11`. */
  key: string;
  scope: ScopeKind;
  id: string;
  /** `2026-11-22`, `2026-W48`, `2026-11`, `all`. */
  period: string;
  /** null = counted, never refused. */
  cap: NanoUsd | null;
  /** `clamp`: a request is not refused while a lower output limit has room. */
  backPressure?: 'clamp';
  warnAt: number;
  downgradeAt?: number;
  withoutStandIn?: 'allow' | 'reject';
  /** Where the period begins and ends; absent = UTC. */
  timeZone?: string;
}

export interface AccountFigures {
  key: string;
  cap: NanoUsd | null;
  capVersion: number;
  /** spent + held, always. */
  committed: NanoUsd;
  spent: NanoUsd;
  held: NanoUsd;
  /** Requests that have ended, settled or lost, and their tokens. */
  requests: number;
  inputTokens: number;
  outputTokens: number;
}

/** How far up its thresholds an account's spending has been seen to come, and under which cap. */
export interface AccountTier {
  state: BudgetState;
  cap: NanoUsd;
  /** Counts the caps that something was crossed under: the same threshold crossed again after a raise is news. */
  round: number;
  at: number;
  /** Who moved it there: tells a repeat of that from another's move. */
  mover: string;
}

/** An account as its escalation sees it. */
export interface BudgetAccount extends AccountFigures {
  /** As the last hold said; absent where none has said so. */
  thresholds?: Thresholds & { timeZone: string };
  /** Absent = nothing has been crossed yet. */
  tier?: AccountTier;
}

export interface HoldRequest {
  accounts: AccountRef[];
  /** Version of the policy that the caps come from. */
  capVersion: number;
  epoch: number;
  amount: NanoUsd;
}

export type HoldOutcome =
  | { kind: 'held'; figures: AccountFigures[] }
  /** `figures` of an account that had no room; `standing` of all that exist, as they are without this hold: nothing of it is left in any. */
  | { kind: 'refused'; account: AccountRef; figures: AccountFigures | undefined; standing: AccountFigures[] }
  /** The epoch is closed, or not the store's: take the store's time and start again. */
  | { kind: 'wrong-epoch'; storeNow: number };

export type EntryState = 'open' | 'settled' | 'lost' | 'refused';

export interface OpenEntry {
  requestId: string;
  /** Tells a repeat of this very write from another request. */
  nonce: string;
  epoch: number;
  hold: NanoUsd;
  accounts: string[];
  keyId: string;
  org: string;
  team: string;
  user: string;
  tags: Record<string, string>;
  alias: string;
  /** The agent run, and the one that started it. */
  run?: string;
  parentRun?: string;
  receipt: Receipt;
}

export interface Settlement {
  requestId: string;
  nonce: string;
  cost: NanoUsd;
  inputTokens: number;
  outputTokens: number;
  /** The finished receipt. */
  receipt: Receipt;
}

export interface LedgerEntry extends OpenEntry {
  state: EntryState;
  cost: NanoUsd;
  inputTokens: number;
  outputTokens: number;
  /** The store's time. */
  openedAt: number;
  settledAt: number | null;
}

/**
 * What a request asks of the meter (docs/ledger.md). Order of one request: `hold` on all accounts → `open` the entry → call →
 * `settle`. An entry exists only if every account said yes; no entry, no call.
 */
export interface RequestLedger {
  /** All accounts or none. */
  hold(request: HoldRequest): Promise<HoldOutcome>;
  /** Undoes a hold whose entry was not opened (or was refused). At most once a hold. */
  giveBack(request: HoldRequest): Promise<void>;
  /** @returns false when the store's time is outside the entry's epoch: refuse it, give back, start again. */
  open(entry: OpenEntry): Promise<boolean>;
  /** Makes sure that an entry which may exist is dead, before its holds go. @throws {Error} when it has been settled or lost meanwhile: its hold must not be given back */
  refuse(requestId: string, epoch: number): Promise<void>;
  /** Takes more on every account, then raises the entry's hold. The dearer call may be made only on `held`; `wrong-epoch`: the entry is no longer open. */
  topUp(requestId: string, request: HoldRequest, hold: { from: NanoUsd; to: NanoUsd }): Promise<HoldOutcome>;
  /** Once a request, whatever happened. Repeating it changes nothing; after the epoch's close it becomes a correction. */
  settle(settlement: Settlement): Promise<void>;
  /** One that was lost and then settled after all reads as settled, at its true cost. */
  read(requestId: string): Promise<LedgerEntry | undefined>;
  /** In the order asked; an account that nothing was held on has none. */
  figures(accountKeys: string[]): Promise<AccountFigures[]>;
}

/** The whole meter: what is behind requests too. */
export interface Ledger extends RequestLedger {
  /** Newest first, those opened before the request `before`. Nothing where that one is unknown. */
  tail(options: { limit: number; keyId?: string; before?: string }): Promise<LedgerEntry[]>;
  /** Closes every epoch that is due: loses what is still open, heals leaks. @returns the epochs closed. */
  closeDueEpochs(): Promise<number[]>;
}

/** The caps that hold: the file's and those set by hand, and the number of that policy. */
export interface BudgetPolicy {
  version: number;
  /** The file's budgets as JSON, as they were numbered last; undefined before any gateway began. */
  fingerprint: string | undefined;
  overrides: CapOverride[];
}

/** An account at its cap, whose raise somebody may approve. */
export interface PendingApproval {
  account: string;
  cap: NanoUsd;
  round: number;
  /** What answers the workflow that waits; null where none does (local). */
  token: string | null;
  since: number;
}

/** Caps set by hand and where each account stands on its way up. No request waits for it. */
export interface BudgetStore {
  readPolicy(): Promise<BudgetPolicy>;
  /** Takes the next number of the policy, in one write with the override (null takes one away); those that ended an hour ago go. @returns the number */
  override(key: { scope: string; length: BudgetPeriod }, change: CapOverride | null, nowMs: number): Promise<number>;
  /** Stamps the account with the cap at once and begins a new round, if it exists and nobody newer was there. */
  setCap(account: string, cap: NanoUsd, version: number, nowMs: number): Promise<void>;
  /** Those that exist, consistently read. */
  readAccounts(keys: string[]): Promise<BudgetAccount[]>;
  /** Writes `to` if the tier is still `from`. */
  moveTier(account: string, from: AccountTier | undefined, to: AccountTier): Promise<boolean>;
  putApproval(approval: PendingApproval, expiresMs: number): Promise<void>;
  readApproval(account: string): Promise<PendingApproval | undefined>;
  /** Takes it away if it is that round's. */
  endApproval(account: string, round: number): Promise<void>;
}

/** Settlements that the store did not take; entered later, so that nothing spent is forgotten. */
export interface SettleQueue {
  add(settlement: Settlement): void;
}

// ── Upstream ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface UpstreamReply {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  /** The whole body as text, bounded. @throws {UpstreamError} */
  text(): Promise<string>;
  /** The stream, event by event as it comes; ends when the vendor closes. Returning early closes the connection. @throws {UpstreamError} */
  events(): EventStream;
}

export interface EventStream extends AsyncIterable<WireEvent> {
  /**
   * The next event if it is here already, without waiting for more: what came together is read and sent on together.
   * Transports that can't tell leave it out.
   */
  arrived?(): WireEvent | undefined;
}

export type UpstreamErrorKind = 'connect' | 'reset' | 'aborted' | 'too-large' | 'malformed';

/** The call broke below the level of HTTP. The message names no internal address. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly kind: UpstreamErrorKind;

  constructor(kind: UpstreamErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export interface Upstream {
  /**
   * Sends at once, no retry of its own; resolves with the reply's head.
   * When the signal aborts, the connection is closed and whatever is pending rejects with `aborted`.
   * @param options.connectMs how long a connection may take to be made; the transport's own bound where absent
   * @throws {UpstreamError}
   */
  send(call: UpstreamCall, signal: AbortSignal, options?: { connectMs?: number }): Promise<UpstreamReply>;
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

// ── Answers kept for idempotency keys ─────────────────────────────────────────────────────────────────────────────────

/** A whole answer, as it went out. */
export interface KeptAnswer {
  /** The request that was billed for it. */
  requestId: string;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: string;
}

/** One request's wish to be the only one under its idempotency key. */
export interface AnswerClaim {
  /** Caller and key, hashed. */
  key: string;
  /** Digest of what was asked. */
  fingerprint: string;
  /** Tells a repeat of this very claim from another request's. */
  owner: string;
  /** From then on somebody else may claim it: whoever had it is dead. Milliseconds since 1970. */
  leaseUntil: number;
}

export type ClaimOutcome =
  | { kind: 'claimed' }
  /** Somebody else's, alive or dead: free at the latest at `leaseUntil`, milliseconds since 1970. */
  | { kind: 'in-progress'; leaseUntil: number }
  | { kind: 'answered'; answer: KeptAnswer }
  /** Answered, with more than the store takes. */
  | { kind: 'too-large'; requestId: string }
  /** Another request has the key. */
  | { kind: 'mismatch' };

/** Kept for a day. */
export interface AnswerStore {
  /** Of many at once one has it. Repeating one's own changes nothing but the lease. */
  claim(claim: AnswerClaim, nowMs: number): Promise<ClaimOutcome>;
  /** @returns false when it is too large: then only the request's id is kept. Nothing happens where the claim is no longer ours. */
  keep(claim: AnswerClaim, answer: KeptAnswer, nowMs: number): Promise<boolean>;
  /** Lets the next one try, unless an answer has been kept. */
  release(claim: AnswerClaim): Promise<void>;
}

// ── Feedback ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What somebody thought of an answer. */
export interface Feedback {
  requestId: string;
  /** 0 to 1, to four decimals. */
  score: number;
  label: string | null;
  /** Milliseconds since 1970. */
  at: number;
}

/** Beside the ledger and not in it: an entry that has ended is sealed (docs/decisions/015). */
export interface FeedbackStore {
  /**
   * Keeps a request's first one, until the given time, and no other.
   *
   * @returns what is kept. The very one that was given, to its time, also where this is a repeat of the write that kept it
   */
  give(feedback: Feedback, expiresAtMs: number): Promise<Feedback>;
  read(requestId: string): Promise<Feedback | undefined>;
}

// ── Semantic cache ────────────────────────────────────────────────────────────────────────────────────────────────────

export type Embedded =
  /** Of length 1. `inputTokens`: what a paid embedder counted. */
  | { kind: 'vector'; vector: Float32Array; inputTokens: number }
  /** Its vector would stand for a part of the text only: `too-long`, or with words that the model does not know. */
  | { kind: 'unreadable'; why: 'too-long' | 'unknown-words' | 'empty' };

/** Makes a text a vector, so that texts which mean alike lie close together. */
export interface Embedder {
  /** Name and version: vectors of different ones are never compared. */
  name: string;
  dimensions: number;
  /** Whose tokens are paid for by its price; absent = it costs nothing. */
  target?: Target;
  /** @throws {EmbedderUnavailable} also where the signal aborts first */
  embed(text: string, signal?: AbortSignal): Promise<Embedded>;
}

/** The embedder can't be reached, or did not answer in time. */
export class EmbedderUnavailable extends Error {
  override readonly name = 'EmbedderUnavailable';
  /** What it may bill all the same, estimated high; 0 where surely nothing. */
  readonly inputTokens: number;

  constructor(message: string, { inputTokens = 0, ...options }: ErrorOptions & { inputTokens?: number } = {}) {
    super(message, options);
    this.inputTokens = inputTokens;
  }
}

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

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}
