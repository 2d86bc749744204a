import type { Admission } from '../admit/admit.ts';
import { outputLimitFor } from '../admit/output-limit.ts';
import type { Asked } from '../decode/decode.ts';
import type { SurfaceName } from '../dialect.ts';
import type { LimitFigures } from '../ports.ts';
import type { Target } from '../target.ts';

export const idHeaders = (requestId: string): Record<string, string> => ({
  'x-request-id': requestId,
  'request-id': requestId,
});

/** Who answered, how hard it was, and how the caller stands. */
export const decisionHeaders = (
  asked: Asked,
  admission: Admission,
  answer: { target: Target; attempts: number; dropped: string[] },
  nowMs: number,
): Record<string, string> => {
  const { target, attempts, dropped } = answer;
  const limit = outputLimitFor(asked.conversation, asked.alias, target, admission.isBudgeted);
  // Only OpenAI's dialect can leave the limit out; elsewhere the model's own maximum was sent.
  const wasSet = limit.setBy === 'alias' || (limit.setBy === 'model' && target.dialect !== 'openai-chat');
  return {
    ...idHeaders(admission.requestId),
    'x-tollgate-model': target.id,
    'x-tollgate-attempts': String(attempts),
    'x-tollgate-budget': budgetHeader(admission),
    ...(wasSet && { 'x-tollgate-output-limit': String(limit.tokens) }),
    ...(dropped.length > 0 && { 'x-tollgate-dropped': dropped.map(headerSafe).join(', ') }),
    ...rateLimitHeaders(admission.limits, asked.surface.name, nowMs),
  };
};

export const budgetHeader = ({ receipt: { budget } }: Admission): string =>
  budget.scope === null ? budget.state : `${budget.state}; scope=${headerSafe(budget.scope)}`;

/** The tightest requests and tokens limit of all scopes, in the names that each surface's clients read. */
export const rateLimitHeaders = (
  figures: LimitFigures[],
  surface: SurfaceName,
  nowMs: number,
): Record<string, string> => {
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
  text.replaceAll(/[^\x20-\x7e]/g, (character) => encodeURIComponent(character.toWellFormed()));
