import type { Alternative, Answer, AssistantPart, JsonObject, ToolCallPart } from '../../core/conversation.ts';
import type { AnswerContext } from '../../core/dialect.ts';
import { encodeCitations } from './citations.ts';
import { encodeLogprobs } from './logprobs.ts';
import { encodeDetails, encodeExtra } from './reasoning-details.ts';
import { encodeStop } from './stop-reasons.ts';
import { encodeUsage } from './usage.ts';

/** OpenAI's prefix; clients and dashboards know the kind of an id by it. */
export const answerId = (requestId: string): string => `chatcmpl-${requestId}`;

/** Writes an answer as a `chat.completion`. Reasoning goes to `reasoning_content`, with its signatures to `reasoning_details`. */
export const encodeAnswer = (answer: Answer, context: AnswerContext): JsonObject => ({
  id: answerId(context.requestId),
  object: 'chat.completion',
  created: context.createdAt,
  model: context.alias,
  choices: [answer, ...(answer.alternatives ?? [])].map(encodeChoice),
  ...(answer.usage !== undefined && { usage: encodeUsage(answer.usage) }),
});

const encodeChoice = ({ parts, stop }: Alternative, index: number): JsonObject => {
  const refusal = joined(parts, 'refusal');
  const reasoning = joined(parts, 'reasoning');
  const details = encodeDetails(parts);
  const { content, calls, extra } = encodeSaid(parts);
  const logprobs = parts.flatMap((part) => (part.type === 'text' ? (part.logprobs ?? []) : []));
  return {
    index,
    message: {
      role: 'assistant',
      content,
      refusal: refusal ?? null,
      ...(reasoning !== undefined && { reasoning_content: reasoning }),
      ...(details !== undefined && { reasoning_details: details }),
      ...encodeCitations(parts),
      ...extra,
      ...calls,
    },
    logprobs: logprobs.length === 0 ? null : encodeLogprobs(logprobs),
    finish_reason: encodeStop(stop, refusal !== undefined && stop.explanation === undefined),
  };
};

/**
 * What a message says and calls. Of several signed texts the last one's signature is kept: there is one text here.
 *
 * @param signed whether signatures go with it, in `extra_content`
 */
export const encodeSaid = (
  parts: readonly AssistantPart[],
  signed = true,
): { content: string | null; calls: JsonObject; extra: JsonObject } => {
  const calls = parts.filter((part) => part.type === 'tool-call');
  const hasRefusal = parts.some(({ type }) => type === 'refusal');
  return {
    content: joined(parts, 'text') ?? (calls.length > 0 || hasRefusal ? null : ''),
    calls: calls.length === 0 ? {} : { tool_calls: calls.map((call) => encodeCall(call, signed)) },
    extra: encodeExtra(
      signed
        ? parts.filter((part) => part.type === 'text').findLast(({ signature }) => signature !== undefined)
        : undefined,
    ),
  };
};

const encodeCall = (call: ToolCallPart, signed: boolean): JsonObject => ({
  id: call.id,
  type: 'function',
  function: { name: call.name, arguments: call.arguments },
  ...encodeExtra(signed ? call : undefined),
});

/** All parts of a kind as one text: vendors cut one sentence into several text blocks, so nothing goes between. */
export const joined = (parts: readonly AssistantPart[], type: 'text' | 'refusal' | 'reasoning'): string | undefined => {
  const texts = parts.flatMap((part) => (part.type === type ? [part.text] : []));
  return texts.length === 0 ? undefined : texts.join('');
};
