import { formatUsd } from '../../contract/money.ts';
import { accountsOf, scopesOf, takesOf } from '../admit/accounts.ts';
import { isNearCap } from '../admit/admit-refusals.ts';
import type { Caller } from '../authenticate/authenticate.ts';
import type { AccountFigures, AccountRef, LimitFigures, Ports } from '../ports.ts';
import type { Found } from './lookup.ts';

/**
 * `GET /v1/usage`: the key's own month, and the standing of every scope it belongs to. Amounts of the scopes above the key
 * are shown only to keys with the right `read-usage`. Dollars are JSON numbers, for reading; receipts carry exact amounts.
 */
export const showUsage = async (caller: Caller, ports: Ports): Promise<Found> => {
  const now = ports.clock.now();
  const scopes = scopesOf(caller, caller.user);
  const accounts = accountsOf(scopes, ports.gateway.budgets, now);
  const [figures, limits] = await Promise.all([
    ports.ledger.figures(accounts.map(({ key }) => key)),
    ports.limits.read(takesOf(scopes, ports.gateway.limits, 0), now),
  ]);
  const byKey = new Map(figures.map((figure) => [figure.key, figure]));
  const month = accounts.find(({ scope, period }) => scope === 'key' && /^\d{4}-\d{2}$/.test(period));
  return {
    ok: true,
    body: {
      totals: totalsOf(month && byKey.get(month.key)),
      scopes: scopes.flatMap(({ kind, id }) => {
        const mayRead = kind === 'key' || caller.rights.has('read-usage');
        const own = limits.filter(({ scope }) => scope === `${kind}#${id}`).map(describeLimit);
        const standings = accounts
          .filter((account) => account.scope === kind)
          .map((account) => describeAccount(account, byKey.get(account.key), mayRead, ports.gateway.policyVersion));
        const rows =
          standings.length > 0 || own.length === 0
            ? standings
            : [{ period: null, cap_usd: null, spent_usd: null, held_usd: null, state: 'ok' }];
        return rows.map((row) => ({ scope: kind, id, ...row, limits: own }));
      }),
    },
  };
};

const totalsOf = (figures: AccountFigures | undefined) => ({
  requests: figures?.requests ?? 0,
  input_tokens: figures?.inputTokens ?? 0,
  output_tokens: figures?.outputTokens ?? 0,
  spent_usd: dollars(figures?.spent ?? 0n),
  held_usd: dollars(figures?.held ?? 0n),
});

const describeAccount = (
  account: AccountRef,
  figures: AccountFigures | undefined,
  mayRead: boolean,
  policyVersion: number,
) => {
  const { period, warnAt } = account;
  // A newer policy than this process's has stamped the account: that one is enforced.
  const cap = figures !== undefined && figures.capVersion > policyVersion ? figures.cap : account.cap;
  const committed = figures?.committed ?? 0n;
  return {
    period,
    cap_usd: mayRead && cap !== null ? dollars(cap) : null,
    spent_usd: mayRead ? dollars(figures?.spent ?? 0n) : null,
    held_usd: mayRead ? dollars(figures?.held ?? 0n) : null,
    state: cap === null ? 'ok' : committed >= cap ? 'reject' : isNearCap(committed, cap, warnAt) ? 'warn' : 'ok',
  };
};

const describeLimit = ({ what, limit, remaining, resetMs }: LimitFigures) => ({
  what,
  limit,
  remaining,
  reset_seconds: resetMs / 1000,
});

const dollars = (amount: bigint): number => Number(formatUsd(amount));
