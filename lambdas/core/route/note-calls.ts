import type { Admission } from '../admit/admission.ts';
import { reachOf } from '../admit/reach.ts';
import type { AttemptRecord, CallRequest } from '../call/call.ts';
import type { Usage } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import type { Ports } from '../ports.ts';
import { inputOf } from '../settle/attempt-cost.ts';
import { middleOf } from './expected-tokens.ts';
import { sampleCall } from './sample-call.ts';

/** How long vendors keep a prompt in their cache after it was read last, unless more was asked for. */
const CACHE_LIFE_MS = 5 * 60_000;
const LONG_CACHE_LIFE_MS = 60 * 60_000;
/** OpenAI's models cache every prompt from that many tokens on; others where the request marks what is to be kept. */
const CACHED_UNASKED_FROM = 1_024;

/**
 * The call with this process's own memory beside it: how each attempt went, for its target's statistics, and where the
 * conversation has its home now.
 */
export const noteCalls = (
  request: CallRequest,
  { plan, asked }: Pick<Admission, 'plan' | 'asked'>,
  { statistics, homes, clock }: Pick<Ports, 'statistics' | 'homes' | 'clock'>,
): CallRequest => ({
  ...request,
  attemptEnded: (record, wasSent) => {
    request.attemptEnded?.(record, wasSent);
    if (!wasSent) return;
    const { target, failure, usage } = record;
    const sample = sampleCall({ ...record, ...outputOf(record), failure: failure?.reason });
    if (sample !== undefined) statistics.note(target.id, sample);
    if (plan.conversation === undefined || failure !== undefined || usage === undefined) return;
    const cachedTokens = isCached(record, usage, asked) ? middleOf(plan.estimateOf(target)) : 0;
    const isLong = reachOf(target, asked.conversation).cacheWrites.has('1h');
    const warmUntil = clock.now() + (isLong ? LONG_CACHE_LIFE_MS : CACHE_LIFE_MS);
    homes.note(plan.conversation, { target: target.id, cachedTokens, warmUntil });
  },
});

/** Whether the request is in the target's prompt cache now: as a whole, where the vendor has cached any of it. */
const isCached = ({ target }: AttemptRecord, usage: Usage, { conversation }: Pick<Asked, 'conversation'>): boolean => {
  if (usage.cachedInputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens > 0) return true;
  const isUnasked = target.dialect === 'openai-chat' || target.dialect === 'openai-responses';
  if (isUnasked) return inputOf(usage) >= CACHED_UNASKED_FROM;
  return reachOf(target, conversation).cacheWrites.size > 0;
};

/** The vendor's count, else what was seen. */
const outputOf = ({ usage, seenOutputTokens }: AttemptRecord): { outputTokens: number } => ({
  outputTokens: usage?.outputTokens ?? seenOutputTokens,
});
