import { formatUsd } from '../../contract/money.ts';
import type { Admission } from '../admit/admission.ts';
import type { CallResult } from '../call/call.ts';
import { keepAnswer, makeTranscript, type Transcript } from '../idempotency/keep-answer.ts';
import { logAnswer } from '../observe/log-request.ts';
import type { Ports } from '../ports.ts';
import { withOffers } from '../quote/find-offers.ts';
import type { Settled } from '../settle/settle.ts';
import { respondWithRefusal } from './respond-with-refusal.ts';
import { decisionHeaders, undecidedHeaders } from './response-headers.ts';

/** What a call came to, in the surface's dialect. All but a stream is settled first, so that it carries what it cost and whoever has it may read its receipt. */
export const respond = async (
  result: CallResult,
  settled: Promise<Settled>,
  admission: Admission,
  ports: Ports,
): Promise<Response> => {
  switch (result.kind) {
    case 'answered':
      return respondWithAnswer(result, await settled, admission, ports);
    case 'streaming':
    case 'waiting':
      return respondWithStream(result, settled, admission, ports);
    case 'failed': {
      const { asked } = admission;
      const end = await settled;
      await keepAnswer(admission, end, undefined, ports);
      const refusal = await withOffers(result.refusal, asked, ports);
      return respondWithRefusal(refusal, asked.surface, ports, { asked, admission, settled: end });
    }
    default:
      return result satisfies never;
  }
};

const respondWithAnswer = async (
  result: Extract<CallResult, { kind: 'answered' }>,
  settled: Settled,
  admission: Admission,
  ports: Ports,
): Promise<Response> => {
  logAnswer(settled, admission, ports);
  const body = JSON.stringify(result.body);
  const response = new Response(body, {
    headers: {
      ...decisionHeaders(admission, result, ports.clock.now()),
      'content-type': 'application/json',
      'x-tollgate-cost-usd': formatUsd(settled.cost),
    },
  });
  await keepAnswer(admission, settled, { headers: response.headers, body }, ports);
  return response;
};

/** Bytes as they come. The stream closes once the request is settled, so that whoever reads to its end may read the ledger. */
const respondWithStream = (
  result: Extract<CallResult, { kind: 'streaming' | 'waiting' }>,
  settled: Promise<Settled>,
  admission: Admission,
  ports: Ports,
): Response => {
  const now = ports.clock.now();
  const headers = new Headers({
    ...(result.kind === 'waiting' ? undecidedHeaders(admission, now) : decisionHeaders(admission, result, now)),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  const transcript = admission.claim && makeTranscript();
  const entered = settled.then(
    async (end) => {
      logAnswer(end, admission, ports);
      await keepAnswer(admission, end, transcript && { headers, body: transcript.text() }, ports);
      return end;
    },
    // The answer is whole all the same; its entry stays open until the close.
    (error) => ports.log.error('stream not settled', { request_id: admission.requestId, error }),
  );
  return new Response(bodyOf(result.chunks, entered, admission.asked.labels.costTrailer, transcript), { headers });
};

/** Pulled chunk by chunk; a reader that leaves is heard at once, also while a chunk is awaited. */
const bodyOf = (
  chunks: AsyncIterable<string>,
  // biome-ignore lint/suspicious/noConfusingVoidType: what a log line gives back
  entered: Promise<Settled | void>,
  costTrailer: boolean,
  transcript: Transcript | undefined,
): ReadableStream<Uint8Array> => {
  const iterator = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let hasLeft = false;
  const end = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const settled = await entered;
    if (hasLeft) return;
    if (costTrailer && settled)
      controller.enqueue(encoder.encode(`: x-tollgate-cost-usd=${formatUsd(settled.cost)}\n\n`));
    controller.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) return end(controller);
        transcript?.add(value);
        if (!hasLeft) controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        hasLeft = true;
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
};
