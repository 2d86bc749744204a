import type { Answer, AssistantPart, JsonObject, Signed } from '../../core/conversation.ts';
import type { AnswerContext } from '../../core/dialect.ts';
import { encodeCitations } from './citations.ts';
import { sealBefore, sealData, sealSignature } from './envelopes.ts';
import { encodeStopReason } from './stop.ts';
import { readArguments } from './tool-arguments.ts';
import { encodeUsage } from './usage.ts';

export const messageId = ({ requestId }: AnswerContext): string => `msg_${requestId}`;

export const encodeAnswer = (answer: Answer, context: AnswerContext): JsonObject => ({
  id: messageId(context),
  type: 'message',
  role: 'assistant',
  model: context.alias,
  content: answer.parts.flatMap(encodeAnswerPart),
  stop_reason: encodeStopReason(answer.stop),
  stop_sequence: answer.stop.sequence ?? null,
  usage: encodeUsage(answer.usage),
});

/** No block for an empty part: the client would send it back, and Anthropic refuses empty ones. */
const encodeAnswerPart = (part: AssistantPart): JsonObject[] => {
  switch (part.type) {
    case 'text':
      return [
        ...(part.text === '' ? [] : [{ type: 'text', text: part.text, ...encodeCitations(part) }]),
        ...encodeBefore(part, part.text === ''),
      ];
    case 'refusal':
      return part.text === '' ? [] : [{ type: 'text', text: part.text }];
    case 'tool-call':
      return [
        { type: 'tool_use', id: part.id, name: part.name, input: readArguments(part.arguments) },
        ...encodeBefore(part, false),
      ];
    case 'reasoning':
      // The SDK's type wants a signature. An empty one is taken out again when the client sends the block back.
      if (part.text === '' && part.signature === undefined) return [];
      return [
        { type: 'thinking', thinking: part.text, signature: part.signature === undefined ? '' : sealSignature(part) },
      ];
    case 'redacted-reasoning':
      return [{ type: 'redacted_thinking', data: sealData(part) }];
    default:
      return part satisfies never;
  }
};

/** The signature of a text or a tool call, in a block of its own after it. */
const encodeBefore = (part: Signed, isEmpty: boolean): JsonObject[] =>
  part.signature === undefined ? [] : [{ type: 'redacted_thinking', data: sealBefore(part, isEmpty) }];
