import type { JsonObject, Stop, StreamEvent, Usage } from '../../core/conversation.ts';
import type { AnswerContext, StreamEncoder } from '../../core/dialect.ts';
import { DONE } from './decode-stream.ts';
import { answerId } from './encode-answer.ts';
import { encodeErrorEvent } from './encode-error.ts';
import { encodeStop } from './stop-reasons.ts';
import { encodeUsage } from './usage.ts';

/**
 * Writes a stream of `chat.completion.chunk`s. The role stands in the first delta; the usage chunk comes last and only
 * where the client asked; `[DONE]` only after a whole answer.
 */
export const encodeStream = (context: AnswerContext): StreamEncoder => {
  const head = JSON.stringify({
    id: answerId(context.requestId),
    object: 'chat.completion.chunk',
    created: context.createdAt,
    model: context.alias,
  }).slice(0, -1);
  const tail = context.streamUsage ? ',"usage":null}\n\n' : '}\n\n';
  /** Part index → index in `tool_calls`. */
  const calls = new Map<number, number>();
  let hasRole = false;
  let hasRefusal = false;
  let usage: Usage | undefined;

  const chunk = (delta: JsonObject, finishReason: string | null = null): string => {
    const choice = { index: 0, delta, logprobs: null, finish_reason: finishReason };
    return `data: ${head},"choices":[${JSON.stringify(choice)}]${tail}`;
  };
  /** The first delta names the role, as OpenAI's does; nothing is written before there is something to say. */
  const say = (delta: JsonObject): string => {
    if (hasRole) return chunk(delta);
    hasRole = true;
    return chunk({ role: 'assistant', content: '', refusal: null }) + chunk(delta);
  };
  const finish = (stop: Stop): string => {
    const role = hasRole ? '' : chunk({ role: 'assistant', content: '', refusal: null });
    hasRole = true;
    return role + chunk({}, encodeStop(stop.reason, hasRefusal));
  };
  const end = (): string => {
    const last =
      context.streamUsage && usage !== undefined
        ? `data: ${head},"choices":[],"usage":${JSON.stringify(encodeUsage(usage))}}\n\n`
        : '';
    return `${last}data: ${DONE}\n\n`;
  };

  const push = (event: StreamEvent): string => {
    switch (event.type) {
      case 'text-delta':
        return say({ content: event.text });
      case 'refusal-delta':
        hasRefusal = true;
        return say({ refusal: event.text });
      case 'reasoning-delta':
        return say({ reasoning_content: event.text });
      case 'tool-call-start': {
        const index = calls.size;
        calls.set(event.index, index);
        const { id, name } = event;
        return say({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] });
      }
      case 'tool-call-delta':
        return say({
          tool_calls: [{ index: calls.get(event.index) ?? 0, function: { arguments: event.arguments } }],
        });
      case 'usage':
        usage = event.usage;
        return '';
      case 'stop':
        return finish(event.stop);
      case 'answer-end':
        return end();
      // Starts and ends of parts have no words here; signatures and redacted reasoning no place; an error ends in `fail`.
      case 'answer-start':
      case 'text-start':
      case 'refusal-start':
      case 'reasoning-start':
      case 'signature':
      case 'redacted-reasoning':
      case 'part-end':
      case 'error':
        return '';
      default:
        return event satisfies never;
    }
  };
  return { push, fail: (refusal) => encodeErrorEvent(refusal, context.requestId) };
};
