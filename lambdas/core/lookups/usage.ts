import { formatUsd } from '../../contract/money.ts';
import { capInForce } from '../admit/account-rooms.ts';
import { accountsOf, scopesOf } from '../admit/accounts.ts';
import type { LimitFigures } from '../admit/limit-store.ts';
import { NO_TOKENS, takesOf } from '../admit/limit-takes.ts';
import { lengthOf } from '../admit/periods.ts';
import type { Caller } from '../authenticate/authenticate.ts';
import { stateAt, thresholdsOf } from '../budget/budget-state.ts';
import { usableAliases } from '../decode/decode.ts';
import { readScopeLabels } from '../decode/request-headers.ts';
import type { AccountFigures, AccountRef } from '../ledger.ts';
import type { Ports } from '../ports.ts';
import type { Found } from './lookup.ts';
import { findRuns } from './run-usage.ts';

/**
 * `GET /v1/usage`: the key's own month, and the standing of every scope that a request with the same
 * `x-tollgate-user`, `x-tollgate-tags` and `x-tollgate-run` would belong to, for each of the models that it may use. Amounts of the scopes above the key
 * are shown only to keys with the right `read-usage`. Dollars are JSON numbers, for reading; receipts carry exact amounts.
 */
export const showUsage = async (
  caller: Caller,
  ports: Ports,
  _isAnthropic: boolean,
  headers: Headers,
): Promise<Found> => {
  const now = ports.clock.now();
  const found = await findRuns(headers, caller, ports);
  if (!found.ok) return found;
  const labels = readScopeLabels(headers, undefined, caller);
  if (!labels.ok) return labels;
  const scopes = scopesOf(caller, {
    user: labels.user,
    tags: labels.tags,
    aliases: usableAliases(caller, ports.gateway).map(({ name }) => name),
    runs: found.runs.map(({ id }) => id),
  });
  const accounts = accountsOf(scopes, ports.gateway.budgets, now);
  const [figures, limits] = await Promise.all([
    ports.ledger.figures(accounts.map(({ key }) => key)),
    ports.limits.read(takesOf(scopes, ports.gateway.limits, NO_TOKENS), now),
  ]);
  const byKey = new Map(figures.map((figure) => [figure.key, figure]));
  const month = accounts.find(({ scope, period }) => scope === 'key' && lengthOf(period) === 'monthly');
  return {
    ok: true,
    body: {
      totals: totalsOf(month && byKey.get(month.key)),
      scopes: scopes.flatMap(({ kind, id }) => {
        // A run is known to those who are part of it, and they must know how far it may go.
        const mayRead = kind === 'key' || kind === 'run' || caller.rights.has('read-usage');
        const run = kind === 'run' ? found.runs.find((one) => one.id === id) : undefined;
        const own = run?.limits ?? limits.filter(({ scope }) => scope === `${kind}#${id}`).map(describeLimit);
        const standings = accounts
          .filter((account) => account.scope === kind && account.id === id)
          .map((account) => describeAccount(account, byKey.get(account.key), mayRead, ports.gateway.policyVersion));
        const rows =
          standings.length > 0 || own.length === 0
            ? standings
            : [{ period: null, cap_usd: null, spent_usd: null, held_usd: null, state: 'ok' }];
        return rows.map((row) => ({ scope: kind, id, ...row, ...(run?.isOver && { state: 'reject' }), limits: own }));
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
  const { period } = account;
  const cap = capInForce(account, figures, policyVersion);
  const committed = figures?.committed ?? 0n;
  return {
    period,
    cap_usd: mayRead && cap !== null ? dollars(cap) : null,
    spent_usd: mayRead ? dollars(figures?.spent ?? 0n) : null,
    held_usd: mayRead ? dollars(figures?.held ?? 0n) : null,
    state: cap === null ? 'ok' : stateAt(committed, cap, thresholdsOf(account)),
  };
};

const describeLimit = ({ what, limit, remaining, resetMs }: LimitFigures) => ({
  what,
  limit,
  remaining,
  reset_seconds: resetMs / 1000,
});

const dollars = (amount: bigint): number => Number(formatUsd(amount));
