import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readEvents } from '../../../lambdas/adapters/http/read-events.ts';

const never = new AbortController().signal;
const sse = { 'content-type': 'text/event-stream; charset=utf-8' };

const read = async (chunks: Uint8Array[], headers: Record<string, string> = sse, max?: number) => {
  const events = [];
  for await (const event of readEvents(Readable.from(chunks), headers, never, max)) events.push(event);
  return events;
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Cuts at the given places, which may repeat or fall inside a character. */
const cut = (whole: Uint8Array, at: number[]): Uint8Array[] => {
  const places = [0, ...at.map((place) => place % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return places.slice(1).map((end, i) => whole.subarray(places[i], end));
};

describe('server-sent events', () => {
  test('any bytes in any pieces come out as the events that went in', async () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replace(/[\r\n\uFEFF]/g, ' '));
    const event = fc.record({
      type: fc.constantFrom('', 'delta', 'message_stop'),
      lines: fc.array(line, { minLength: 1, maxLength: 3 }),
      comment: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 6 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.array(fc.nat(2000), { maxLength: 12 }),
        async (events, end, bom, places) => {
          const text = events
            .map(({ type, lines, comment }) =>
              [
                ...(comment ? [': ping', ''] : []),
                ...(type === '' ? [] : [`event: ${type}`]),
                ...lines.map((value) => `data: ${value}`),
                '',
                '',
              ].join(end),
            )
            .join('');
          const chunks = cut(bytes(`${bom ? '\uFEFF' : ''}${text}`), places).filter((chunk) => chunk.length > 0);
          expect(await read(chunks)).toEqual(events.map(({ type, lines }) => ({ type, data: lines.join('\n') })));
        },
      ),
    );
  });

  test('every single cut of a stream with wide characters reads the same', async () => {
    const whole = bytes('\uFEFF: hi\r\nevent: delta\r\ndata: {"t":"é€😀"}\r\n\r\ndata: [DONE]\r\n\r\n');
    for (let at = 1; at < whole.length; at++) {
      expect(await read([whole.subarray(0, at), whole.subarray(at)])).toEqual([
        { type: 'delta', data: '{"t":"é€😀"}' },
        { type: '', data: '[DONE]' },
      ]);
    }
  });

  test('a last event without its blank line counts, one that breaks off within a line does not', async () => {
    expect(await read([bytes('data: 1\n\ndata: [DONE]\n')])).toHaveLength(2);
    expect(await read([bytes('data: 1\n\ndata: [DON')])).toHaveLength(1);
  });

  test.each([
    ['in one line', `data: ${'x'.repeat(200)}`],
    ['over many lines', 'data: 123456789\n'.repeat(20)],
  ])('an event over the bound %s is "too-large"', async (_, text) => {
    const small = Array.from({ length: 40 }, (_, i) => bytes(text.slice(i * 10, i * 10 + 10))).filter((c) => c.length);
    await expect(read(small, sse, 100)).rejects.toMatchObject({ kind: 'too-large' });
  });

  test('events that are each within the bound may add up to more', async () => {
    expect(await read([bytes(`data: ${'x'.repeat(60)}\n\n`.repeat(10))], sse, 100)).toHaveLength(10);
  });

  test.each([[{ 'content-type': 'text/html' }], [{ 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }]])(
    '%j is no event stream',
    async (headers) => {
      await expect(read([bytes('data: 1\n\n')], headers)).rejects.toMatchObject({ kind: 'malformed' });
    },
  );

  test('a stream whose server names no type is read', async () => {
    expect(await read([bytes('data: 1\n\n')], {})).toEqual([{ type: '', data: '1' }]);
  });
});

describe('events that have come already', () => {
  test('are handed out without waiting, in order, each once', async () => {
    const body = Readable.from([bytes('data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4'), bytes('\n\ndata: 5\n\n')]);
    const events = readEvents(body, sse, never);
    expect(events.arrived?.()).toBeUndefined();
    expect(await events.next()).toMatchObject({ value: { data: '1' } });
    expect(events.arrived?.()).toEqual({ type: '', data: '2' });
    expect(await events.next()).toMatchObject({ value: { data: '3' } });
    expect(events.arrived?.()).toBeUndefined();
    expect(await events.next()).toMatchObject({ value: { data: '4' } });
    expect(events.arrived?.()).toEqual({ type: '', data: '5' });
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });
});
