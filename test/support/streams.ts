/** Between whole answers and streams of canonical events: an independent check on the codecs' streams. */
import fc from 'fast-check';
import type { Answer, AssistantPart, StreamEvent } from '../../lambdas/core/conversation.ts';

/** Cuts a text in pieces at arbitrary code points; the pieces are never empty. */
const piecesOf = (text: string): fc.Arbitrary<string[]> => {
  const points = [...text];
  if (points.length === 0) return fc.constant([]);
  return fc.uniqueArray(fc.integer({ min: 1, max: points.length }), { maxLength: 4 }).map((cuts) => {
    const ends = [...new Set([...cuts, points.length])].sort((a, b) => a - b);
    return ends.map((end, index) => points.slice(ends[index - 1] ?? 0, end).join(''));
  });
};

const eventsOfPart = (part: AssistantPart, index: number): fc.Arbitrary<StreamEvent[]> => {
  const end: StreamEvent = { type: 'part-end', index };
  switch (part.type) {
    case 'text':
    case 'refusal': {
      const { type } = part;
      return piecesOf(part.text).map((pieces) => [
        { type: `${type}-start`, index },
        ...pieces.map((text): StreamEvent => ({ type: `${type}-delta`, index, text })),
        end,
      ]);
    }
    case 'reasoning':
      return piecesOf(part.text).map((pieces) => [
        { type: 'reasoning-start', index },
        ...pieces.map((text): StreamEvent => ({ type: 'reasoning-delta', index, text })),
        ...(part.signature === undefined ? [] : [{ type: 'signature', index, signature: part.signature } as const]),
        end,
      ]);
    case 'redacted-reasoning':
      return fc.constant([{ type: 'redacted-reasoning', index, data: part.data }, end]);
    case 'tool-call':
      return piecesOf(part.arguments).map((pieces) => [
        { type: 'tool-call-start', index, id: part.id, name: part.name },
        ...pieces.map((text): StreamEvent => ({ type: 'tool-call-delta', index, arguments: text })),
        end,
      ]);
    default:
      return part satisfies never;
  }
};

/** Some stream that means the answer: parts one after another, cut in arbitrary pieces. */
export const streamsOf = (answer: Answer): fc.Arbitrary<StreamEvent[]> =>
  fc
    .tuple(...answer.parts.map(eventsOfPart))
    .map((parts) => [
      { type: 'answer-start', id: answer.id, model: answer.model },
      ...parts.flat(),
      ...(answer.usage === undefined ? [] : [{ type: 'usage', usage: answer.usage } as const]),
      { type: 'stop', stop: answer.stop },
      { type: 'answer-end' },
    ]);

/** What a stream of events means, as a whole answer. @throws {Error} on events that break the rules of `StreamEvent` */
export const answerOfEvents = (events: readonly StreamEvent[]): Answer => {
  const answer: Answer = { id: '', model: '', parts: [], stop: { reason: 'other', raw: '' } };
  const open = new Set<number>();
  let ended = false;
  const partAt = <T extends AssistantPart['type']>(index: number, type: T): Extract<AssistantPart, { type: T }> => {
    const part = answer.parts[index];
    if (part?.type !== type || !open.has(index)) throw new Error(`part ${index} is no open ${type}`);
    return part as Extract<AssistantPart, { type: T }>;
  };
  const start = (index: number, part: AssistantPart): void => {
    if (index !== answer.parts.length) throw new Error(`part ${index} started where ${answer.parts.length} was due`);
    answer.parts.push(part);
    open.add(index);
  };
  for (const event of events) {
    if (ended) throw new Error(`${event.type} after answer-end`);
    switch (event.type) {
      case 'answer-start':
        answer.id = event.id;
        answer.model = event.model;
        break;
      case 'text-start':
        start(event.index, { type: 'text', text: '' });
        break;
      case 'text-delta':
        partAt(event.index, 'text').text += event.text;
        break;
      case 'refusal-start':
        start(event.index, { type: 'refusal', text: '' });
        break;
      case 'refusal-delta':
        partAt(event.index, 'refusal').text += event.text;
        break;
      case 'reasoning-start':
        start(event.index, { type: 'reasoning', text: '' });
        break;
      case 'reasoning-delta':
        partAt(event.index, 'reasoning').text += event.text;
        break;
      case 'signature':
        partAt(event.index, 'reasoning').signature = event.signature;
        break;
      case 'redacted-reasoning':
        start(event.index, { type: 'redacted-reasoning', data: event.data });
        break;
      case 'tool-call-start':
        start(event.index, { type: 'tool-call', id: event.id, name: event.name, arguments: '' });
        break;
      case 'tool-call-delta':
        partAt(event.index, 'tool-call').arguments += event.arguments;
        break;
      case 'part-end':
        if (!open.delete(event.index)) throw new Error(`part ${event.index} ended without being open`);
        break;
      case 'usage':
        answer.usage = event.usage;
        break;
      case 'stop':
        answer.stop = event.stop;
        break;
      case 'answer-end':
        ended = true;
        break;
      case 'error':
        throw new Error(`the stream holds an error: ${event.error.message}`);
      default:
        event satisfies never;
    }
  }
  if (!ended) throw new Error('the stream has no answer-end');
  if (open.size > 0) throw new Error(`parts ${[...open].join(', ')} were left open`);
  return answer;
};
