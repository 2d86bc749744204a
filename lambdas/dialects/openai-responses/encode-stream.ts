import type { Citation, JsonObject, Signed, Stop, StreamEvent, TokenLogprob, Usage } from '../../core/conversation.ts';
import type { AnswerContext, StreamEncoder } from '../../core/dialect.ts';
import { encodeCitation, encodeLogprobs } from './annotations.ts';
import { callItem, itemId, messageItem, reasoningItem, textContent } from './encode-answer.ts';
import { responseOf } from './response-object.ts';
import { encryptedOf } from './seals.ts';
import { incompleteReason } from './status.ts';
import { eventText, failureText } from './write-events.ts';

/** A part that has begun. */
interface Part extends Signed {
  type: 'text' | 'refusal' | 'reasoning' | 'tool-call';
  item: Item;
  /** Its place in a message. */
  contentIndex: number;
  text: string;
  citations: Citation[];
  logprobs: TokenLogprob[];
  call: { id: string; name: string };
  isOpen: boolean;
}

interface Item {
  id: string;
  index: number;
  parts: Part[];
  /** What the answer holds of it; undefined until it is done. */
  done?: JsonObject;
  /** Whether a later item has begun, so that a message takes no more parts. */
  isSealed: boolean;
}

/**
 * Writes the whole sequence of typed events. Items may be open side by side, as parts are; a message takes texts and refusals
 * until another item begins, and is done when they are. The last event repeats the answer as a whole, and stands only
 * behind a whole answer.
 */
export const encodeStream = (context: AnswerContext): StreamEncoder => {
  const items: Item[] = [];
  const parts = new Map<number, Part>();
  let sequence = 0;
  let hasStarted = false;
  let isOver = false;
  let hasRefusal = false;
  let usage: Usage | undefined;
  let stop: Stop | undefined;

  const write = (type: string, fields: JsonObject): string => {
    const text = eventText(type, sequence, fields);
    sequence += 1;
    return text;
  };

  const start = (): string => {
    if (hasStarted) return '';
    hasStarted = true;
    const response = responseOf(context, { status: 'in_progress', output: [] });
    return write('response.created', { response }) + write('response.in_progress', { response });
  };

  const place = ({ item, contentIndex }: Part): JsonObject => ({
    item_id: item.id,
    output_index: item.index,
    content_index: contentIndex,
  });
  const placeOfItem = ({ item }: Part): JsonObject => ({ item_id: item.id, output_index: item.index });
  const placeOfSummary = (part: Part): JsonObject => ({ ...placeOfItem(part), summary_index: 0 });

  /** A new item behind the others. A message before it takes no more. */
  const addItem = (id: string | undefined, prefix: 'msg' | 'fc' | 'rs', begin: (id: string) => JsonObject) => {
    const before = sealLast();
    const item: Item = {
      id: id ?? itemId(prefix, context, items.length),
      index: items.length,
      parts: [],
      isSealed: false,
    };
    items.push(item);
    return {
      item,
      text: before + write('response.output_item.added', { output_index: item.index, item: begin(item.id) }),
    };
  };

  const sealLast = (): string => {
    const last = items.at(-1);
    if (last === undefined) return '';
    last.isSealed = true;
    return finishMessage(last);
  };

  const openPart = (index: number, item: Item, type: Part['type'], call = { id: '', name: '' }): Part => {
    const part: Part = {
      type,
      item,
      contentIndex: item.parts.length,
      text: '',
      citations: [],
      logprobs: [],
      call,
      isOpen: true,
    };
    item.parts.push(part);
    parts.set(index, part);
    return part;
  };

  const isMessage = (item: Item): boolean => item.parts.some(({ type }) => type === 'text' || type === 'refusal');

  const startSpoken = (index: number, type: 'text' | 'refusal'): string => {
    const last = items.at(-1);
    const goesOn = last !== undefined && !last.isSealed && last.done === undefined && isMessage(last);
    const { item, text } = goesOn
      ? { item: last, text: '' }
      : addItem(undefined, 'msg', (id) => messageItem(id, 'in_progress', []));
    const part = openPart(index, item, type);
    return text + write('response.content_part.added', { ...place(part), part: contentOf(part) });
  };

  const say = (part: Part, text: string): string => {
    const isFirst = part.text === '';
    part.text += text;
    if (text === '') return '';
    switch (part.type) {
      case 'text':
        return write('response.output_text.delta', { ...place(part), delta: text, logprobs: [] });
      case 'refusal':
        return write('response.refusal.delta', { ...place(part), delta: text });
      case 'tool-call':
        return write('response.function_call_arguments.delta', { ...placeOfItem(part), delta: text });
      case 'reasoning': {
        const added = isFirst
          ? write('response.reasoning_summary_part.added', { ...placeOfSummary(part), part: summaryOf('') })
          : '';
        return added + write('response.reasoning_summary_text.delta', { ...placeOfSummary(part), delta: text });
      }
    }
  };

  const cite = (part: Part, citation: Citation): string => {
    const annotation = encodeCitation(citation, part.text);
    if (annotation === undefined) return '';
    const index = part.citations.length;
    part.citations.push(citation);
    return write('response.output_text.annotation.added', { ...place(part), annotation_index: index, annotation });
  };

  const contentOf = (part: Part): JsonObject =>
    part.type === 'refusal' ? { type: 'refusal', refusal: part.text } : textContent({ ...part, type: 'text' });

  const endPart = (part: Part): string => {
    if (!part.isOpen) return '';
    part.isOpen = false;
    switch (part.type) {
      case 'text':
      case 'refusal': {
        const done =
          part.type === 'text'
            ? write('response.output_text.done', {
                ...place(part),
                text: part.text,
                logprobs: encodeLogprobs(part.logprobs),
              })
            : write('response.refusal.done', { ...place(part), refusal: part.text });
        return (
          done +
          write('response.content_part.done', { ...place(part), part: contentOf(part) }) +
          finishMessage(part.item)
        );
      }
      case 'tool-call':
        return (
          write('response.function_call_arguments.done', {
            ...placeOfItem(part),
            arguments: part.text,
            name: part.call.name,
          }) +
          finishItem(part.item, callItem(part.item.id, 'completed', { ...part, ...part.call, arguments: part.text }))
        );
      case 'reasoning': {
        const told =
          part.text === ''
            ? ''
            : write('response.reasoning_summary_text.done', { ...placeOfSummary(part), text: part.text }) +
              write('response.reasoning_summary_part.done', { ...placeOfSummary(part), part: summaryOf(part.text) });
        return (
          told +
          finishItem(part.item, reasoningItem(part.item.id, part.text, encryptedOf({ ...part, type: 'reasoning' })))
        );
      }
    }
  };

  /** A message is done once it takes no more and all that it has is done. */
  const finishMessage = (item: Item): string => {
    if (item.done !== undefined || !item.isSealed || !isMessage(item)) return '';
    if (item.parts.some(({ isOpen }) => isOpen)) return '';
    return finishItem(item, messageItem(item.id, 'completed', item.parts.map(contentOf)));
  };

  const finishItem = (item: Item, value: JsonObject): string => {
    // What was being said when the answer ended is incomplete too.
    const isCut = incompleteOf() !== undefined && item === items.at(-1) && value['status'] !== undefined;
    item.done = isCut ? { ...value, status: 'incomplete' } : value;
    return write('response.output_item.done', { output_index: item.index, item: item.done });
  };

  const incompleteOf = () =>
    stop === undefined ? undefined : incompleteReason(stop.reason, hasRefusal && stop.explanation === undefined);

  const outputSoFar = (): JsonObject[] => items.flatMap(({ done }) => (done === undefined ? [] : [done]));

  const end = (): string => {
    if (isOver) return '';
    let text = start();
    for (const part of parts.values()) text += endPart(part);
    text += sealLast();
    isOver = true;
    const incomplete = incompleteOf();
    const status = incomplete === undefined ? 'completed' : 'incomplete';
    const response = responseOf(context, {
      status,
      output: outputSoFar(),
      ...(incomplete !== undefined && { incomplete }),
      ...(usage !== undefined && { usage }),
    });
    return text + write(`response.${status}`, { response });
  };

  const onPart = (index: number, act: (part: Part) => string): string => {
    const part = parts.get(index);
    return part === undefined || !part.isOpen ? '' : act(part);
  };

  const push = (event: StreamEvent): string => {
    switch (event.type) {
      case 'answer-start':
        return start();
      case 'text-start':
        return start() + startSpoken(event.index, 'text');
      case 'refusal-start':
        hasRefusal = true;
        return start() + startSpoken(event.index, 'refusal');
      case 'reasoning-start': {
        const opened = start();
        const { item, text } = addItem(event.id, 'rs', (id) => reasoningItem(id, '', undefined));
        openPart(event.index, item, 'reasoning');
        return opened + text;
      }
      case 'tool-call-start': {
        const opened = start();
        const call = { id: event.id, name: event.name };
        const { item, text } = addItem(undefined, 'fc', (id) =>
          callItem(id, 'in_progress', { ...call, arguments: '' }),
        );
        openPart(event.index, item, 'tool-call', call);
        return opened + text;
      }
      case 'redacted-reasoning': {
        const opened = start();
        const encrypted = encryptedOf(event);
        const { item, text } = addItem(event.id, 'rs', (id) => reasoningItem(id, '', encrypted));
        return opened + text + finishItem(item, reasoningItem(item.id, '', encrypted));
      }
      case 'text-delta':
      case 'refusal-delta':
      case 'reasoning-delta':
        return onPart(event.index, (part) => say(part, event.text));
      case 'tool-call-delta':
        return onPart(event.index, (part) => say(part, event.arguments));
      case 'citation':
        return onPart(event.index, (part) => cite(part, event.citation));
      case 'logprobs':
        return onPart(event.index, (part) => {
          for (const token of event.tokens) part.logprobs.push(token);
          return '';
        });
      case 'signature':
        return onPart(event.index, (part) => {
          part.signature = event.signature;
          if (event.signedBy !== undefined) part.signedBy = event.signedBy;
          return '';
        });
      case 'part-end':
        return onPart(event.index, endPart);
      case 'usage':
        usage = event.usage;
        return '';
      case 'stop':
        stop = event.stop;
        return '';
      case 'answer-end':
        return end();
      // An error ends in `fail`.
      case 'error':
      case 'unsaid':
        return '';
      default:
        return event satisfies never;
    }
  };

  return {
    push,
    fail: (refusal) => {
      isOver = true;
      return (
        start() +
        failureText(refusal, context, sequence, responseOf(context, { status: 'failed', output: outputSoFar() }))
      );
    },
  };
};

const summaryOf = (text: string): JsonObject => ({ type: 'summary_text', text });
