import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import type { AnswerPlan, Piece } from './plan-answer.ts';

/** What every object of one answer carries. */
export interface AnswerHead {
  id: string;
  /** Seconds since 1970. */
  created: number;
  model: string;
}

export const usageOf = (inputTokens: number, outputTokens: number): JsonObject => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
  prompt_tokens_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
});

/** A whole answer in OpenAI's shape; `choices` answers that are all the same. */
export const writeAnswer = (head: AnswerHead, plan: AnswerPlan, choices: number, usage: JsonObject): JsonObject => ({
  id: head.id,
  object: 'chat.completion',
  created: head.created,
  model: head.model,
  choices: Array.from({ length: choices }, (_, index) => ({
    index,
    message: messageOf(head, plan, index),
    logprobs: null,
    finish_reason: plan.finish,
  })),
  usage,
});

const messageOf = (head: AnswerHead, { pieces }: AnswerPlan, choice: number): JsonObject => {
  let text = '';
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  for (const piece of pieces) {
    if (piece.type === 'text') text += piece.text;
    else if (piece.type === 'call')
      calls.push({
        id: callId(head, choice, piece.call),
        type: 'function',
        function: { name: piece.name, arguments: '' },
      });
    else {
      const call = calls[piece.call];
      if (call !== undefined) call.function.arguments += piece.text;
    }
  }
  if (calls.length === 0) return { role: 'assistant', content: text, refusal: null };
  return { role: 'assistant', content: null, refusal: null, tool_calls: calls };
};

/** One event of a stream. `usage` is null in all but the last, and left out where the client did not ask for it. */
export const writeChunk = (head: AnswerHead, choices: JsonValue[], usage?: JsonObject | null): JsonObject => ({
  id: head.id,
  object: 'chat.completion.chunk',
  created: head.created,
  model: head.model,
  choices,
  ...(usage === undefined ? {} : { usage }),
});

export const writeChoice = (index: number, delta: JsonObject, finish: string | null = null): JsonObject => ({
  index,
  delta,
  logprobs: null,
  finish_reason: finish,
});

export const deltaOf = (head: AnswerHead, choice: number, piece: Piece): JsonObject => {
  switch (piece.type) {
    case 'text':
      return { content: piece.text };
    case 'call':
      return {
        tool_calls: [
          {
            index: piece.call,
            id: callId(head, choice, piece.call),
            type: 'function',
            function: { name: piece.name, arguments: '' },
          },
        ],
      };
    case 'arguments':
      return { tool_calls: [{ index: piece.call, function: { arguments: piece.text } }] };
    default:
      return piece satisfies never;
  }
};

const callId = (head: AnswerHead, choice: number, call: number): string =>
  `call_${head.id.slice(-16)}${choice.toString(36).padStart(2, '0')}${call.toString(36).padStart(2, '0')}`;

/** An error reply in OpenAI's shape. */
export const writeError = (status: number, message: string): JsonObject => {
  const { type, code } = ERRORS[status] ?? {
    type: status >= 500 ? 'server_error' : 'invalid_request_error',
    code: null,
  };
  return { error: { message, type, param: null, code } };
};

const ERRORS: Record<number, { type: string; code: string | null }> = {
  401: { type: 'invalid_request_error', code: 'invalid_api_key' },
  403: { type: 'invalid_request_error', code: 'unsupported_country_region_territory' },
  404: { type: 'invalid_request_error', code: 'model_not_found' },
  429: { type: 'requests', code: 'rate_limit_exceeded' },
};
