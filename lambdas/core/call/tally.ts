import { estimateTokensHigh } from '../admit/estimate.ts';
import type { Answer, Stop, StreamEvent, Usage } from '../conversation.ts';
import type { AttemptFailure } from '../failures.ts';
import type { Clock } from '../ports.ts';
import { MOST_UNSAID } from '../says-nothing.ts';
import type { Target } from '../target.ts';
import type { AttemptRecord } from './call.ts';

/** Characters of output that are gathered before they are counted: an estimate a delta would round up hundreds of times. */
const COUNT_EVERY = 65_536;

/** What one attempt has come to so far; kept for attempts that are given up as well, since the vendor may bill them. */
export interface Tally {
  status: number | undefined;
  readonly usage: Usage | undefined;
  readonly stop: Stop | undefined;
  /** Whether anything came that a client would see. */
  readonly hasContent: boolean;
  /** Whether any of it was more than a refusal's own words. */
  readonly hasMoreThanRefusal: boolean;
  readonly hasEnded: boolean;
  /** What came that could not be said to the client, each once. */
  readonly unsaid: readonly string[];
  /** The request goes out now: times count from here. */
  start(): void;
  /** Notes one event of the stream. @returns whether it is content */
  see(event: StreamEvent): boolean;
  /** Notes a whole answer. */
  seeAnswer(answer: Answer): void;
  /** The record as of now. */
  record(failure?: AttemptFailure): AttemptRecord;
}

/** @param sentOutputLimit tokens; undefined = none was sent */
export const startTally = (target: Target, clock: Clock, sentOutputLimit?: number): Tally => {
  let startedAt = clock.now();
  let status: number | undefined;
  let usage: Usage | undefined;
  let stop: Stop | undefined;
  let firstTokenMs: number | undefined;
  let hasEnded = false;
  const unsaid = new Set<string>();
  let hasMoreThanRefusal = false;
  let text = '';
  let countedTokens = 0;

  const count = (more: string): void => {
    text += more;
    if (text.length < COUNT_EVERY) return;
    countedTokens += estimateTokensHigh(text, target);
    text = '';
  };

  /** What a filter says in the model's place is nobody's output: a vendor that counted none is right. */
  const isFilterAlone = (): boolean =>
    (stop?.reason === 'content-filter' || stop?.explanation !== undefined) &&
    usage?.outputTokens === 0 &&
    !hasMoreThanRefusal;

  return {
    get status() {
      return status;
    },
    set status(value) {
      status = value;
    },
    get usage() {
      return usage;
    },
    get stop() {
      return stop;
    },
    get hasContent() {
      return firstTokenMs !== undefined;
    },
    get hasMoreThanRefusal() {
      return hasMoreThanRefusal;
    },
    get hasEnded() {
      return hasEnded;
    },
    get unsaid() {
      return [...unsaid];
    },
    start() {
      startedAt = clock.now();
    },
    see(event) {
      if (event.type === 'usage') usage = event.usage;
      else if (event.type === 'stop') stop = event.stop;
      else if (event.type === 'answer-end') hasEnded = true;
      else if (event.type === 'unsaid' && unsaid.size < MOST_UNSAID) unsaid.add(`answer: ${event.what}`);
      const content = contentOf(event);
      if (content === '') return false;
      count(content);
      if (event.type !== 'refusal-delta') hasMoreThanRefusal = true;
      firstTokenMs ??= Math.max(0, clock.now() - startedAt);
      return true;
    },
    seeAnswer(answer) {
      usage = answer.usage;
      stop = answer.stop;
      for (const what of answer.unsaid?.slice(0, MOST_UNSAID) ?? []) unsaid.add(`answer: ${what}`);
      // The vendor's count is the better one; ours is only for answers without, or with one of nothing.
      if (usage === undefined || usage.outputTokens === 0)
        for (const part of partsOf(answer)) {
          if (part.type !== 'refusal') hasMoreThanRefusal = true;
          count(contentOfPart(part));
        }
    },
    record: (failure) => ({
      target,
      startedAt,
      durationMs: Math.max(0, clock.now() - startedAt),
      ...(firstTokenMs !== undefined && { firstTokenMs }),
      ...(status !== undefined && { status }),
      ...(failure !== undefined && { failure }),
      ...(usage !== undefined && { usage }),
      ...(sentOutputLimit !== undefined && { sentOutputLimit }),
      seenOutputTokens: isFilterAlone() ? 0 : countedTokens + (text === '' ? 0 : estimateTokensHigh(text, target)),
    }),
  };
};

/** The output in an event, as text to be counted; '' for events that hold none, and so do not commit an answer. */
const contentOf = (event: StreamEvent): string => {
  switch (event.type) {
    case 'text-delta':
    case 'refusal-delta':
    case 'reasoning-delta':
      return event.text;
    case 'tool-call-start':
      // A call without arguments is content too; the spaces stand for the tokens that open it.
      return ` ${event.name} `;
    case 'tool-call-delta':
      return event.arguments;
    case 'redacted-reasoning':
      return event.data === '' ? ' ' : event.data;
    default:
      return '';
  }
};

const partsOf = ({ parts, alternatives = [] }: Answer): Answer['parts'] => [
  ...parts,
  ...alternatives.flatMap((one) => one.parts),
];

const contentOfPart = (part: Answer['parts'][number]): string => {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return part.text;
    case 'redacted-reasoning':
      return part.data;
    case 'tool-call':
      return ` ${part.name} ${part.arguments}`;
    default:
      return part satisfies never;
  }
};
