import type { Answer, AssistantPart, JsonObject } from '../../core/conversation.ts';
import type { AnswerContext } from '../../core/dialect.ts';
import { encodeStopReason } from './stop.ts';
import { readArguments } from './tool-arguments.ts';
import { encodeUsage } from './usage.ts';

export const messageId = ({ requestId }: AnswerContext): string => `msg_${requestId}`;

export const encodeAnswer = (answer: Answer, context: AnswerContext): JsonObject => ({
  id: messageId(context),
  type: 'message',
  role: 'assistant',
  model: context.alias,
  content: answer.parts.map(encodeAnswerPart).filter((block) => block !== undefined),
  stop_reason: encodeStopReason(answer.stop),
  stop_sequence: answer.stop.sequence ?? null,
  usage: encodeUsage(answer.usage),
});

/** @returns undefined for an empty part: the client would send the block back, and Anthropic refuses empty ones */
const encodeAnswerPart = (part: AssistantPart): JsonObject | undefined => {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text === '' ? undefined : { type: 'text', text: part.text };
    case 'tool-call':
      return { type: 'tool_use', id: part.id, name: part.name, input: readArguments(part.arguments) };
    case 'reasoning':
      // The SDK's type wants a signature. An empty one is taken out again when the client sends the block back.
      if (part.text === '' && part.signature === undefined) return undefined;
      return { type: 'thinking', thinking: part.text, signature: part.signature ?? '' };
    case 'redacted-reasoning':
      return { type: 'redacted_thinking', data: part.data };
    default:
      return part satisfies never;
  }
};
