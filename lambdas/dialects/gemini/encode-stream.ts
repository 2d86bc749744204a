import type { JsonObject, StreamEvent, ToolCallPart, Usage } from '../../core/conversation.ts';
import type { StreamEncoder } from '../../core/dialect.ts';
import { statusOf } from '../../core/failures.ts';
import { encodePart } from './encode-answer.ts';
import { encodeErrorBody } from './errors.ts';
import { encodeStop } from './stop-reasons.ts';
import { encodeUsage } from './usage.ts';

const event = (body: JsonObject): string => `data: ${JSON.stringify(body)}\r\n\r\n`;

/** Writes the events of streamGenerateContent (`alt=sse`). A function call goes out whole, at its end. */
export const encodeStream = (): StreamEncoder => {
  const calls = new Map<number, ToolCallPart>();
  const reasoning = new Set<number>();
  let head: JsonObject = {};
  let usage: Usage | undefined;

  const chunk = (candidate: JsonObject): string =>
    event({
      candidates: [{ ...candidate, index: 0 }],
      ...(usage !== undefined && { usageMetadata: encodeUsage(usage) }),
      ...head,
    });
  const say = (...parts: JsonObject[]): string => chunk({ content: { parts, role: 'model' } });

  const push = (one: StreamEvent): string => {
    switch (one.type) {
      case 'answer-start':
        head = { modelVersion: one.model, responseId: one.id };
        return '';
      case 'reasoning-start':
        reasoning.add(one.index);
        return '';
      case 'tool-call-start':
        calls.set(one.index, { type: 'tool-call', id: one.id, name: one.name, arguments: '' });
        return '';
      case 'text-delta':
      case 'refusal-delta':
        return say({ text: one.text });
      case 'reasoning-delta':
        return say({ text: one.text, thought: true });
      case 'tool-call-delta': {
        const call = calls.get(one.index);
        if (call !== undefined) call.arguments += one.arguments;
        return '';
      }
      case 'signature': {
        const call = calls.get(one.index);
        if (call === undefined)
          return say({ text: '', ...(reasoning.has(one.index) && { thought: true }), thoughtSignature: one.signature });
        call.signature = one.signature;
        return '';
      }
      case 'part-end': {
        const call = calls.get(one.index);
        calls.delete(one.index);
        return call === undefined ? '' : say(...encodePart(call));
      }
      case 'usage':
        usage = one.usage;
        return '';
      case 'stop':
        return chunk({ content: { parts: [{ text: '' }], role: 'model' }, finishReason: encodeStop(one.stop) });
      case 'error':
        return event(encodeErrorBody(one.error));
      // Text begins with its first delta, and the end is the connection's; what is left has no place in a chunk.
      case 'text-start':
      case 'refusal-start':
      case 'redacted-reasoning':
      case 'citation':
      case 'logprobs':
      case 'unsaid':
      case 'answer-end':
        return '';
      default:
        return one satisfies never;
    }
  };

  return {
    push,
    fail: ({ code, message }) => event(encodeErrorBody({ status: statusOf(code), type: '', message })),
  };
};
