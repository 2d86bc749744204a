import type { Answer, AssistantPart, JsonObject } from '../../core/conversation.ts';
import { encodeCited } from './citations.ts';
import { inputOfArguments } from './encode-content.ts';
import { fitToolName } from './fit-names.ts';
import { blobOfData } from './redacted-reasoning.ts';
import { encodeStop } from './stop-reasons.ts';
import { encodeUsage } from './usage.ts';

const encodePart = (part: AssistantPart): JsonObject => {
  switch (part.type) {
    case 'text':
      return encodeCited(part) ?? { text: part.text };
    case 'refusal':
      return { text: part.text };
    case 'tool-call':
      return { toolUse: { toolUseId: part.id, name: fitToolName(part.name), input: inputOfArguments(part.arguments) } };
    case 'reasoning': {
      const { text, signature } = part;
      return { reasoningContent: { reasoningText: { text, ...(signature !== undefined && { signature }) } } };
    }
    case 'redacted-reasoning':
      return { reasoningContent: { redactedContent: blobOfData(part.data) } };
    default:
      return part satisfies never;
  }
};

/** An answer as the body of a Converse reply, which has no place for an id or a model. */
export const encodeAnswer = ({ parts, stop, usage }: Answer): JsonObject => ({
  output: { message: { role: 'assistant', content: parts.map(encodePart) } },
  ...encodeStop(stop),
  ...(usage !== undefined && { usage: encodeUsage(usage) }),
  metrics: { latencyMs: 0 },
});
