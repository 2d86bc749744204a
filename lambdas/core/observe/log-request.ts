import { formatUsd } from '../../contract/money.ts';
import type { Admission } from '../admit/admission.ts';
import type { Asked } from '../decode/decode.ts';
import { type Refusal, statusOf } from '../failures.ts';
import type { Ports } from '../ports.ts';
import { inputOf } from '../settle/attempt-cost.ts';
import type { Settled } from '../settle/settle.ts';

/** One line a request, in OpenTelemetry's GenAI names. Ids and counts only: no prompt, no answer, no key. */
export const logAnswer = (settled: Settled, { asked, requestId }: Admission, { log }: Pick<Ports, 'log'>): void => {
  const { receipt, usage, cost } = settled;
  log.info('request', {
    request_id: requestId,
    ...callerFields(asked),
    'gen_ai.response.model': receipt.answeredBy,
    'gen_ai.usage.input_tokens': inputOf(usage),
    'gen_ai.usage.cache_read.input_tokens': usage.cachedInputTokens,
    'gen_ai.usage.output_tokens': usage.outputTokens,
    outcome: receipt.outcome,
    stop: receipt.stop?.reason,
    attempts: receipt.attempts.length,
    cost_usd: formatUsd(cost),
  });
};

export const logRefusal = (
  refusal: Refusal,
  requestId: string,
  { asked, settled }: { asked?: Asked; settled?: Settled },
  { log }: Pick<Ports, 'log'>,
): void =>
  log.info('refused', {
    request_id: requestId,
    ...(asked && callerFields(asked)),
    'error.type': refusal.code,
    'http.response.status_code': statusOf(refusal.code),
    scope: refusal.scope,
    param: refusal.param,
    attempts: refusal.attempts?.map(({ target, reason, status }) => ({ target, reason, status })),
    ...(settled && { outcome: settled.receipt.outcome, cost_usd: formatUsd(settled.cost) }),
  });

/** The same answer once more: nothing was called, nothing is billed. */
export const logReplay = (requestId: string, asked: Asked, { log }: Pick<Ports, 'log'>): void =>
  log.info('answered again', { request_id: requestId, ...callerFields(asked) });

const callerFields = ({ caller, labels, conversation }: Asked) => ({
  key: caller.keyId,
  team: caller.team,
  user: labels.user,
  ...(labels.run && { run: labels.run.id }),
  'gen_ai.request.model': conversation.model,
  stream: conversation.stream,
});
