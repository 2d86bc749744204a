/** What the background prober's function and the stack that deploys it must agree on. */

/** How often the schedule ticks while a circuit is open, milliseconds: the shortest that EventBridge has. */
export const PROBE_EVERY_MS = 60_000;
/** Environment variable that tells the function the name of the rule that it may switch on and off. */
export const PROBE_RULE_VARIABLE = 'TOLLGATE_PROBE_RULE';
/** What entries, receipts, accounts and logs name a probe by: key, team, user and model. No key that is made has a hyphen in its id. */
export const PROBER = 'circuit-probe';
