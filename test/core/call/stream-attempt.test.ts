import { describe, expect, test } from '@jest/globals';
import { attemptFailure } from '../../../lambdas/core/call/attempt-failure.ts';
import { watchAttempt } from '../../../lambdas/core/call/deadlines.ts';
import { readStream, readUntilContent } from '../../../lambdas/core/call/stream-attempt.ts';
import { startTally } from '../../../lambdas/core/call/tally.ts';
import type { StreamTranslator } from '../../../lambdas/core/call/translate-stream.ts';
import type { EventStream } from '../../../lambdas/core/call/upstream.ts';
import type { StreamEvent } from '../../../lambdas/core/conversation.ts';
import type { WireEvent } from '../../../lambdas/core/dialect.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { makeTarget } from './call-fixture.ts';

const meaningOf = (data: string): StreamEvent[] => {
  if (data === 'error') return [{ type: 'error', error: { status: 529, type: 'overloaded', message: 'busy' } }];
  if (data === 'end') return [{ type: 'answer-end' }];
  return data === 'role' ? [] : [{ type: 'text-delta', index: 0, text: data }];
};

const translator: StreamTranslator = {
  push: ({ data }) => ({ text: `${data};`, events: meaningOf(String(data)) }),
  end: () => ({ text: 'end;', events: [] }),
  fail: () => 'failed;',
};

/** Events in the packets that they come in. */
const openStream = (packets: string[][]): EventStream & { waits: number } => {
  const queue: WireEvent[] = [];
  const left = [...packets];
  const stream = {
    waits: 0,
    arrived: () => queue.shift(),
    [Symbol.asyncIterator]: () => ({
      next: async (): Promise<IteratorResult<WireEvent, undefined>> => {
        stream.waits += 1;
        if (queue.length === 0) queue.push(...(left.shift() ?? []).map((data) => ({ type: '', data })));
        const value = queue.shift();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
    }),
  };
  return stream;
};

const open = (packets: string[][]) => {
  const clock = makeFakeClock();
  const events = openStream(packets);
  const tally = startTally(makeTarget('a'), clock);
  const reader = readStream({
    events,
    translator,
    tally,
    watch: watchAttempt(new AbortController().signal, clock.now() + 60_000, clock),
    mapError: () => attemptFailure('overloaded', { message: 'busy', mayBeBilled: false }),
    decodeError: (status, _, message) => ({ status, type: '', message }),
    clock,
    failureOf: (error) => {
      throw error;
    },
  });
  return { events, tally, reader };
};

describe('events that came together', () => {
  test('are read and sent on together', async () => {
    const { events, reader } = open([['role', 'a', 'b'], ['c'], ['d', 'end']]);
    expect(await reader.next()).toEqual({ kind: 'text', text: 'role;a;b;' });
    expect(await reader.next()).toEqual({ kind: 'text', text: 'c;' });
    expect(await reader.next()).toEqual({ kind: 'complete', text: 'd;end;' });
    expect(events.waits).toBe(3);
  });

  test('behind the end mark are left alone', async () => {
    const { events, reader } = open([['a', 'end', 'b']]);
    expect(await reader.next()).toEqual({ kind: 'complete', text: 'a;end;' });
    expect(events.arrived?.()).toMatchObject({ data: 'b' });
  });

  test('do not hide a failure, nor does it take along the text before it', async () => {
    const { reader } = open([['a', 'b', 'error', 'c']]);
    expect(await reader.next()).toEqual({ kind: 'text', text: 'a;b;' });
    expect(await reader.next()).toMatchObject({ kind: 'failed', failure: { reason: 'overloaded' } });
  });

  test('without content before a failure commit nothing', async () => {
    const { reader, tally } = open([['role', 'error']]);
    expect(await readUntilContent(reader, tally)).toMatchObject({ kind: 'failed' });
  });

  test('go on in bounded pieces', async () => {
    const { reader } = open([Array.from({ length: 100 }, () => 'x'.repeat(1000))]);
    const { text } = (await reader.next()) as { text: string };
    expect(text.length).toBeGreaterThan(10_000);
    expect(text.length).toBeLessThan(20_000);
  });
});
