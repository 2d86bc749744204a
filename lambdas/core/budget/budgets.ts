import type { NanoUsd } from '../../contract/money.ts';

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
