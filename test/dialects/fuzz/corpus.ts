/** What is to be damaged: valid requests, answers and streams of every dialect, of the generator and, where they are there, recorded. */
import fc from 'fast-check';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { Dialect, EncodeTarget, Surface, WireEvent } from '../../../lambdas/core/dialect.ts';
import { answers, conversations } from '../../support/conversations.ts';
import { codecOf, recordings } from '../../support/recorded-exchanges.ts';
import { isStreamed, recordedBody, recordedRequest, recordedResponse, sseEventsOf } from '../../support/recordings.ts';
import { streamsOf } from '../../support/streams.ts';
import { eventsOfFrames, recordedFrames } from '../bedrock-converse/converse-frames.ts';

export interface Corpus {
  requests: JsonObject[];
  answers: JsonObject[];
  /** Whole streams, as the reader of the wire gives their events. */
  streams: WireEvent[][];
}

const TARGET: EncodeTarget = {
  model: 'model',
  maxOutputTokens: 1_000,
  modelMaxOutputTokens: 8_000,
  stream: false,
  reasoningModel: false,
};
const CONTEXT = { requestId: 'req_1', alias: 'assistant', createdAt: 1, streamUsage: true };
const SAMPLES = 40;

/** Small enough to be written out, for all who make vectors. */
const EMBEDDINGS: Corpus = {
  requests: [
    { model: 'm', input: 'text', encoding_format: 'base64', dimensions: 8, user: 'ada' },
    { model: 'm', input: ['one', 'two'], encoding_format: 'float' },
    { model: 'm', input: [[1, 2, 3], [4]] },
  ],
  answers: [
    {
      object: 'list',
      model: 'm',
      data: [{ object: 'embedding', index: 0, embedding: [0.1, -0.5] }],
      usage: { prompt_tokens: 3, total_tokens: 3 },
    },
    { model: 'm', data: [{ index: 0, embedding: 'AACAPwAAAEA=' }], usage: { prompt_tokens: 3 } },
    { embedding: [0.1, 0.2], inputTextTokenCount: 3 },
    { embeddings: [{ values: [0.1, 0.2] }] },
  ],
  streams: [],
};

const isSurface = (dialect: Dialect): dialect is Surface => 'relayRequest' in dialect;

/** @param seed of what is generated */
export const corpusOf = (dialect: Dialect, seed: number): Corpus => {
  if (dialect.name.endsWith('-embeddings')) return EMBEDDINGS;
  const asked = fc.sample(conversations(), { seed, numRuns: SAMPLES });
  const answered = fc.sample(answers(), { seed, numRuns: SAMPLES });
  const streamed = answered.map((answer) => fc.sample(streamsOf(answer), { seed, numRuns: 1 })[0] ?? []);
  const recorded = recordings.filter((recording) => codecOf(recording) === dialect);
  const whole = recorded.filter((recording) => recording.response.status === 200);
  return {
    requests: [
      ...asked.map((conversation) => dialect.encodeRequest(conversation, TARGET).body),
      ...recorded.filter(({ request }) => request !== null).map(recordedRequest),
    ],
    answers: [
      ...answered.map((answer) => dialect.encodeAnswer(answer, CONTEXT)),
      ...whole.filter((recording) => !isStreamed(recording)).map(recordedBody),
    ],
    streams: [
      // Only what clients read is written as a stream; the others have their recordings.
      ...(isSurface(dialect) ? streamed : []).map((events) => {
        const encoder = dialect.encodeStream(CONTEXT);
        return sseEventsOf(events.map((event) => encoder.push(event)).join(''));
      }),
      ...whole.filter(isStreamed).map((recording) => {
        const bytes = recordedResponse(recording);
        if (recording.response.file.endsWith('.sse')) return sseEventsOf(bytes.toString('utf8'));
        return eventsOfFrames(recordedFrames(recording));
      }),
    ],
  };
};

/** A stream as its server sends it. */
export const sseBytes = (events: readonly WireEvent[]): Buffer =>
  Buffer.from(
    events
      .map(({ type, data }) => {
        const text = typeof data === 'string' ? data : JSON.stringify(data);
        return `${type === '' ? '' : `event: ${type}\n`}data: ${text}\n\n`;
      })
      .join(''),
  );
