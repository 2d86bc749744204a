import { formatUsd } from '../../contract/money.ts';
import type { Admission } from '../admit/admit.ts';
import type { CallResult } from '../call/call.ts';
import type { Asked } from '../decode/decode.ts';
import { logAnswer } from '../observe/log-request.ts';
import type { Ports } from '../ports.ts';
import type { Settled } from '../settle/settle.ts';
import { decisionHeaders } from './response-headers.ts';

type RespondPorts = Pick<Ports, 'clock' | 'log'>;

/** A whole answer: settled first, so that it carries what it cost. */
export const respondWithAnswer = (
  result: Extract<CallResult, { kind: 'answered' }>,
  settled: Settled,
  asked: Asked,
  admission: Admission,
  ports: RespondPorts,
): Response => {
  logAnswer(settled, asked, admission, ports);
  const { target, dropped, attempts } = result;
  return Response.json(result.body, {
    headers: {
      ...decisionHeaders(asked, admission, { target, dropped, attempts: attempts.length }, ports.clock.now()),
      'x-tollgate-cost-usd': formatUsd(settled.cost),
    },
  });
};

/** A streamed answer: bytes as they come. The stream closes once the request is settled, so that whoever reads to its end may read the ledger. */
export const respondWithStream = (
  result: Extract<CallResult, { kind: 'streaming' }>,
  settled: Promise<Settled>,
  asked: Asked,
  admission: Admission,
  ports: RespondPorts,
): Response => {
  const { target, dropped, attempts } = result;
  settled.then(
    (end) => logAnswer(end, asked, admission, ports),
    (error) => ports.log.error('stream not settled', { request_id: admission.requestId, error }),
  );
  return new Response(bodyOf(result.chunks, settled, asked.labels.costTrailer), {
    headers: {
      ...decisionHeaders(asked, admission, { target, dropped, attempts: attempts.length }, ports.clock.now()),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    },
  });
};

/** Pulled chunk by chunk; a reader that leaves is heard at once, also while a chunk is awaited. */
const bodyOf = (
  chunks: AsyncIterable<string>,
  settled: Promise<Settled>,
  costTrailer: boolean,
): ReadableStream<Uint8Array> => {
  const iterator = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let hasLeft = false;
  const end = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const { cost } = await settled;
    if (hasLeft) return;
    if (costTrailer) controller.enqueue(encoder.encode(`: x-tollgate-cost-usd=${formatUsd(cost)}\n\n`));
    controller.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) return end(controller);
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
