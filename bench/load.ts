import { type Dispatcher, Pool } from 'undici';
import { requestBody } from './answer.ts';
import { type Summary, summarize } from './statistics.ts';
import { findFaultInAnswer, findFaultInStream, hasContent } from './verify-answer.ts';

export interface LoadOrder {
  /** Base URL with `/v1`. */
  baseUrl: string;
  headers: Record<string, string>;
  stream: boolean;
  concurrency: number;
  durationMs: number;
  maxRequests: number;
}

export interface LoadResult {
  /** Answered whole and right. */
  answered: number;
  failed: number;
  /** What went wrong, with how often. */
  faults: Record<string, number>;
  elapsedMs: number;
  latencyMs: Summary;
  /** Time to the first content; of a plain answer the same as its latency. */
  firstTokenMs: Summary;
}

interface Exchange {
  startedAt: number;
  firstTokenAt: number | undefined;
  endedAt: number;
  fault: string | undefined;
}

const requestTimeoutMs = 30_000;

function exchange(pool: Pool, path: string, order: LoadOrder, body: string): Promise<Exchange> {
  const startedAt = performance.now();
  const chunks: Buffer[] = [];
  let status = 0;
  let firstTokenAt: number | undefined;
  return new Promise((resolve) => {
    const finish = (fault: string | undefined) => resolve({ startedAt, firstTokenAt, endedAt, fault });
    let endedAt = startedAt;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {},
      onResponseStart(_controller, statusCode) {
        status = statusCode;
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk);
        if (firstTokenAt === undefined && order.stream && hasContent(chunk.toString('latin1')))
          firstTokenAt = performance.now();
      },
      onResponseEnd() {
        endedAt = performance.now();
        const text = Buffer.concat(chunks).toString('utf8');
        firstTokenAt ??= endedAt;
        finish(order.stream ? findFaultInStream(status, text) : findFaultInAnswer(status, text));
      },
      onResponseError(_controller, error) {
        endedAt = performance.now();
        finish(`the connection broke: ${error.message}`);
      },
    };
    pool.dispatch({ path, method: 'POST', headers: order.headers, body }, handler);
  });
}

/**
 * Carries out one order: keeps `concurrency` requests under way until the time or the count is up, lets those under way
 * finish, and checks every answer word for word. Bounded by its time, its count, and the time of each request.
 *
 * @throws when asked to load anything but this machine
 */
export async function runLoad(order: LoadOrder): Promise<LoadResult> {
  const url = new URL(`${order.baseUrl}/chat/completions`);
  if (url.hostname !== '127.0.0.1') throw new Error(`load goes to 127.0.0.1 only, not to ${url.hostname}`);
  const pool = new Pool(url.origin, {
    connections: order.concurrency,
    pipelining: 1,
    headersTimeout: requestTimeoutMs,
    bodyTimeout: requestTimeoutMs,
  });
  const body = requestBody(order.stream);
  const latencies: number[] = [];
  const firstTokens: number[] = [];
  const faults: Record<string, number> = {};
  let started = 0;
  let failed = 0;
  const startedAt = performance.now();
  const work = async () => {
    while (started < order.maxRequests && performance.now() - startedAt < order.durationMs) {
      started += 1;
      const done = await exchange(pool, url.pathname, order, body);
      if (done.fault === undefined) {
        latencies.push(done.endedAt - done.startedAt);
        firstTokens.push((done.firstTokenAt ?? done.endedAt) - done.startedAt);
      } else {
        failed += 1;
        faults[done.fault] = (faults[done.fault] ?? 0) + 1;
        if (failed >= 100) return;
      }
    }
  };
  await Promise.all(Array.from({ length: order.concurrency }, work));
  const elapsedMs = performance.now() - startedAt;
  await pool.destroy();
  return {
    answered: latencies.length,
    failed,
    faults,
    elapsedMs,
    latencyMs: summarize(latencies),
    firstTokenMs: summarize(firstTokens),
  };
}
