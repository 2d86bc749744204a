import type { LoggedMetrics } from '../../contract/metrics.ts';
import { formatUsd } from '../../contract/money.ts';
import type { Admission } from '../admit/admission.ts';
import type { Asked } from '../decode/decode.ts';
import { type Refusal, type RefusalCode, statusOf } from '../failures.ts';
import type { Ports } from '../ports.ts';
import type { Receipt } from '../receipt.ts';
import { inputOf } from '../settle/attempt-cost.ts';
import type { Settled } from '../settle/settle.ts';
import { genAiProvider } from './gen-ai-provider.ts';

type LogPorts = Pick<Ports, 'log' | 'clock'>;

/**
 * One line a request, in OpenTelemetry's GenAI names (docs/decisions/034). Ids and counts only: no prompt, no answer, no
 * key. The line carries what only this process knows for CloudWatch, `metrics`.
 */
export const logAnswer = (settled: Settled, admission: Admission, { log, clock }: LogPorts): void => {
  const { receipt, usage, cost, answeredBy } = settled;
  const { asked, requestId } = admission;
  log.info('request', {
    request_id: requestId,
    ...callerFields(asked),
    'gen_ai.provider.name': answeredBy && genAiProvider(answeredBy),
    'gen_ai.response.model': answeredBy?.model,
    'gen_ai.response.finish_reasons': receipt.stop && [receipt.stop.raw],
    'gen_ai.usage.input_tokens': inputOf(usage),
    'gen_ai.usage.cache_read.input_tokens': usage.cachedInputTokens,
    'gen_ai.usage.cache_creation.input_tokens': orNothing(usage.cacheWrite5mTokens + usage.cacheWrite1hTokens),
    'gen_ai.usage.output_tokens': usage.outputTokens,
    'gen_ai.usage.reasoning.output_tokens': orNothing(usage.reasoningTokens),
    target: receipt.answeredBy,
    outcome: receipt.outcome,
    stop: receipt.stop?.reason,
    flaw: receipt.flaw,
    cache: receipt.cache?.result,
    attempts: receipt.attempts.length,
    cost_usd: formatUsd(cost),
    metrics: { values: overheadOf(admission, receipt, clock.now()) } satisfies LoggedMetrics,
  });
};

/** How far the request had come: `settled` where it was called, `admission` where an entry was opened for it. */
export interface Come {
  asked?: Asked;
  admission?: Admission;
  settled?: Settled;
}

export const logRefusal = (
  refusal: Refusal,
  requestId: string,
  { asked, admission, settled }: Come,
  { log, clock }: LogPorts,
): void => {
  const metrics: LoggedMetrics | undefined =
    admission === undefined
      ? { values: isBreakdown(refusal.code) ? { Requests: 1, Errors: 1 } : { Refusals: 1 } }
      : // What has an entry is counted from the ledger, in the end.
        settled && { values: overheadOf(admission, settled.receipt, clock.now()) };
  log.info('refused', {
    request_id: requestId,
    ...(asked && callerFields(asked)),
    'error.type': refusal.code,
    'http.response.status_code': statusOf(refusal.code),
    scope: refusal.scope,
    param: refusal.param,
    attempts: refusal.attempts?.map(({ target, reason, status }) => ({ target, reason, status })),
    ...(settled && { outcome: settled.receipt.outcome, cost_usd: formatUsd(settled.cost) }),
    metrics,
  });
};

/** The same answer once more: nothing was called, nothing is billed. */
export const logReplay = (requestId: string, asked: Asked, { log }: Pick<Ports, 'log'>): void =>
  log.info('answered again', { request_id: requestId, ...callerFields(asked) });

const callerFields = ({ caller, labels, conversation, surface }: Asked) => ({
  key: caller.keyId,
  team: caller.team,
  user: labels.user,
  ...(labels.run && { run: labels.run.id }),
  'gen_ai.operation.name': surface.name.endsWith('embeddings') ? 'embeddings' : 'chat',
  'gen_ai.request.model': conversation.model,
  'gen_ai.request.max_tokens': conversation.maxOutputTokens,
  'gen_ai.output.type': conversation.format && (conversation.format.type === 'text' ? 'text' : 'json'),
  stream: conversation.stream,
});

/** No refusal of the client's request, but the gateway's own trouble. */
const isBreakdown = (code: RefusalCode): boolean => code === 'store_unavailable' || code === 'internal_error';

/** From arrival to now, less the calls: they come one after another, so their times add up. */
const overheadOf = ({ arrivedAt }: Admission, { attempts }: Receipt, nowMs: number): LoggedMetrics['values'] => {
  if (arrivedAt === undefined) return {};
  const calledMs = attempts.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return { GatewayOverheadMs: Math.max(0, nowMs - arrivedAt - calledMs) };
};

const orNothing = (count: number): number | undefined => (count === 0 ? undefined : count);
