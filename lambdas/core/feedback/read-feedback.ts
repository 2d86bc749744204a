import type { JsonValue } from '../conversation.ts';
import { isJsonObject } from '../decode/read-body.ts';
import { type Refusal, refuse } from '../failures.ts';

/** What a client sent to `POST /v1/feedback`. */
export interface SentFeedback {
  requestId: string;
  /** 0 to 1, to four decimals. */
  score: number;
  label: string | null;
}

export type ReadFeedback = { ok: true; feedback: SentFeedback } | { ok: false; refusal: Refusal };

const FIELDS = new Set(['request_id', 'score', 'label']);
const MOST_LABEL = 64;
/** A word to count by, no comment: what people write may hold what nobody wants in a log. */
const LABEL = new RegExp(`^[\\p{L}\\p{N}][\\p{L}\\p{N}._:-]{0,${MOST_LABEL - 1}}$`, 'u');
const DECIMALS = 10_000;

/** `{request_id, score, label?}`, and nothing else: a misspelt label would be lost for good. */
export const readFeedback = (body: JsonValue): ReadFeedback => {
  if (!isJsonObject(body)) return denied('The body must be a JSON object.');
  const unknown = Object.keys(body).find((name) => !FIELDS.has(name));
  if (unknown !== undefined)
    return denied(
      `${unknown.slice(0, 50)}: unknown field; expected request_id, score and label.`,
      unknown.slice(0, 50),
    );
  const { request_id: requestId, score, label = null } = body;
  if (typeof requestId !== 'string')
    return denied('request_id: expected the x-request-id of an answer, a string.', 'request_id');
  if (typeof score !== 'number' || !(score >= 0 && score <= 1))
    return denied(`score: expected a number from 0 (useless) to 1 (perfect), got ${said(score)}.`, 'score');
  if (label !== null && (typeof label !== 'string' || !LABEL.test(label)))
    return denied(
      `label: expected 1 to ${MOST_LABEL} letters, digits and . _ : - that begin with a letter or digit, got ${said(label)}.`,
      'label',
    );
  return { ok: true, feedback: { requestId, score: Math.round(score * DECIMALS) / DECIMALS, label } };
};

/** Never the text itself. */
const said = (value: JsonValue | undefined): string => {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? `a string of ${value.length} characters` : typeof value;
};

const denied = (message: string, param?: string): ReadFeedback => ({
  ok: false,
  refusal: refuse('invalid_request', message, { shouldRetry: false, ...(param !== undefined && { param }) }),
});
