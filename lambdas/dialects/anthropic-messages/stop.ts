import type { JsonObject, Stop } from '../../core/conversation.ts';
import { asText } from './read-loosely.ts';

/** Anthropic's words (SDK type `StopReason`, and `compaction` of the betas). */
const REASONS: ReadonlyMap<string, Stop['reason']> = new Map<string, Stop['reason']>([
  ['end_turn', 'end'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['stop_sequence', 'stop-sequence'],
  ['tool_use', 'tool-calls'],
  ['pause_turn', 'pause'],
  ['refusal', 'refusal'],
]);

/** @param details `stop_details`: why, in words that are not the model's */
export const decodeStop = (
  raw: string | undefined,
  sequence: string | undefined,
  details?: JsonObject | undefined,
): Stop => {
  const reason = REASONS.get(raw ?? '') ?? 'other';
  const explanation = reason === 'refusal' ? asText(details?.explanation)?.trim() : undefined;
  return {
    reason,
    raw: raw ?? '',
    ...(sequence !== undefined && { sequence }),
    ...(explanation !== undefined && explanation !== '' && { explanation }),
  };
};

/** The vendor's own word where it is one of Anthropic's (Bedrock's Claude uses them too), else the nearest. */
export const encodeStopReason = ({ reason, raw }: Stop): string => {
  if (REASONS.get(raw) === reason) return raw;
  switch (reason) {
    case 'length':
      return 'max_tokens';
    case 'stop-sequence':
      return 'stop_sequence';
    case 'tool-calls':
      return 'tool_use';
    case 'pause':
      return 'pause_turn';
    case 'refusal':
    case 'content-filter':
      return 'refusal';
    case 'end':
    case 'error':
    case 'other':
      return 'end_turn';
    default:
      return reason satisfies never;
  }
};
