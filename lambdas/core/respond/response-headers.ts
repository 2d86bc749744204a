import type { Admission } from '../admit/admission.ts';
import type { LimitFigures } from '../admit/limit-store.ts';
import { outputLimitOf } from '../admit/output-limit.ts';
import { type AnySurfaceName, isOpenaiDialect } from '../dialect.ts';
import { sunsetHeaders } from '../pins/end-of-life.ts';
import type { Receipt } from '../receipt.ts';
import type { Target } from '../target.ts';

export const idHeaders = (requestId: string): Record<string, string> => ({
  'x-request-id': requestId,
  'request-id': requestId,
});

/** Who answered, how hard it was, and how the caller stands. */
export const decisionHeaders = (
  admission: Admission,
  { target, attempts, dropped }: { target: Target; attempts: readonly unknown[]; dropped: string[] },
  nowMs: number,
): Record<string, string> => {
  const { asked, requestId, receipt, limits } = admission;
  return {
    ...idHeaders(requestId),
    'x-tollgate-model': headerSafe(target.id),
    'x-tollgate-attempts': String(attempts.length),
    ...cacheHeader(receipt),
    ...outputLimitHeader(admission, target),
    ...(dropped.length > 0 && { 'x-tollgate-dropped': dropped.map(headerSafe).join(', ') }),
    ...sunsetHeaders(target, nowMs),
    ...standingHeaders({ budget: receipt.budget, limits }, asked.surface.name, nowMs),
  };
};

/** Where the answer begins before anybody knows who gives it: the receipt says that. */
export const undecidedHeaders = (
  { asked, requestId, receipt, limits }: Admission,
  nowMs: number,
): Record<string, string> => ({
  ...idHeaders(requestId),
  ...(mayStillHit(asked, receipt) ? {} : cacheHeader(receipt)),
  ...standingHeaders({ budget: receipt.budget, limits }, asked.surface.name, nowMs),
});

/** While it looks for a kept answer, or waits for the call of another that asks the same. A stand-in's alias is not the one whose answers are kept. */
const mayStillHit = ({ alias, conversation }: Admission['asked'], { cache }: Receipt): boolean =>
  cache === undefined && (alias.cache !== undefined || alias.name !== conversation.model);

/** Whether a kept answer was given. */
const cacheHeader = ({ cache: { result, score } = { result: 'off' } }: Receipt): Record<string, string> => ({
  'x-tollgate-cache': score === undefined ? result : `${result}; score=${score}`,
});

/** The limit that was sent to the target, where the client did not set it: a default, or one that back-pressure lowered. */
const outputLimitHeader = (admission: Admission, target: Target): Record<string, string> => {
  const { tokens, setBy, loweredFrom } = outputLimitOf(admission, target);
  if (setBy === 'clamp')
    return { 'x-tollgate-output-limit': `${tokens}; set-by=budget; lowered-from=${loweredFrom ?? tokens}` };
  // Only OpenAI's dialect can leave the limit out; elsewhere the model's own maximum was sent.
  const wasSet = setBy === 'alias' || (setBy === 'model' && !isOpenaiDialect(target.dialect));
  return wasSet ? { 'x-tollgate-output-limit': String(tokens) } : {};
};

/** How the caller stands: its budget, where it was asked for, and its rate limits. */
export const standingHeaders = (
  { budget, limits }: { budget: Receipt['budget'] | undefined; limits: LimitFigures[] },
  surface: AnySurfaceName,
  nowMs: number,
): Record<string, string> => ({
  ...(budget && { 'x-tollgate-budget': budgetHeader(budget) }),
  ...rateLimitHeaders(limits, surface, nowMs),
});

const budgetHeader = ({ state, scope, usedPerMille }: Receipt['budget']): string => {
  const parameters = [
    ...(scope === null ? [] : [`scope=${headerSafe(scope).replaceAll(';', '%3B')}`]),
    ...(usedPerMille === undefined ? [] : [`used=${usedPerMille / 1000}`]),
  ];
  return [state, ...parameters].join('; ');
};

/** The tightest requests and tokens limit of all scopes, in the names that each surface's clients read. */
const rateLimitHeaders = (figures: LimitFigures[], surface: AnySurfaceName, nowMs: number): Record<string, string> => {
  const headers: Record<string, string> = {};
  for (const what of ['requests', 'tokens'] as const) {
    const tightest = figures
      .filter((figure) => figure.what === what)
      .reduce<LimitFigures | undefined>(
        (least, figure) =>
          least === undefined || figure.remaining / figure.limit < least.remaining / least.limit ? figure : least,
        undefined,
      );
    if (tightest === undefined) continue;
    headers[`x-ratelimit-limit-${what}`] = String(tightest.limit);
    headers[`x-ratelimit-remaining-${what}`] = String(tightest.remaining);
    headers[`x-ratelimit-reset-${what}`] = `${tightest.resetMs / 1000}s`;
    if (surface !== 'anthropic-messages') continue;
    headers[`anthropic-ratelimit-${what}-limit`] = String(tightest.limit);
    headers[`anthropic-ratelimit-${what}-remaining`] = String(tightest.remaining);
    headers[`anthropic-ratelimit-${what}-reset`] = new Date(nowMs + tightest.resetMs).toISOString();
  }
  return headers;
};

/** Header values are visible ASCII: a user's or a tag's name may hold anything. */
const headerSafe = (text: string): string =>
  text.replaceAll(/[^\x20-\x7e]/gu, (character) => encodeURIComponent(character.toWellFormed()));
