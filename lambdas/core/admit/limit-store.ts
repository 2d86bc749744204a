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
