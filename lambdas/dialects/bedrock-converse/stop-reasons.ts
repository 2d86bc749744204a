import type { JsonObject, JsonValue, Stop } from '../../core/conversation.ts';
import { objectOf, textOf } from './wire.ts';

/** API reference, StopReason; the last two are Anthropic's own words, which Bedrock may let through. */
const REASONS: Record<string, Stop['reason']> = {
  end_turn: 'end',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  stop_sequence: 'stop-sequence',
  tool_use: 'tool-calls',
  guardrail_intervened: 'content-filter',
  content_filtered: 'content-filter',
  malformed_model_output: 'error',
  malformed_tool_use: 'error',
  refusal: 'refusal',
  pause_turn: 'pause',
};

const WORDS: Record<Stop['reason'], string> = {
  end: 'end_turn',
  length: 'max_tokens',
  'stop-sequence': 'stop_sequence',
  'tool-calls': 'tool_use',
  'content-filter': 'content_filtered',
  refusal: 'refusal',
  pause: 'pause_turn',
  error: 'malformed_model_output',
  // What the vendor has no word for ended all the same.
  other: 'end_turn',
};

/** @param fields additionalModelResponseFields, where Claude tells the sequence that matched */
export const decodeStop = (raw: string, fields: JsonValue | undefined): Stop => {
  const own = objectOf(fields);
  const reason = (Object.hasOwn(REASONS, raw) ? REASONS[raw] : undefined) ?? 'other';
  const sequence = textOf(own?.stop_sequence) ?? textOf(objectOf(own?.delta)?.stop_sequence);
  return {
    reason,
    raw,
    ...(reason === 'error' && {
      error: { status: 424, type: 'malformed_output', message: `the answer ended with stopReason ${raw}` },
    }),
    ...(sequence !== undefined && { sequence }),
  };
};

/** The vendor's own word where it means the same, else Converse's word for the canonical reason. */
export const encodeStop = ({ reason, raw, sequence }: Stop): JsonObject => ({
  stopReason: Object.hasOwn(REASONS, raw) && REASONS[raw] === reason ? raw : WORDS[reason],
  ...(sequence !== undefined && { additionalModelResponseFields: { stop_sequence: sequence } }),
});
