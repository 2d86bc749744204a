import type { StreamEvent } from '../conversation.ts';
import type { AnswerContext, Dialect, Surface, WireEvent } from '../dialect.ts';
import type { Refusal } from '../failures.ts';

/** One stream on its way from a vendor's dialect to the client's. */
export interface StreamTranslator {
  /** `text` is what the client gets, `events` what it means; where they hold an error, the text is not used: `fail` tells it. */
  push(event: WireEvent): { text: string; events: StreamEvent[] };
  /** The vendor has closed without an end mark: what was held back until then, and, after a stop, the end mark in its place. */
  end(): { text: string; events: StreamEvent[] };
  /** The error event that ends a stream which broke after content. */
  fail(refusal: Refusal): string;
}

/** A stop that the vendor calls a failure is no end: what comes of it decides the call, and `fail` tells it. */
const isFailure = (event: StreamEvent): boolean => event.type === 'stop' && event.stop.reason === 'error';

/** Same dialect on both sides: the events pass through. Otherwise they go through the canonical ones. */
export const translateStream = (dialect: Dialect, surface: Surface, context: AnswerContext): StreamTranslator =>
  dialect.name === surface.name ? relay(surface, context) : recode(dialect, surface, context);

const relay = (surface: Surface, context: AnswerContext): StreamTranslator => {
  const stream = surface.relayStream(context);
  let hasStopped = false;
  let hasFailed = false;
  return {
    push(event) {
      const { text, events } = stream.push(event);
      for (const one of events) {
        hasStopped ||= one.type === 'stop';
        hasFailed ||= isFailure(one);
      }
      return { text: hasFailed ? '' : text, events };
    },
    end: () => ({ text: hasStopped && !hasFailed ? stream.end() : '', events: [] }),
    fail: (refusal) => stream.fail(refusal),
  };
};

const recode = (dialect: Dialect, surface: Surface, context: AnswerContext): StreamTranslator => {
  const decoder = dialect.decodeStream();
  const encoder = surface.encodeStream(context);
  let hasStopped = false;
  let hasFailed = false;
  const write = (events: StreamEvent[]): string => {
    let text = '';
    for (const event of events) {
      hasStopped ||= event.type === 'stop';
      hasFailed ||= isFailure(event);
      if (!hasFailed) text += encoder.push(event);
    }
    return text;
  };
  return {
    push(event) {
      const events = decoder.push(event);
      return { text: write(events), events };
    },
    end() {
      const events = decoder.end?.() ?? [];
      const text = write(events);
      return { text: hasStopped ? text + write([{ type: 'answer-end' }]) : text, events };
    },
    fail: (refusal) => encoder.fail(refusal),
  };
};
