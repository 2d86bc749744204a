import type { Answer, AssistantPart, JsonObject } from '../../core/conversation.ts';
import type { AnswerContext } from '../../core/dialect.ts';
import { encodeStop } from './stop-reasons.ts';
import { encodeUsage } from './usage.ts';

/** OpenAI's prefix; clients and dashboards know the kind of an id by it. */
export const answerId = (requestId: string): string => `chatcmpl-${requestId}`;

/** Writes an answer as a `chat.completion`. Reasoning goes to `reasoning_content`; signatures and redacted reasoning have no place. */
export const encodeAnswer = (answer: Answer, context: AnswerContext): JsonObject => {
  const { parts } = answer;
  const refusal = joined(parts, 'refusal');
  const reasoning = joined(parts, 'reasoning');
  const calls = parts.filter((part) => part.type === 'tool-call');
  return {
    id: answerId(context.requestId),
    object: 'chat.completion',
    created: context.createdAt,
    model: context.alias,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: joined(parts, 'text') ?? (calls.length > 0 || refusal !== undefined ? null : ''),
          refusal: refusal ?? null,
          ...(reasoning !== undefined && { reasoning_content: reasoning }),
          ...(calls.length > 0 && {
            tool_calls: calls.map(({ id, name, arguments: text }) => ({
              id,
              type: 'function',
              function: { name, arguments: text },
            })),
          }),
        },
        logprobs: null,
        finish_reason: encodeStop(answer.stop.reason, refusal !== undefined),
      },
    ],
    ...(answer.usage !== undefined && { usage: encodeUsage(answer.usage) }),
  };
};

/** All parts of a kind as one text: vendors cut one sentence into several text blocks, so nothing goes between. */
export const joined = (parts: readonly AssistantPart[], type: 'text' | 'refusal' | 'reasoning'): string | undefined => {
  const texts = parts.flatMap((part) => (part.type === type ? [part.text] : []));
  return texts.length === 0 ? undefined : texts.join('');
};
