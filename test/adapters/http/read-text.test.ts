import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { readText } from '../../../lambdas/adapters/http/read-text.ts';

const never = new AbortController().signal;

describe('the text of a reply', () => {
  test('is the same however its bytes are cut, a BOM dropped', async () => {
    const whole = Buffer.from('\uFEFF{"t":"é€😀"}');
    for (let at = 1; at < whole.length; at++) {
      const body = Readable.from([whole.subarray(0, at), whole.subarray(at)]);
      expect(await readText(body, {}, never)).toBe('{"t":"é€😀"}');
    }
  });

  test('over the bound is refused by its declared length before a byte is read', async () => {
    let read = 0;
    const body = new Readable({
      read() {
        read += 1;
        this.push(null);
      },
    });
    await expect(readText(body, { 'content-length': '101' }, never, 100)).rejects.toMatchObject({ kind: 'too-large' });
    expect([read, body.destroyed]).toEqual([0, true]);
  });

  test('over the bound is refused while it comes, and the rest is not read', async () => {
    let sent = 0;
    const body = Readable.from(
      (function* () {
        for (; sent < 1000; sent++) yield Buffer.alloc(10);
      })(),
    );
    await expect(readText(body, {}, never, 100)).rejects.toMatchObject({ kind: 'too-large' });
    expect(sent).toBeLessThan(100);
  });

  test('exactly at the bound is read', async () => {
    expect(await readText(Readable.from([Buffer.alloc(100, 'x')]), {}, never, 100)).toHaveLength(100);
  });

  test('that unpacks to more than the bound is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    await expect(readText(Readable.from([bomb]), { 'content-encoding': 'gzip' }, never, 10_000)).rejects.toMatchObject({
      kind: 'too-large',
    });
  });

  test.each(['gzip', 'zstd', 'constructor'])(
    'that is not what its content-encoding %s says is "malformed"',
    async (encoding) => {
      const body = Readable.from([Buffer.from('plain')]);
      await expect(readText(body, { 'content-encoding': encoding }, never)).rejects.toMatchObject({
        kind: 'malformed',
      });
    },
  );
});
