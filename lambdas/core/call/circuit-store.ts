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
