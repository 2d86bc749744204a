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
