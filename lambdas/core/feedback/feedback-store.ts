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
