import type { AssistantPart, Stop } from '../../core/conversation.ts';

const REASONS: Record<string, Stop['reason']> = {
  stop: 'end',
  length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
  // Mistral: the context is full.
  model_length: 'length',
  // TGI and others
  eos: 'end',
  eos_token: 'end',
  stop_sequence: 'stop-sequence',
};

/**
 * @param raw the vendor's `finish_reason`, '' where it gave none
 * @param kinds the kinds of the answer's parts. A named tool choice ends with `stop` at OpenAI itself, and Gemini's stream
 *   says `stop` after any tool call; a refusal ends with `stop` too. Clients act on the reason, so the parts decide.
 */
export const decodeStop = (raw: string, kinds: ReadonlySet<AssistantPart['type']>): Stop => {
  const reason = Object.hasOwn(REASONS, raw) ? (REASONS[raw] ?? 'other') : 'other';
  if (reason !== 'end') return { reason, raw };
  if (kinds.has('tool-call')) return { reason: 'tool-calls', raw };
  return { reason: kinds.has('refusal') ? 'refusal' : reason, raw };
};

/** @param hasRefusal whether the answer has a refusal part, which says what `stop` alone would not */
export const encodeStop = (reason: Stop['reason'], hasRefusal: boolean): string => {
  switch (reason) {
    case 'length':
      return 'length';
    case 'tool-calls':
      return 'tool_calls';
    case 'content-filter':
      return 'content_filter';
    case 'refusal':
      return hasRefusal ? 'stop' : 'content_filter';
    case 'end':
    case 'stop-sequence':
    case 'pause':
    case 'other':
      return 'stop';
    default:
      return reason satisfies never;
  }
};
