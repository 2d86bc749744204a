import type { AssistantPart, JsonObject, Stop } from '../../core/conversation.ts';
import { objectOf, textOf } from '../openai-chat/wire.ts';

const INCOMPLETE: Record<string, Stop['reason']> = {
  max_output_tokens: 'length',
  max_tokens: 'length',
  content_filter: 'content-filter',
};

/** A response says only whether it is complete; what it holds says how it ended. */
export const decodeStop = (response: JsonObject, kinds: ReadonlySet<AssistantPart['type']>): Stop => {
  if (response['status'] === 'incomplete') {
    const raw = textOf(objectOf(response['incomplete_details'])?.['reason']) ?? 'incomplete';
    return { reason: Object.hasOwn(INCOMPLETE, raw) ? (INCOMPLETE[raw] ?? 'other') : 'other', raw };
  }
  const raw = textOf(response['status']) ?? 'completed';
  if (kinds.has('tool-call')) return { reason: 'tool-calls', raw };
  return { reason: kinds.has('refusal') ? 'refusal' : 'end', raw };
};

/** Why an answer is incomplete; undefined where it is not. */
export const incompleteReason = (
  reason: Stop['reason'],
  hasRefusal: boolean,
): 'max_output_tokens' | 'content_filter' | undefined => {
  switch (reason) {
    case 'length':
      return 'max_output_tokens';
    case 'content-filter':
      return 'content_filter';
    case 'refusal':
      // The refusal itself says so, where there is one.
      return hasRefusal ? undefined : 'content_filter';
    case 'end':
    case 'tool-calls':
    case 'stop-sequence':
    case 'pause':
    case 'error':
    case 'other':
      return undefined;
    default:
      return reason satisfies never;
  }
};
