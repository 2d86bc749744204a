import type { LoggedMetrics } from '../../contract/metrics.ts';
import type { Caller } from '../authenticate/authenticate.ts';
import { readBody } from '../decode/read-body.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { Found } from '../lookups/lookup.ts';
import { describeFeedback, findOwnEntry, noSuchRequest } from '../lookups/requests.ts';
import { modelOf } from '../observe/model-of.ts';
import type { Ports } from '../ports.ts';
import { ENTRY_LIFE_MS } from '../retention.ts';
import type { Feedback } from './feedback-store.ts';
import { readFeedback } from './read-feedback.ts';

/**
 * `POST /v1/feedback`: what the caller thought of one of its answers, once, as long as the answer's entry is kept. The same
 * feedback again is taken as the repeat of a request whose answer was lost. A request of another key does not exist.
 */
export const giveFeedback =
  (request: Request) =>
  async (caller: Caller, ports: Ports): Promise<Found> => {
    const { ledger, feedback: store, clock } = ports;
    const body = await readBody(request);
    if (!body.ok) return body;
    const read = readFeedback(body.body);
    if (!read.ok) return read;
    const { requestId, score, label } = read.feedback;
    const entry = await findOwnEntry(requestId, caller, ledger);
    if (entry === undefined) return denied(noSuchRequest());
    if (entry.state === 'open')
      return denied(
        refuse('invalid_request', 'This request is still under way: give feedback once it has ended.', {
          param: 'request_id',
        }),
      );
    const { answeredBy } = entry.receipt;
    if (answeredBy === undefined)
      return denied(
        refuse('invalid_request', 'Nothing answered this request, so there is nothing to give feedback on.', {
          param: 'request_id',
          shouldRetry: false,
        }),
      );

    const given: Feedback = { requestId, score, label, at: clock.now() };
    const kept = await store.give(given, entry.openedAt + ENTRY_LIFE_MS);
    if (kept.score !== score || kept.label !== label)
      return denied(
        refuse(
          'feedback_given',
          `This request has its feedback already: ${describe(kept)}. It is taken once a request.`,
          {
            param: 'request_id',
            shouldRetry: false,
          },
        ),
      );
    // A repeat of what is kept is no news.
    if (kept.at === given.at) logFeedback(kept, { team: entry.team, alias: entry.alias, answeredBy }, ports);
    return { ok: true, body: { object: 'feedback', request_id: requestId, ...describeFeedback(kept) } };
  };

/** After the store has it: a process that dies in between loses a point of a picture, no feedback. */
const logFeedback = (
  { requestId, score, label }: Feedback,
  { team, alias, answeredBy }: { team: string; alias: string; answeredBy: string },
  { log }: Pick<Ports, 'log'>,
): void =>
  log.info('feedback', {
    request_id: requestId,
    team,
    'gen_ai.request.model': alias,
    target: answeredBy,
    'gen_ai.evaluation.name': 'feedback',
    'gen_ai.evaluation.score.value': score,
    'gen_ai.evaluation.score.label': label ?? undefined,
    metrics: {
      dimensions: { ...modelOf(answeredBy) },
      values: { QualityScore: score, FeedbackScore: score },
    } satisfies LoggedMetrics,
  });

const describe = ({ score, label }: Feedback): string => (label === null ? `${score}` : `${score}, "${label}"`);

const denied = (refusal: Refusal): Found => ({ ok: false, refusal });
