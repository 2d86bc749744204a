import type { Citation, JsonObject, JsonValue, Stop, StreamEvent, Usage } from '../../core/conversation.ts';
import type { AnswerContext, StreamEncoder } from '../../core/dialect.ts';
import { encodeCitation } from './citations.ts';
import { DONE } from './decode-stream.ts';
import { answerId } from './encode-answer.ts';
import { encodeErrorEvent } from './encode-error.ts';
import { encodeLogprobs } from './logprobs.ts';
import { encodeDetail, encodeExtra, type Thought } from './reasoning-details.ts';
import { encodeStop } from './stop-reasons.ts';
import { encodeUsage } from './usage.ts';

interface Choice {
  index: number;
  hasRole: boolean;
  hasRefusal: boolean;
  calls: number;
  /** Of the content so far, UTF-16 units. */
  textLength: number;
  /** Of the parts so far, the texts counted as one: where the next thought has its place (reasoning-details.ts). */
  places: number;
}

interface Part {
  choice: Choice;
  /** Index in `tool_calls`. */
  call?: number;
  /** A call whose name and id have not gone out: its signature goes with them where it is known by then. */
  unsent?: JsonObject;
  /** Of reasoning: what has been thought, for its signature to go with. */
  thought?: { id?: string; texts: string[] };
  /** Of a text: where it begins in the content, and what it rests on as a whole. */
  start: number;
  citations: Citation[];
}

/**
 * Writes a stream of `chat.completion.chunk`s. The role stands in the first delta of each choice; the usage chunk comes last
 * and only where the client asked; `[DONE]` only after a whole answer. A thought's signature comes with the whole thought
 * again, in one `reasoning_details` entry, so that a client needs nothing but that entry to send it back.
 */
export const encodeStream = (context: AnswerContext): StreamEncoder => {
  const head = JSON.stringify({
    id: answerId(context.requestId),
    object: 'chat.completion.chunk',
    created: context.createdAt,
    model: context.alias,
  }).slice(0, -1);
  const tail = context.streamUsage ? ',"usage":null}\n\n' : '}\n\n';
  const choices: Choice[] = [];
  const parts = new Map<number, Part>();
  let usage: Usage | undefined;

  const choiceAt = (index: number): Choice => {
    const known = choices[index];
    if (known !== undefined) return known;
    const choice = { index, hasRole: false, hasRefusal: false, calls: 0, textLength: 0, places: 0 };
    choices[index] = choice;
    return choice;
  };

  const start = (index: number, choice: number | undefined, more: Partial<Part> = {}): Part => {
    const of = choiceAt(choice ?? 0);
    const part: Part = { choice: of, start: of.textLength, citations: [], ...more };
    parts.set(index, part);
    return part;
  };
  const partAt = (index: number): Part => parts.get(index) ?? start(index, 0);

  const chunk = (
    { index }: Choice,
    delta: JsonObject,
    finishReason: string | null = null,
    logprobs: JsonValue = null,
  ): string => {
    const choice = { index, delta, logprobs, finish_reason: finishReason };
    return `data: ${head},"choices":[${JSON.stringify(choice)}]${tail}`;
  };
  /** The first delta names the role, as OpenAI's does; nothing is written before there is something to say. */
  const say = (choice: Choice, delta: JsonObject): string => sayRole(choice) + chunk(choice, delta);
  const sayRole = (choice: Choice): string => {
    if (choice.hasRole) return '';
    choice.hasRole = true;
    return chunk(choice, { role: 'assistant', content: '', refusal: null });
  };

  const sayText = ({ choice }: Part, text: string): string => {
    if (text !== '' && choice.textLength === 0) choice.places += 1;
    choice.textLength += text.length;
    return say(choice, { content: text });
  };
  const sayRefusal = ({ choice }: Part, text: string): string => {
    if (!choice.hasRefusal) choice.places += 1;
    choice.hasRefusal = true;
    return say(choice, { refusal: text });
  };
  const sayThought = (choice: Choice, thought: Thought): string => {
    const detail = encodeDetail(thought, choice.places);
    if (detail === undefined) return '';
    choice.places += 1;
    return say(choice, { reasoning_details: [detail] });
  };
  const startCall = (index: number, choice: number | undefined, id: string, name: string): void => {
    const of = choiceAt(choice ?? 0);
    const call = of.calls;
    of.calls += 1;
    of.places += 1;
    start(index, choice, { call, unsent: { index: call, id, type: 'function', function: { name, arguments: '' } } });
  };
  const sayCall = (part: Part, more: JsonObject = {}): string => {
    const call = part.unsent;
    if (call === undefined) return '';
    delete part.unsent;
    return say(part.choice, { tool_calls: [{ ...call, ...more }] });
  };
  const sign = (part: Part, signed: Extract<StreamEvent, { type: 'signature' }>): string => {
    const { signature, signedBy } = signed;
    const by = signedBy === undefined ? {} : { signedBy };
    if (part.thought !== undefined) {
      const { texts, ...thought } = part.thought;
      return sayThought(part.choice, { type: 'reasoning', ...thought, text: texts.join(''), signature, ...by });
    }
    const extra = encodeExtra({ signature, ...by });
    if (part.unsent !== undefined) return sayCall(part, extra);
    if (Object.keys(extra).length === 0) return '';
    return say(
      part.choice,
      part.call === undefined
        ? { content: '', ...extra }
        : { tool_calls: [{ index: part.call, function: { arguments: '' }, ...extra }] },
    );
  };
  const cite = (part: Part, citation: Citation): string => {
    // One that holds for the whole text waits for the text's end.
    if (citation.span === undefined) {
      part.citations.push(citation);
      return '';
    }
    return say(part.choice, { ...encodeCitation(citation, part.start, 0) });
  };
  const end = (index: number): string => {
    const part = parts.get(index);
    if (part === undefined) return '';
    parts.delete(index);
    const { choice, start: from, citations } = part;
    const cited = citations.map((one) => say(choice, { ...encodeCitation(one, from, choice.textLength - from) }));
    return sayCall(part) + cited.join('');
  };
  const finish = (stops: readonly Stop[]): string =>
    stops
      .map((stop, index) => {
        const choice = choiceAt(index);
        const hasRefusal = choice.hasRefusal && stop.explanation === undefined;
        return sayRole(choice) + chunk(choice, {}, encodeStop(stop, hasRefusal));
      })
      .join('');
  const endAll = (): string => {
    const last =
      context.streamUsage && usage !== undefined
        ? `data: ${head},"choices":[],"usage":${JSON.stringify(encodeUsage(usage))}}\n\n`
        : '';
    return `${last}data: ${DONE}\n\n`;
  };

  const push = (event: StreamEvent): string => {
    switch (event.type) {
      case 'text-delta':
        return sayText(partAt(event.index), event.text);
      case 'refusal-delta':
        return sayRefusal(partAt(event.index), event.text);
      case 'reasoning-delta': {
        const part = partAt(event.index);
        part.thought?.texts.push(event.text);
        return say(part.choice, { reasoning_content: event.text });
      }
      case 'tool-call-start':
        startCall(event.index, event.choice, event.id, event.name);
        return '';
      case 'tool-call-delta': {
        const part = partAt(event.index);
        const { choice, call = 0 } = part;
        return sayCall(part) + say(choice, { tool_calls: [{ index: call, function: { arguments: event.arguments } }] });
      }
      case 'signature':
        return sign(partAt(event.index), event);
      case 'redacted-reasoning': {
        const { id, data, madeBy, choice } = event;
        const thought: Thought = {
          type: 'redacted-reasoning',
          data,
          ...(id !== undefined && { id }),
          ...(madeBy !== undefined && { madeBy }),
        };
        return sayThought(choiceAt(choice ?? 0), thought);
      }
      case 'citation':
        return cite(partAt(event.index), event.citation);
      case 'logprobs': {
        const { choice } = partAt(event.index);
        return sayRole(choice) + chunk(choice, {}, null, encodeLogprobs(event.tokens));
      }
      case 'reasoning-start':
        start(event.index, event.choice, { thought: { ...(event.id !== undefined && { id: event.id }), texts: [] } });
        return '';
      case 'text-start':
      case 'refusal-start':
        start(event.index, event.choice);
        return '';
      case 'part-end':
        return end(event.index);
      case 'usage':
        usage = event.usage;
        return '';
      case 'stop':
        return finish([event.stop, ...(event.alternatives ?? [])]);
      case 'answer-end':
        return endAll();
      // An answer begins with its first words; an error ends in `fail`.
      case 'answer-start':
      case 'error':
      case 'unsaid':
        return '';
      default:
        return event satisfies never;
    }
  };
  return { push, fail: (refusal) => encodeErrorEvent(refusal, context.requestId) };
};
