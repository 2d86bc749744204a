import type { AccountRef } from '../ledger.ts';
import type { Scope } from './accounts.ts';
import type { Limits, LimitTake, RateLimit } from './limit-store.ts';

/** What a request may use, tokens, before anybody has counted. */
export interface TokenCharge {
  /** The high estimate of the input. */
  input: number;
  /** What it is charged for its answer in advance, all choices together. */
  expectedOutput: number;
  /** The most that its answer can have, all choices together. */
  mostOutput: number;
}

export const NO_TOKENS: TokenCharge = { input: 0, expectedOutput: 0, mostOutput: 0 };

/**
 * @param outputTokens the output limit of one choice
 * @param usualTokens the alias's default: a limit above it says little of what an answer will have (docs/decisions/003)
 */
export const tokenCharge = (
  input: number,
  outputTokens: number,
  { usualTokens, choices }: { usualTokens: number; choices: number },
): TokenCharge => ({
  input,
  expectedOutput: Math.min(outputTokens, usualTokens) * Math.max(1, choices),
  mostOutput: outputTokens * Math.max(1, choices),
});

/** Takes of the scopes that have a limit, each charged by its own rule. */
export const takesOf = (scopes: readonly Scope[], limits: Limits, charge: TokenCharge): LimitTake[] =>
  scopes.flatMap((scope) => {
    const limit = limitOf(scope, limits);
    return limit === undefined
      ? []
      : [{ scope: `${scope.kind}#${scope.id}`, limit, tokens: chargedTokens(limit, charge) }];
  });

/**
 * What one limit is charged at the door; it is put right when the answer has been counted. A limit with back-pressure holds
 * the whole output limit, since that can be lowered. Any other holds what an answer usually has, and never more than the limit
 * itself: a request whose input fits is never refused for good because of an answer that nobody has seen.
 */
export const chargedTokens = (
  { tokensPerMinute, backPressure }: RateLimit,
  { input, expectedOutput, mostOutput }: TokenCharge,
): number => {
  if (backPressure === 'clamp') return input + mostOutput;
  if (tokensPerMinute === undefined || input > tokensPerMinute) return input;
  return Math.min(input + expectedOutput, tokensPerMinute);
};

/** Whether a budget applies: a capped account, or a tokens limit with back-pressure. Then no request goes without an output limit. */
export const isBounded = (
  scopes: readonly Scope[],
  accounts: readonly Pick<AccountRef, 'cap'>[],
  limits: Limits,
): boolean =>
  accounts.some(({ cap }) => cap !== null) || scopes.some((scope) => limitOf(scope, limits)?.backPressure === 'clamp');

const limitOf = ({ kind, id }: Scope, limits: Limits): RateLimit | undefined => {
  switch (kind) {
    case 'org':
      return limits.org;
    case 'team':
      return limits.teams.get(id) ?? limits.perTeam;
    case 'user':
      return limits.users.get(id) ?? limits.perUser;
    case 'key':
      return limits.keys.get(id) ?? limits.perKey;
    case 'alias':
      return limits.aliases.get(id) ?? limits.perAlias;
    default:
      return undefined;
  }
};
