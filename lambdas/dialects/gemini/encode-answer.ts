import type { Answer, AssistantPart, JsonObject } from '../../core/conversation.ts';
import type { AnswerContext } from '../../core/dialect.ts';
import { argsOf } from './encode-parts.ts';
import { encodeStop } from './stop-reasons.ts';
import { encodeUsage } from './usage.ts';

const signed = (signature: string | undefined): JsonObject =>
  signature === undefined ? {} : { thoughtSignature: signature };

/** A part of an answer as Gemini writes it. Encrypted reasoning has no place here. */
export const encodePart = (part: AssistantPart): JsonObject[] => {
  switch (part.type) {
    case 'text':
      return [{ text: part.text, ...signed(part.signature) }];
    case 'refusal':
      return [{ text: part.text }];
    case 'reasoning':
      return [{ text: part.text, thought: true, ...signed(part.signature) }];
    case 'tool-call': {
      const { id, name, arguments: args, signature } = part;
      return [{ functionCall: { id, name, args: argsOf(args) }, ...signed(signature) }];
    }
    case 'redacted-reasoning':
      return [];
    default:
      return part satisfies never;
  }
};

/** An answer as the body of a generateContent reply. */
export const encodeAnswer = ({ id, model, parts, stop, usage }: Answer, context: AnswerContext): JsonObject => ({
  candidates: [
    { content: { parts: parts.flatMap(encodePart), role: 'model' }, finishReason: encodeStop(stop), index: 0 },
  ],
  ...(usage !== undefined && { usageMetadata: encodeUsage(usage) }),
  modelVersion: model,
  responseId: id === '' ? context.requestId : id,
});
