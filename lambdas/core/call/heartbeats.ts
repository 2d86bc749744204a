import type { Refusal } from '../failures.ts';
import type { Clock } from '../ports.ts';
import type { CallResult, EarlyResult, LateResult } from './call.ts';

/** A comment: clients read over it, and proxies take it for life (WHATWG HTML, server-sent events). */
const HEARTBEAT = ': waiting\n\n';

/**
 * A streamed call whose client hears something at least that often: comments, wherever nothing else has come. The first one
 * commits the answer to a 200 before anybody knows who answers; what fails after it is told inside the stream.
 *
 * @param leave stops the call: its reader has gone before there was a stream to leave
 * @param failText the surface's error event
 */
export const withHeartbeats = async (
  calling: Promise<LateResult>,
  {
    heartbeatMs,
    clock,
    leave,
    failText,
  }: { heartbeatMs: number; clock: Pick<Clock, 'after'>; leave: () => void; failText: (refusal: Refusal) => string },
): Promise<CallResult> => {
  const beat = (chunks: AsyncIterable<string>) => addHeartbeats(chunks, heartbeatMs, clock);
  const early = await raceTimer(calling, heartbeatMs, clock);
  if (early === undefined) {
    const result: EarlyResult = {
      kind: 'waiting',
      chunks: beat(chunksOf(calling, failText, leave)),
      result: calling,
    };
    return result;
  }
  return early.value.kind === 'streaming' ? { ...early.value, chunks: beat(early.value.chunks) } : early.value;
};

/** @returns undefined when the time was up first */
const raceTimer = <T>(work: Promise<T>, ms: number, clock: Pick<Clock, 'after'>): Promise<{ value: T } | undefined> =>
  new Promise((resolve, reject) => {
    const clear = clock.after(ms, () => resolve(undefined));
    work.then((value) => resolve({ value }), reject).finally(clear);
  });

/** The chunks of a call that is still under way. */
const chunksOf = (
  calling: Promise<LateResult>,
  failText: (refusal: Refusal) => string,
  leave: () => void,
): AsyncIterable<string> => {
  let chunks: AsyncIterator<string> | undefined;
  let hasFailed = false;
  const next = async (): Promise<IteratorResult<string>> => {
    if (hasFailed) return { done: true, value: undefined };
    const result = await calling;
    if (result.kind === 'streaming') {
      chunks ??= result.chunks[Symbol.asyncIterator]();
      return chunks.next();
    }
    if (result.kind === 'answered') throw new Error('a streamed request was answered whole');
    hasFailed = true;
    return { done: false, value: failText(result.refusal) };
  };
  const end = async (): Promise<IteratorResult<string>> => {
    if (chunks === undefined) leave();
    else await chunks.return?.();
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
};

/** Pulled like the chunks themselves: a client that does not read is sent no comments either. */
const addHeartbeats = (
  chunks: AsyncIterable<string>,
  heartbeatMs: number,
  clock: Pick<Clock, 'after'>,
): AsyncIterable<string> => {
  const iterator = chunks[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<string>> | undefined;
  const next = async (): Promise<IteratorResult<string>> => {
    pending ??= iterator.next();
    const come = await raceTimer(pending, heartbeatMs, clock);
    if (come === undefined) return { done: false, value: HEARTBEAT };
    pending = undefined;
    return come.value;
  };
  const end = async (): Promise<IteratorResult<string>> =>
    (await iterator.return?.()) ?? { done: true, value: undefined };
  return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
};
