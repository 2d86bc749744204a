import type { JsonObject, StreamEvent, Usage } from '../../core/conversation.ts';
import type { StreamEncoder } from '../../core/dialect.ts';
import { encodeCitation } from './citations.ts';
import { encodeRefusal, encodeStreamException } from './errors.ts';
import { fitToolName } from './fit-names.ts';
import { blobOfData } from './redacted-reasoning.ts';
import { encodeStop } from './stop-reasons.ts';
import { encodeUsage } from './usage.ts';

const delta = (contentBlockIndex: number, content: JsonObject): JsonObject => ({
  contentBlockDelta: { contentBlockIndex, delta: content },
});

const line = (event: JsonObject): string => `${JSON.stringify(event)}\n`;

/**
 * Writes ConverseStream's events, one `{"<event type>": payload}` a line: no client speaks this dialect over HTTP, and
 * whoever serves it (a replaying upstream) puts AWS's frames around the lines.
 */
export const encodeStream = (): StreamEncoder => {
  let usage: Usage | undefined;

  const write = (event: StreamEvent): JsonObject | undefined => {
    switch (event.type) {
      case 'answer-start':
        return { messageStart: { role: 'assistant' } };
      // Text and reasoning begin with their first delta.
      case 'text-start':
      case 'refusal-start':
      case 'reasoning-start':
        return undefined;
      case 'text-delta':
      case 'refusal-delta':
        return delta(event.index, { text: event.text });
      case 'reasoning-delta':
        return delta(event.index, { reasoningContent: { text: event.text } });
      case 'signature':
        return delta(event.index, { reasoningContent: { signature: event.signature } });
      case 'citation': {
        const citation = encodeCitation(event.citation);
        return citation === undefined ? undefined : delta(event.index, { citation });
      }
      case 'logprobs':
      case 'unsaid':
        return undefined;
      case 'redacted-reasoning':
        return delta(event.index, { reasoningContent: { redactedContent: blobOfData(event.data) } });
      case 'tool-call-start': {
        const start = { toolUse: { toolUseId: event.id, name: fitToolName(event.name) } };
        return { contentBlockStart: { contentBlockIndex: event.index, start } };
      }
      case 'tool-call-delta':
        return delta(event.index, { toolUse: { input: event.arguments } });
      case 'part-end':
        return { contentBlockStop: { contentBlockIndex: event.index } };
      case 'usage':
        usage = event.usage;
        return undefined;
      case 'stop':
        return { messageStop: encodeStop(event.stop) };
      case 'answer-end':
        return { metadata: { ...(usage !== undefined && { usage: encodeUsage(usage) }), metrics: { latencyMs: 0 } } };
      case 'error':
        return encodeStreamException(event.error);
      default:
        return event satisfies never;
    }
  };

  return {
    push: (event) => {
      const wire = write(event);
      return wire === undefined ? '' : line(wire);
    },
    fail: ({ code, message }) => line(encodeRefusal(code, message)),
  };
};
