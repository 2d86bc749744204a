import { type Thresholds, thresholdsOf } from '../../core/budget/budget-state.ts';
import type { AccountRef } from '../../core/ledger.ts';
import { type Item, textOf } from './attributes.ts';

const STAMP = /^(\d{1,4}) (\d{1,4}|-) (\S+)$/;

/**
 * The thresholds of an account as a hold stamps them on it: `800 900 UTC`. So the projector can tell a crossing from the
 * account alone, whatever its scope: no function behind the ledger needs the configuration.
 */
export const stampThresholds = (account: AccountRef): string => {
  const { warnPerMille, downgradePerMille } = thresholdsOf(account);
  return `${warnPerMille} ${downgradePerMille ?? '-'} ${account.timeZone ?? 'UTC'}`;
};

export const readThresholds = (item: Item): (Thresholds & { timeZone: string }) | undefined => {
  const [, warn, downgrade, timeZone] = STAMP.exec(textOf(item, 'thresholds') ?? '') ?? [];
  if (warn === undefined || timeZone === undefined) return undefined;
  return {
    warnPerMille: Number(warn),
    ...(downgrade !== '-' && { downgradePerMille: Number(downgrade) }),
    timeZone,
  };
};
