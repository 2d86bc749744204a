import type { StreamEvent } from '../conversation.ts';
import type { AnswerContext, Dialect, Surface, WireEvent } from '../dialect.ts';
import type { Refusal } from '../failures.ts';

/** One stream on its way from a vendor's dialect to the client's. */
export interface StreamTranslator {
  /** `text` is what the client gets, `events` what it means; where they hold an error, the text is not used: `fail` tells it. */
  push(event: WireEvent): { text: string; events: StreamEvent[] };
  /** The end mark for a vendor that closed after its stop without one. */
  end(): string;
  /** The error event that ends a stream which broke after content. */
  fail(refusal: Refusal): string;
}

/** Same dialect on both sides: the events pass through. Otherwise they go through the canonical ones. */
export const translateStream = (dialect: Dialect, surface: Surface, context: AnswerContext): StreamTranslator =>
  dialect.name === surface.name ? relay(surface, context) : recode(dialect, surface, context);

const relay = (surface: Surface, context: AnswerContext): StreamTranslator => {
  const stream = surface.relayStream(context);
  return {
    push: (event) => stream.push(event),
    end: () => stream.end(),
    fail: (refusal) => stream.fail(refusal),
  };
};

const recode = (dialect: Dialect, surface: Surface, context: AnswerContext): StreamTranslator => {
  const decoder = dialect.decodeStream();
  const encoder = surface.encodeStream(context);
  return {
    push(event) {
      const events = decoder.push(event);
      let text = '';
      for (const each of events) text += encoder.push(each);
      return { text, events };
    },
    end: () => encoder.push({ type: 'answer-end' }),
    fail: (refusal) => encoder.fail(refusal),
  };
};
