/**
 * The DynamoDB tables: what `lib` creates and `lambdas` reads and writes (docs/ledger). A deployed table can't be renamed
 * or given other keys without losing what it holds, so nothing here changes once released.
 */

/** Keys are strings everywhere. */
export interface TableShape {
  /** Environment variable that tells a function the table's deployed name. */
  nameVariable: string;
  partitionKey: string;
  sortKey?: string;
  /** Attribute with the second of 1970 after which the item may go. DynamoDB deletes late: readers check it themselves. */
  timeToLive?: string;
  /** What the stream carries; absent = no stream. */
  stream?: 'NEW_IMAGE' | 'NEW_AND_OLD_IMAGES';
}

export type TableName = 'access' | 'limits' | 'targets' | 'ledger' | 'accounts' | 'responses';

export const TABLES = {
  /** `key#<id>`: the keys; `pin#<provider>/<model>`: what is remembered of pins; `pin-overrides`: shares of canaries set by hand. Written by the CLI and the watcher of pins. */
  access: { nameVariable: 'TOLLGATE_ACCESS_TABLE', partitionKey: 'pk' },
  /** `limit#<scope>`: arrival times and counts in flight; `cancel#<request>`: requests asked to stop; `run#<team>/<run>`: agent runs. */
  limits: { nameVariable: 'TOLLGATE_LIMITS_TABLE', partitionKey: 'pk', timeToLive: 'expires' },
  /** `target#<target>`: circuits; `statistics#<target>`: how they have been doing. The stream wakes the prober. */
  targets: { nameVariable: 'TOLLGATE_TARGETS_TABLE', partitionKey: 'pk', stream: 'NEW_IMAGE' },
  /**
   * `entries#<epoch>#<lane>`, `<request>`: entries and corrections. The stream carries both images, so that the projector
   * counts a transition (open → settled) and not a later edit of an entry that is settled already.
   */
  ledger: {
    nameVariable: 'TOLLGATE_LEDGER_TABLE',
    partitionKey: 'pk',
    sortKey: 'sk',
    timeToLive: 'expires',
    stream: 'NEW_AND_OLD_IMAGES',
  },
  /** `<scope>#<id>#<period>`: accounts; `!closer`, `!policy`, `!active#<day>`: the closer's progress, the policy counter, epochs that have entries. */
  accounts: { nameVariable: 'TOLLGATE_ACCOUNTS_TABLE', partitionKey: 'pk', timeToLive: 'expires' },
  /** `idempotency#<key>#<digest>`: answers kept for idempotency keys; `feedback#<request>`: what somebody thought of an answer; `cache#<tenant>#<key>`: answers of the caches, `cache-purges`: marks of their purges; `wrong-hits`, `wrong-hits#<alias and embedder>`: what audits found. */
  responses: { nameVariable: 'TOLLGATE_RESPONSES_TABLE', partitionKey: 'pk', timeToLive: 'expires' },
} as const satisfies Record<TableName, TableShape>;

/** Deployed names of the tables. */
export type TableNames = Record<TableName, string>;

/** Items of the responses table that hold feedback: then the request's id. */
export const FEEDBACK_PREFIX = 'feedback#';

/** Items of the access table that hold what is remembered of a pin: then `provider/model`. */
export const PIN_PREFIX = 'pin#';

/** The item of the access table that holds the shares of canaries set by hand. */
export const PIN_OVERRIDES_KEY = 'pin-overrides';

/**
 * What the projector's event source must let through (it may let through more, the projector checks): a new entry or a
 * change of one whose state is one of these. The values are those of the entry's attribute `state`.
 */
export const PROJECTED_EVENTS = ['INSERT', 'MODIFY'] as const;
export const PROJECTED_STATES = ['settled', 'lost'] as const;
/** Attribute of an entry that the event source's filter looks at. */
export const ENTRY_STATE = 'state';
/**
 * The event source's tumbling window, seconds. Nothing is summed by window; but only with one does Lambda tell the function
 * which shard a batch is from, and the projector's marks are kept by shard. ParallelizationFactor must be 1: a mark means
 * "all before it are done".
 */
export const PROJECTOR_WINDOW_SECONDS = 900;

/** Attribute of a target's item, and its value there, that the prober's event source lets through: its circuit is open. */
export const CIRCUIT_STATE = 'state';
export const CIRCUIT_OPEN = 'open';
