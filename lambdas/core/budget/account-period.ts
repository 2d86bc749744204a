import { lengthOf, periodEndsAt, periodOf } from '../admit/periods.ts';
import type { BudgetPeriod } from './budgets.ts';

const HOUR_MS = 3_600_000;
/** Back from a period's end by one and a half of its kind lies in the one before, whatever its length. */
const INTO_THE_LAST_MS: Record<Exclude<BudgetPeriod, 'lifetime'>, number> = {
  daily: 36 * HOUR_MS,
  weekly: 252 * HOUR_MS,
  monthly: 45 * 24 * HOUR_MS,
};

/** An account's key in its parts. */
export interface AccountName {
  /** `team#search` */
  scope: string;
  /** `search`, as the key spells it. */
  id: string;
  kind: string;
  /** `2026-11` */
  period: string;
  length: BudgetPeriod;
}

/** @throws {RangeError} for what is no account's key */
export const parseAccountKey = (key: string): AccountName => {
  const [kind = '', id = '', period = '', ...more] = key.split('#');
  const length = lengthOf(period);
  if (kind === '' || id === '' || length === undefined || more.length > 0)
    throw new RangeError(`expected an account such as team#search#2026-11, got ${JSON.stringify(key.slice(0, 200))}`);
  return { scope: `${kind}#${id}`, id, kind, period, length };
};

const ESCAPED = /%(?:u([0-9a-f]{4})|([0-9a-f]{2}))/g;

/** An id as it was before a key spelt it (`escapeId`); one that became a hash stays that. */
export const readableId = (id: string): string =>
  id.replace(ESCAPED, (_, wide: string | undefined, narrow = '') =>
    String.fromCharCode(Number.parseInt(wide ?? narrow, 16)),
  );

/** First instant and end of a period by its name; a lifetime has neither. */
export const periodSpan = (
  { period, length }: Pick<AccountName, 'period' | 'length'>,
  timeZone: string,
): { startsAt: number | null; endsAt: number | null } => {
  const endsAt = periodEndsAt(period, timeZone);
  if (length === 'lifetime' || endsAt === null) return { startsAt: null, endsAt: null };
  const before = periodOf(length, endsAt - INTO_THE_LAST_MS[length], timeZone);
  return { startsAt: periodEndsAt(before, timeZone), endsAt };
};
