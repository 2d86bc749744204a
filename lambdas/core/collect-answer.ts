import type { Answer, AssistantPart, Signed, StreamEvent } from './conversation.ts';
import { MOST_UNSAID } from './says-nothing.ts';

/** Puts a streamed answer together, event by event. */
export interface AnswerCollector {
  see(event: StreamEvent): void;
  /** As far as it has come. */
  readonly answer: Answer;
  /** Whether its end mark has been seen. */
  readonly hasEnded: boolean;
}

export const collectAnswer = (): AnswerCollector => {
  const answer: Answer = { id: '', model: '', parts: [], stop: { reason: 'other', raw: '' } };
  const parts = new Map<number, AssistantPart>();
  /** Beside the first choice. */
  const others = new Map<number, AssistantPart[]>();
  const unsaid = new Set<string>();
  let hasEnded = false;

  const begin = ({ index, choice = 0 }: { index: number; choice?: number }, part: AssistantPart): void => {
    parts.set(index, part);
    if (choice === 0) {
      answer.parts.push(part);
      return;
    }
    const list = others.get(choice) ?? [];
    others.set(choice, list);
    list.push(part);
  };

  const see = (event: StreamEvent): void => {
    switch (event.type) {
      case 'answer-start':
        answer.id = event.id;
        answer.model = event.model;
        return;
      case 'text-start':
        begin(event, { type: 'text', text: '' });
        return;
      case 'refusal-start':
        begin(event, { type: 'refusal', text: '' });
        return;
      case 'reasoning-start':
        begin(event, { type: 'reasoning', ...(event.id !== undefined && { id: event.id }), text: '' });
        return;
      case 'redacted-reasoning': {
        const { index, choice, ...part } = event;
        begin({ index, ...(choice !== undefined && { choice }) }, part);
        return;
      }
      case 'tool-call-start':
        begin(event, { type: 'tool-call', id: event.id, name: event.name, arguments: '' });
        return;
      case 'text-delta':
      case 'refusal-delta':
      case 'reasoning-delta': {
        const part = parts.get(event.index);
        if (part !== undefined && 'text' in part) part.text += event.text;
        return;
      }
      case 'tool-call-delta': {
        const part = parts.get(event.index);
        if (part?.type === 'tool-call') part.arguments += event.arguments;
        return;
      }
      case 'signature': {
        const part = parts.get(event.index);
        if (part?.type === 'text' || part?.type === 'reasoning' || part?.type === 'tool-call')
          Object.assign(part, {
            signature: event.signature,
            ...(event.signedBy !== undefined && { signedBy: event.signedBy }),
          } satisfies Signed);
        return;
      }
      case 'citation': {
        const part = parts.get(event.index);
        if (part?.type !== 'text') return;
        part.citations ??= [];
        part.citations.push(event.citation);
        return;
      }
      case 'logprobs': {
        const part = parts.get(event.index);
        if (part?.type !== 'text') return;
        part.logprobs ??= [];
        // One by one: as arguments of a call too many throw.
        for (const token of event.tokens) part.logprobs.push(token);
        return;
      }
      case 'usage':
        answer.usage = event.usage;
        return;
      case 'unsaid':
        if (unsaid.size >= MOST_UNSAID || unsaid.has(event.what)) return;
        unsaid.add(event.what);
        answer.unsaid ??= [];
        answer.unsaid.push(event.what);
        return;
      case 'stop': {
        answer.stop = event.stop;
        const stops = event.alternatives ?? [];
        if (stops.length > 0) answer.alternatives = stops.map((stop, i) => ({ parts: others.get(i + 1) ?? [], stop }));
        return;
      }
      case 'answer-end':
        hasEnded = true;
        return;
      // What breaks a stream is no part of an answer, and an end of a part says nothing that its successor does not.
      case 'part-end':
      case 'error':
        return;
      default:
        event satisfies never;
    }
  };

  return {
    see,
    get answer() {
      return answer;
    },
    get hasEnded() {
      return hasEnded;
    },
  };
};

/** A whole answer as a stream of events: each part at once. Usage is known from the first, where Anthropic's clients look for it. */
export const answerEvents = (answer: Answer): StreamEvent[] => {
  const { alternatives = [], unsaid = [] } = answer;
  const parts = [answer, ...alternatives].flatMap((one, choice) => one.parts.map((part) => ({ part, choice })));
  return [
    { type: 'answer-start', id: answer.id, model: answer.model },
    ...(answer.usage === undefined ? [] : [{ type: 'usage', usage: answer.usage } as const]),
    ...parts.flatMap(({ part, choice }, index) => partEvents(part, index, choice)),
    ...unsaid.map((what): StreamEvent => ({ type: 'unsaid', what })),
    {
      type: 'stop',
      stop: answer.stop,
      ...(alternatives.length > 0 && { alternatives: alternatives.map(({ stop }) => stop) }),
    },
    { type: 'answer-end' },
  ];
};

const partEvents = (part: AssistantPart, index: number, choice: number): StreamEvent[] => {
  const of = { index, ...(choice > 0 && { choice }) };
  const end: StreamEvent = { type: 'part-end', index };
  const id = 'id' in part && part.id !== undefined ? { id: part.id } : {};
  const said = 'text' in part ? part.text : '';
  const delta = <Type extends 'text' | 'refusal' | 'reasoning'>(type: Type): StreamEvent[] =>
    said === '' ? [] : [{ type: `${type}-delta`, index, text: said } as StreamEvent];
  switch (part.type) {
    case 'text':
      return [
        { type: 'text-start', ...of },
        ...delta('text'),
        ...(part.citations ?? []).map((citation): StreamEvent => ({ type: 'citation', index, citation })),
        ...(part.logprobs === undefined ? [] : [{ type: 'logprobs', index, tokens: part.logprobs } as const]),
        ...signatureEvent(part, index),
        end,
      ];
    case 'refusal':
      return [{ type: 'refusal-start', ...of }, ...delta('refusal'), end];
    case 'reasoning':
      return [{ type: 'reasoning-start', ...of, ...id }, ...delta('reasoning'), ...signatureEvent(part, index), end];
    case 'redacted-reasoning':
      return [{ ...part, ...of }, end];
    case 'tool-call':
      return [
        { type: 'tool-call-start', ...of, id: part.id, name: part.name },
        ...signatureEvent(part, index),
        ...(part.arguments === '' ? [] : [{ type: 'tool-call-delta', index, arguments: part.arguments } as const]),
        end,
      ];
    default:
      return part satisfies never;
  }
};

const signatureEvent = ({ signature, signedBy }: Signed, index: number): StreamEvent[] =>
  signature === undefined ? [] : [{ type: 'signature', index, signature, ...(signedBy !== undefined && { signedBy }) }];
