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
