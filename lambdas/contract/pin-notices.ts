/** What the watcher of pins and the stack that deploys it must agree on. The source is the budgets' (escalation.ts). */

/** On the default event bus; the event's resource is the watcher's own ARN, so that gateways of one account keep apart. */
export const PIN_EVENT_TYPE = 'Tollgate Pin';

/** Days before a version's end at which people are told; 0 = on the day. */
export const NOTICE_DAYS = [90, 30, 7, 0] as const;
