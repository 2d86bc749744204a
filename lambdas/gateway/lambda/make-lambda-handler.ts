import { setImmediate } from 'node:timers/promises';
import type { Outcome } from '../../core/receipt.ts';
import { readEvent } from './read-event.ts';
import { findStreaming, type LambdaContext, type RestEvent } from './runtime.ts';
import { bufferResponse, streamResponse } from './write-response.ts';

export interface FrontDoor {
  /** Answers a request; its signal aborts with the reason `deadline` when the function's time is nearly up. */
  answer(request: Request, context: LambdaContext): Promise<Response>;
  /** What the client is told when `answer` rejects, or a body breaks before its first bytes. Never rejects. */
  answerFailure(error: unknown, request: Request): Promise<Response>;
  /**
   * After every answer, and before the environment may be frozen. Done by the time that the signal aborts.
   *
   * @param deadline as of `answer`: what goes on behind answers ends then, while there is time to settle it. Past already where
   *   the answer leaves only when this has ended
   */
  beforeFreeze(signal: AbortSignal, deadline: AbortSignal): Promise<void>;
}

/** Kept for ending the answer, settling it and what is queued. */
const RESERVE_MS = 10_000;
const FREEZE_RESERVE_MS = 1_000;
/** Connections may have been closed while an environment stood frozen for longer than this. */
const FROZEN_AFTER_MS = 1_000;

const PAST = AbortSignal.abort('deadline' satisfies Outcome);

/** One function for both integrations: it streams where the runtime can. */
export const makeLambdaHandler = (door: FrontDoor) => {
  const streaming = findStreaming();
  /** A `Request` that nobody refers to is collected, and the signal that it made goes silent with it. */
  const underWay = new Set<Request>();
  let endedAt = performance.now();

  const run = async <T>(
    event: RestEvent,
    context: LambdaContext,
    write: (response: Response, whenBroken: (error: unknown) => Promise<Response>) => Promise<T>,
  ): Promise<T> => {
    if (performance.now() - endedAt > FROZEN_AFTER_MS) await noticeClosedConnections();
    const deadline = abortAfter(context.getRemainingTimeInMillis() - RESERVE_MS, 'deadline' satisfies Outcome);
    const request = readEvent(event, deadline.signal);
    underWay.add(request);
    try {
      const whenBroken = (error: unknown): Promise<Response> => door.answerFailure(error, request);
      const response = await door.answer(request, context).catch(whenBroken);
      return await write(response, whenBroken);
    } finally {
      underWay.delete(request);
      const freeze = abortAfter(context.getRemainingTimeInMillis() - FREEZE_RESERVE_MS, 'freeze');
      // Where nothing streams, the client is still waiting.
      await door.beforeFreeze(freeze.signal, streaming === undefined ? PAST : deadline.signal);
      freeze.clear();
      deadline.clear();
      endedAt = performance.now();
    }
  };

  if (streaming !== undefined)
    return streaming.streamifyResponse((event, stream, context) =>
      run(event, context, (response, whenBroken) => streamResponse(response, stream, streaming, whenBroken)),
    );
  return (event: RestEvent, context: LambdaContext) =>
    run(event, context, (response, whenBroken) =>
      bufferResponse(response).catch(async (error) => bufferResponse(await whenBroken(error))),
    );
};

/**
 * Lets Node see which kept connections were closed, and which have been idle for too long, before one is used: a write
 * that adds is never sent twice, so one lost in a dead connection would be a hold that nobody has.
 */
const noticeClosedConnections = async (): Promise<void> => {
  // One turn of the loop for what the sockets have to tell, one for the timers that ran out meanwhile.
  await setImmediate();
  await setImmediate();
};

const abortAfter = (ms: number, reason: string): { signal: AbortSignal; clear(): void } => {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(reason), Math.max(1, ms));
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
};
