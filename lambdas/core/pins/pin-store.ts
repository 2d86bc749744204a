import type { HeardLifecycle } from './heard-lifecycle.ts';

/** What the calendar says of a version; null = nothing. Dates are `YYYY-MM-DD`. */
export interface CalendarEntry {
  deprecatedOn: string | null;
  retiresOn: string | null;
  successor: string | null;
}

/** The calendar says otherwise than it did. */
export interface CalendarChange {
  /** When it was seen, milliseconds since 1970. */
  at: number;
  from: CalendarEntry;
  to: CalendarEntry;
}

/** Something that people are told once. */
export interface NoticeMark {
  key: string;
  /** Whoever tells it has until then; afterwards somebody else may. */
  leaseUntil: number;
  /** null = it is being told, or whoever told it has died over it. */
  toldAt: number | null;
}

/** What is remembered of a pin. */
export interface PinRecord {
  /** `provider/model`. */
  pin: string;
  /** 1 when it is first written, then one more each time. */
  version: number;
  /** As it was last seen. */
  calendar: CalendarEntry;
  /** Newest first; the oldest are forgotten. */
  changes: CalendarChange[];
  notices: NoticeMark[];
  /** What its provider's own API said when it was last heard; absent where none is asked, or none has said anything yet. */
  heard?: HeardLifecycle;
}

/** What a canary and the target whose place it takes have of an alias's conversations, set by hand. It is about these two versions and no others. */
export interface PinOverride {
  alias: string;
  /** `provider/model` of both. */
  target: string;
  canary: string;
  /** Of the conversations, 0 to 1; wins over the configuration's. */
  share: number;
  by: string;
  /** Milliseconds since 1970. */
  at: number;
  /** null = until it is released. */
  until: number | null;
}

/** `share` null: the override was released. */
export type PinOverrideChange = Omit<PinOverride, 'share'> & { share: number | null };

export interface PinOverrides {
  /** 0 before anything is written, then one more each time. */
  version: number;
  /** At most one for each alias and target. */
  set: PinOverride[];
  /** Newest first; the oldest are forgotten. */
  history: PinOverrideChange[];
}

export const NO_OVERRIDES: PinOverrides = { version: 0, set: [], history: [] };

export interface PinStore {
  readOverrides(): Promise<PinOverrides>;
  /** @returns false when somebody else has written since the version before this one */
  writeOverrides(next: PinOverrides): Promise<boolean>;
  /** In the order asked for; undefined where nothing is remembered. */
  read(pins: readonly string[]): Promise<(PinRecord | undefined)[]>;
  /** @returns false when somebody else has written since the version before this one */
  write(next: PinRecord): Promise<boolean>;
  list(): Promise<PinRecord[]>;
}
