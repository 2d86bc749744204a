import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LateResult } from '../../../lambdas/core/call/call.ts';
import { callTargets } from '../../../lambdas/core/call/call-targets.ts';
import type { StreamEvent } from '../../../lambdas/core/conversation.ts';
import { ANSWER, END, fails, later, makeScene, makeTarget, START, text, USAGE } from './call-fixture.ts';
import { wire } from './plain-dialect.ts';
import type { Script } from './scripted-upstream.ts';

const afterMs = fc.constantFrom(0, 0, 1, 700, 3_000, 12_000);

const anyError: fc.Arbitrary<Script> = fc
  .record({
    status: fc.constantFrom(400, 401, 404, 413, 429, 500, 503, 529, 302),
    retryAfter: fc.constantFrom(undefined, '0', '1', '4', '100'),
    hangs: fc.boolean(),
  })
  .map(({ status, retryAfter, hangs }) => {
    const script = fails(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
    return hangs ? { ...script, body: { hang: true } } : script;
  });
const anyBreak: fc.Arbitrary<Script> = fc.oneof(
  fc.record({ broken: fc.constantFrom('connect', 'reset', 'aborted', 'too-large', 'malformed'), afterMs }),
  fc.constant({ hang: true } as const),
);

const ERROR: StreamEvent = { type: 'error', error: { status: 529, type: 'overloaded_error', message: 'busy' } };
/** A stream whose text names its host, with pieces in any order that a vendor might manage. */
const anyStream = (host: string): fc.Arbitrary<Script> =>
  fc
    .record({
      pieces: fc.array(
        fc.record({
          afterMs,
          event: fc.constantFrom<StreamEvent>(text(host), text(host), text(''), { type: 'usage', usage: USAGE }, ERROR),
        }),
        { maxLength: 5 },
      ),
      tail: fc.integer({ min: 0, max: END.length }),
      end: fc.constantFrom('close', 'close', 'hang', { broken: 'reset' }) as fc.Arbitrary<
        Extract<Script, { stream: unknown }>['end']
      >,
    })
    .map(({ pieces, tail, end }) => ({
      stream: [
        ...START.map((event) => later(0, event)),
        ...pieces.map(({ afterMs, event }) => ({ afterMs, event: wire(event) })),
        ...END.slice(0, tail).map((event) => later(0, event)),
      ],
      end,
    }));
const anyAnswer = (host: string): fc.Arbitrary<Script> =>
  fc
    .record({ ms: afterMs, body: fc.constantFrom('answer', 'answer', 'garbage', 'hang', 'reset') })
    .map(({ ms, body }): Script => {
      if (body === 'hang') return { status: 200, body: { hang: true } };
      if (body === 'reset') return { status: 200, body: { broken: 'reset' } };
      const said = JSON.stringify({ ...ANSWER, parts: [{ type: 'text', text: host }] });
      return { status: 200, body: body === 'garbage' ? '{' : said, afterMs: ms };
    });

const HOSTS = ['a', 'b', 'c'];
const anyRun = fc.boolean().chain((stream) =>
  fc.record({
    stream: fc.constant(stream),
    scripts: fc
      .tuple(
        ...HOSTS.map((host) =>
          fc.array(fc.oneof(anyError, anyBreak, stream ? anyStream(host) : anyAnswer(host)), {
            minLength: 1,
            maxLength: 3,
          }),
        ),
      )
      .chain((lists) =>
        fc
          .integer({ min: 1, max: 3 })
          .map((n) => Object.fromEntries(HOSTS.slice(0, n).map((host, i) => [host, lists[i] ?? []]))),
      ),
    otherDialect: fc.boolean(),
    attempts: fc.integer({ min: 1, max: 5 }),
    deadlineMs: fc.constantFrom(0, 500, 5_000, 20_000, 120_000),
    abortAfterMs: fc.constantFrom(undefined, undefined, 0, 600, 4_000),
    /** Chunks that the client takes before it goes; -1 = it never reads at all. */
    reads: fc.constantFrom(1_000, 1_000, 1, 2, 0, -1),
    fraction: fc.constantFrom(0, 0.5, 0.999),
  }),
);

describe('whatever the targets do', () => {
  test('calls stay within the budget, time within the deadline, and the client gets one answer or one refusal', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyRun,
        async ({ scripts, stream, otherDialect, attempts, deadlineMs, abortAfterMs, reads, fraction }) => {
          const targets = Object.keys(scripts).map((host) =>
            makeTarget(host, otherDialect ? { dialect: 'anthropic-messages' } : {}),
          );
          const { request, ports, clock, upstream, startedAt } = makeScene(scripts, { targets, fraction });
          const controller = new AbortController();
          const abort = () => controller.abort('client-gone');
          if (abortAfterMs === 0) abort();
          const clearAbort = abortAfterMs ? clock.after(abortAfterMs, abort) : () => {};
          const asked = request({
            stream,
            attempts,
            deadlineMs,
            signal: controller.signal,
            timeouts: { firstTokenMs: 2_000, idleMs: 2_500 },
          });

          const result = await clock.settle(callTargets(asked, ports));
          expect(clock.now()).toBeLessThanOrEqual(startedAt + Math.min(deadlineMs, abortAfterMs ?? deadlineMs));
          const records = await finish(result, reads, clock);
          expect(clock.now()).toBeLessThanOrEqual(startedAt + deadlineMs);

          expect(upstream.calls.length).toBeLessThanOrEqual(attempts);
          expect(records).toHaveLength(upstream.calls.length);
          expect(records.slice(0, -1).every(({ failure }) => failure !== undefined)).toBe(true);

          // Nothing is left behind, once the linger is over: no timer, and no connection that is neither read to its end nor aborted.
          clearAbort();
          await clock.advance(1_000);
          expect(clock.timers()).toBe(0);
          expect(upstream.calls.filter(({ isOpen }) => isOpen)).toEqual([]);
        },
      ),
      { numRuns: 1_500 },
    );
  }, 120_000);
});

/** Takes the result as a client would, checks that it is whole, and gives the attempts. */
const finish = async (result: LateResult, reads: number, clock: ReturnType<typeof makeScene>['clock']) => {
  if (result.kind === 'failed') {
    expect(result.refusal.message).not.toBe('');
    expect(['failed', 'refused-by-provider', 'client-gone', 'deadline']).toContain(result.outcome);
    return result.attempts;
  }
  if (result.kind === 'answered') {
    expect(JSON.stringify(result.body)).toContain(`"text":"${result.target.id}"`);
    expect(result.attempts.at(-1)?.failure).toBeUndefined();
    return result.attempts;
  }
  let said = '';
  let isRead = false;
  const read = async () => {
    let chunks = 0;
    for await (const chunk of result.chunks) {
      said += chunk;
      if (++chunks > reads) return;
    }
    isRead = true;
  };
  if (reads >= 0) await clock.settle(read());
  const end = await clock.settle(result.ended);

  const lines = said
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { type?: string; text?: string; fail?: string });
  for (const { text } of lines) if (text) expect(text).toBe(result.target.id);
  expect(lines.filter(({ type }) => type === 'answer-start').length).toBeLessThanOrEqual(1);
  const marks = lines.filter(({ type, fail }) => type === 'answer-end' || fail !== undefined);
  if (isRead) {
    expect(marks).toEqual([lines.at(-1)]);
    expect(marks[0]?.type === 'answer-end').toBe(end.outcome === 'answered');
  } else expect(marks.length).toBeLessThanOrEqual(1);
  // A stream that its client left next to its end may have been read to it.
  const isWhole = end.attempts.at(-1)?.failure === undefined;
  if (end.outcome !== 'client-gone' || !isWhole) expect(isWhole).toBe(end.outcome === 'answered');
  expect(end.attempts.at(-1)?.target).toBe(result.target);
  return end.attempts;
};
