import type { AssistantPart, JsonObject, ProviderError, Stop } from '../../core/conversation.ts';
import { decodeErrorValue } from './decode-error.ts';
import { objectOf, textOf } from './wire.ts';

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
  // Zhipu
  sensitive: 'content-filter',
  model_context_window_exceeded: 'length',
};

/** Words of an answer that failed, and the status that each stands for. */
const FAILURES: Record<string, number> = {
  // OpenRouter, Mistral, vLLM
  error: 502,
  // DeepSeek
  insufficient_system_resource: 503,
  // vLLM, SGLang: given up by the server
  abort: 500,
  // Zhipu: the model's own servers broke off
  network_error: 502,
};

/** Google's endpoint (`function_call_filter: MALFORMED_FUNCTION_CALL`), and what OpenRouter tells of Google's and Bedrock's models. */
const NO_CALL =
  /^function_call_filter\b|MALFORMED_|UNEXPECTED_TOOL_CALL|TOO_MANY_TOOL_CALLS|malformed_(?:tool_use|model_output)/;

/**
 * @param raw the vendor's `finish_reason`, '' where it gave none
 * @param kinds the kinds of the answer's parts. A named tool choice ends with `stop` at OpenAI itself, and Gemini's stream
 *   says `stop` after any tool call; a refusal ends with `stop` too. Clients act on the reason, so the parts decide.
 * @param choice where the vendor may say that the answer failed, and why
 */
export const decodeStop = (raw: string, kinds: ReadonlySet<AssistantPart['type']>, choice: JsonObject = {}): Stop => {
  const error = failureOf(raw, choice);
  if (error !== undefined) return { reason: 'error', raw, error };
  const reason = Object.hasOwn(REASONS, raw) ? (REASONS[raw] ?? 'other') : 'other';
  if (reason !== 'end') return { reason, raw };
  if (kinds.has('tool-call')) return { reason: 'tool-calls', raw };
  return { reason: kinds.has('refusal') ? 'refusal' : reason, raw };
};

/** OpenRouter puts the error into the choice, under a 200; others have a word for it and no more. */
const failureOf = (raw: string, choice: JsonObject): ProviderError | undefined => {
  const told = objectOf(choice['error']);
  if (told !== undefined) return decodeErrorValue({ error: told });
  const native = textOf(choice['native_finish_reason']);
  const message = `the answer ended with finish_reason ${raw}${native === undefined ? '' : ` (${native})`}`.slice(
    0,
    300,
  );
  const status = Object.hasOwn(FAILURES, raw) ? FAILURES[raw] : undefined;
  if (NO_CALL.test(raw) || (status !== undefined && NO_CALL.test(native ?? '')))
    return { status: 502, type: 'malformed_output', message };
  return status === undefined ? undefined : { status, type: raw, message };
};

/** OpenAI's own words, which every client knows. */
const OWN: ReadonlySet<string> = new Set(['stop', 'length', 'tool_calls', 'content_filter']);

/**
 * The vendor's own word where it is one of OpenAI's, as with a kept answer: a forced call ends with `stop`.
 *
 * @param hasRefusal whether the answer has a refusal part, which says what `stop` alone would not
 */
export const encodeStop = ({ reason, raw }: Stop, hasRefusal: boolean): string => {
  if (reason !== 'error' && OWN.has(raw)) return raw;
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
    case 'error':
      return 'error';
    default:
      return reason satisfies never;
  }
};
