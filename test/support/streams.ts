/** Between whole answers and streams of canonical events: an independent check on the codecs' streams. */
import fc from 'fast-check';
import type { Answer, AssistantPart, Signed, StreamEvent } from '../../lambdas/core/conversation.ts';

/** Cuts a text in pieces at arbitrary code points; the pieces are never empty. */
const piecesOf = (text: string): fc.Arbitrary<string[]> => {
  const points = [...text];
  if (points.length === 0) return fc.constant([]);
  return fc.uniqueArray(fc.integer({ min: 1, max: points.length }), { maxLength: 4 }).map((cuts) => {
    const ends = [...new Set([...cuts, points.length])].sort((a, b) => a - b);
    return ends.map((end, index) => points.slice(ends[index - 1] ?? 0, end).join(''));
  });
};

const signatureOf = ({ signature, signedBy }: Signed, index: number): StreamEvent[] =>
  signature === undefined ? [] : [{ type: 'signature', index, signature, ...(signedBy !== undefined && { signedBy }) }];

const idOf = ({ id }: { id?: string }): { id?: string } => (id === undefined ? {} : { id });

const eventsOfPart = (part: AssistantPart, index: number, choice = 0): fc.Arbitrary<StreamEvent[]> => {
  const end: StreamEvent = { type: 'part-end', index };
  const of = choice === 0 ? {} : { choice };
  switch (part.type) {
    case 'text': {
      const { citations = [], logprobs } = part;
      return piecesOf(part.text).map((pieces) => [
        { type: 'text-start', index, ...of },
        ...pieces.map((text): StreamEvent => ({ type: 'text-delta', index, text })),
        ...citations.map((citation): StreamEvent => ({ type: 'citation', index, citation })),
        ...(logprobs === undefined ? [] : [{ type: 'logprobs', index, tokens: logprobs } as const]),
        ...signatureOf(part, index),
        end,
      ]);
    }
    case 'refusal':
      return piecesOf(part.text).map((pieces) => [
        { type: 'refusal-start', index, ...of },
        ...pieces.map((text): StreamEvent => ({ type: 'refusal-delta', index, text })),
        end,
      ]);
    case 'reasoning':
      return piecesOf(part.text).map((pieces) => [
        { type: 'reasoning-start', index, ...idOf(part), ...of },
        ...pieces.map((text): StreamEvent => ({ type: 'reasoning-delta', index, text })),
        ...signatureOf(part, index),
        end,
      ]);
    case 'redacted-reasoning':
      return fc.constant([{ ...part, index, ...of }, end]);
    case 'tool-call':
      return piecesOf(part.arguments).map((pieces) => [
        { type: 'tool-call-start', index, id: part.id, name: part.name, ...of },
        ...signatureOf(part, index),
        ...pieces.map((text): StreamEvent => ({ type: 'tool-call-delta', index, arguments: text })),
        end,
      ]);
    default:
      return part satisfies never;
  }
};

/** Some stream that means the answer: parts one after another, cut in arbitrary pieces. */
export const streamsOf = (answer: Answer): fc.Arbitrary<StreamEvent[]> => {
  const { alternatives = [] } = answer;
  const parts = [answer, ...alternatives].flatMap((one, choice) => one.parts.map((part) => ({ part, choice })));
  return fc.tuple(...parts.map(({ part, choice }, index) => eventsOfPart(part, index, choice))).map((parts) => [
    { type: 'answer-start', id: answer.id, model: answer.model },
    ...parts.flat(),
    ...(answer.usage === undefined ? [] : [{ type: 'usage', usage: answer.usage } as const]),
    {
      type: 'stop',
      stop: answer.stop,
      ...(alternatives.length > 0 && { alternatives: alternatives.map(({ stop }) => stop) }),
    },
    { type: 'answer-end' },
  ]);
};

/** What a stream of events means, as a whole answer. @throws {Error} on events that break the rules of `StreamEvent` */
export const answerOfEvents = (events: readonly StreamEvent[]): Answer => {
  const answer: Answer = { id: '', model: '', parts: [], stop: { reason: 'other', raw: '' } };
  const all: AssistantPart[] = [];
  const choices: AssistantPart[][] = [answer.parts];
  const open = new Set<number>();
  let ended = false;
  const partAt = <T extends AssistantPart['type']>(index: number, type: T): Extract<AssistantPart, { type: T }> => {
    const part = all[index];
    if (part?.type !== type || !open.has(index)) throw new Error(`part ${index} is no open ${type}`);
    return part as Extract<AssistantPart, { type: T }>;
  };
  const start = ({ index, choice = 0 }: { index: number; choice?: number }, part: AssistantPart): void => {
    if (index !== all.length) throw new Error(`part ${index} started where ${all.length} was due`);
    all.push(part);
    choices[choice] ??= [];
    choices[choice].push(part);
    open.add(index);
  };
  const sign = ({ index, signature, signedBy }: Extract<StreamEvent, { type: 'signature' }>): void => {
    const part = all[index];
    if (part === undefined || !open.has(index) || part.type === 'refusal' || part.type === 'redacted-reasoning')
      throw new Error(`part ${index} is no open part that can be signed`);
    Object.assign(part, { signature, ...(signedBy !== undefined && { signedBy }) });
  };
  for (const event of events) {
    if (ended) throw new Error(`${event.type} after answer-end`);
    switch (event.type) {
      case 'answer-start':
        answer.id = event.id;
        answer.model = event.model;
        break;
      case 'text-start':
        start(event, { type: 'text', text: '' });
        break;
      case 'text-delta':
        partAt(event.index, 'text').text += event.text;
        break;
      case 'refusal-start':
        start(event, { type: 'refusal', text: '' });
        break;
      case 'refusal-delta':
        partAt(event.index, 'refusal').text += event.text;
        break;
      case 'reasoning-start':
        start(event, { type: 'reasoning', ...idOf(event), text: '' });
        break;
      case 'reasoning-delta':
        partAt(event.index, 'reasoning').text += event.text;
        break;
      case 'signature':
        sign(event);
        break;
      case 'redacted-reasoning':
        start(event, {
          type: 'redacted-reasoning',
          ...idOf(event),
          data: event.data,
          ...(event.madeBy !== undefined && { madeBy: event.madeBy }),
        });
        break;
      case 'tool-call-start':
        start(event, { type: 'tool-call', id: event.id, name: event.name, arguments: '' });
        break;
      case 'tool-call-delta':
        partAt(event.index, 'tool-call').arguments += event.arguments;
        break;
      case 'part-end':
        if (!open.delete(event.index)) throw new Error(`part ${event.index} ended without being open`);
        break;
      case 'unsaid':
        answer.unsaid = [...(answer.unsaid ?? []), event.what];
        break;
      case 'usage':
        answer.usage = event.usage;
        break;
      case 'stop':
        answer.stop = event.stop;
        if (event.alternatives !== undefined)
          answer.alternatives = event.alternatives.map((stop, index) => ({ parts: choices[index + 1] ?? [], stop }));
        break;
      case 'citation': {
        const part = partAt(event.index, 'text');
        part.citations = [...(part.citations ?? []), event.citation];
        break;
      }
      case 'logprobs': {
        const part = partAt(event.index, 'text');
        part.logprobs = [...(part.logprobs ?? []), ...event.tokens];
        break;
      }
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
  if (choices.length > 1 + (answer.alternatives?.length ?? 0)) throw new Error('a choice has no stop');
  if (open.size > 0) throw new Error(`parts ${[...open].join(', ')} were left open`);
  return answer;
};
