import type { AssistantPart, Stop } from '../../core/conversation.ts';

/** API reference, Candidate.FinishReason and PromptFeedback.BlockReason. What is not here is `other`. */
const REASONS: ReadonlyMap<string, Stop['reason']> = new Map<string, Stop['reason']>([
  ['STOP', 'end'],
  ['MAX_TOKENS', 'length'],
  ['SAFETY', 'content-filter'],
  ['RECITATION', 'content-filter'],
  ['BLOCKLIST', 'content-filter'],
  ['PROHIBITED_CONTENT', 'content-filter'],
  ['SPII', 'content-filter'],
  ['MODEL_ARMOR', 'content-filter'],
  ['JAILBREAK', 'content-filter'],
  ['IMAGE_SAFETY', 'content-filter'],
  ['IMAGE_PROHIBITED_CONTENT', 'content-filter'],
  ['IMAGE_RECITATION', 'content-filter'],
]);

/** What the model wrote was no call, or none that was asked for: the candidate is empty, or breaks off. */
const FAILURES: ReadonlySet<string> = new Set([
  'MALFORMED_FUNCTION_CALL',
  'MALFORMED_RESPONSE',
  'UNEXPECTED_TOOL_CALL',
  'TOO_MANY_TOOL_CALLS',
  'MISSING_THOUGHT_SIGNATURE',
]);

const WORDS: Record<Stop['reason'], string> = {
  end: 'STOP',
  length: 'MAX_TOKENS',
  'stop-sequence': 'STOP',
  'tool-calls': 'STOP',
  'content-filter': 'SAFETY',
  refusal: 'SAFETY',
  pause: 'OTHER',
  error: 'MALFORMED_RESPONSE',
  other: 'OTHER',
};

/**
 * @param raw the vendor's `finishReason`, '' where it gave none
 * @param kinds the kinds of the answer's parts: Gemini ends with `STOP` after function calls too
 * @param words what the vendor says of it
 */
export const decodeStop = (raw: string, kinds: ReadonlySet<AssistantPart['type']>, words?: string): Stop => {
  // Neither a part nor a reason: the API's reference says of that that the model has not finished.
  if (FAILURES.has(raw) || (raw === '' && kinds.size === 0)) {
    const what = raw === '' ? 'the answer has no candidate' : `the answer ended with finishReason ${raw}`;
    const message = `${what}${words === undefined || words === '' ? '' : `: ${words}`}`.slice(0, 2_000);
    return { reason: 'error', raw, error: { status: 502, type: 'malformed_output', message } };
  }
  const reason = REASONS.get(raw) ?? 'other';
  return { reason: reason === 'end' && kinds.has('tool-call') ? 'tool-calls' : reason, raw };
};

/** A prompt that was turned down: there is no candidate to have a reason. Whatever the word, a filter said it. */
export const decodeBlock = (raw: string): Stop => ({ reason: 'content-filter', raw });

/** The vendor's own word where it means the same, else Gemini's for the canonical reason. */
export const encodeStop = ({ reason, raw }: Stop): string => (REASONS.get(raw) === reason ? raw : WORDS[reason]);
