import { LONGEST_CALL_MS } from '../contract/timing.ts';
import { isForGood } from './admit/account-keys.ts';

const DAY_MS = 24 * 60 * 60_000;
/** Of a request's entry, and so of its receipt. */
export const ENTRY_LIFE_MS = 400 * DAY_MS;
/** Longer than any entry that names the account. */
export const ACCOUNT_LIFE_MS = 440 * DAY_MS;
/** A century. */
const FOR_GOOD_MS = 36_525 * DAY_MS;

/** When an account that is used now may go, and the sum of its entries with it. */
export const accountExpiresAt = (account: string, nowMs: number): number =>
  nowMs + (isForGood(account) ? FOR_GOOD_MS : ACCOUNT_LIFE_MS);
/** No request is under way for longer than this. */
export const CANCELLATION_LIFE_MS = 2 * LONGEST_CALL_MS;
/** Answers for idempotency keys. A client that retries does so within minutes; a job that is run again, within the day. */
export const ANSWER_LIFE_MS = DAY_MS;
/** A limit that has drained is as good as none. */
export const LIMIT_LIFE_MS = 60 * 60_000;
