import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { packEntry, unpackEntry } from '../../../lambdas/core/cache/pack-entry.ts';
import { answerOf, anyAnswer, cachedOf } from '../../port-suites/cached-answers.ts';

const pack = async (entry: Parameters<typeof packEntry>[0]): Promise<Uint8Array> => {
  const body = await packEntry(entry);
  if (body === undefined) throw new Error('it did not fit');
  return body;
};

test('any entry comes back as it was', async () => {
  await fc.assert(
    fc.asyncProperty(anyAnswer, fc.string({ unit: 'binary' }), fc.array(fc.string()), async (answer, key, dropped) => {
      const entry = cachedOf(key, 5, { answer, dropped });
      expect(await unpackEntry(await pack(entry), entry.tenant, key)).toStrictEqual(entry);
    }),
    { numRuns: 300 },
  );
});

test.each([10, 1_000, 100_000, 1_000_000])('%i words take far fewer bytes than they are', async (count) => {
  const entry = cachedOf('a', 5, { answer: answerOf('word '.repeat(count)) });
  const body = await pack(entry);
  expect(body.length).toBeLessThan(JSON.stringify(entry).length * (count < 100 ? 0.8 : 0.5));
  expect(await unpackEntry(body, entry.tenant, 'a')).toEqual(entry);
});

test('what compression makes no smaller is kept as it is', async () => {
  const entry = {
    ...cachedOf('', 5),
    tenant: '',
    answer: { id: '', model: '', parts: [], stop: { reason: 'end' as const, raw: '' } },
  };
  const tiny = { ...entry, target: '', requestId: '', team: '', user: '', alias: '' };
  const body = await pack(tiny);
  expect(body.length).toBeLessThanOrEqual(JSON.stringify(tiny).length + 1);
  expect(await unpackEntry(body, '', '')).toEqual(tiny);
});

test('what is longer than eight megabytes is not written, and what swells beyond is not read', async () => {
  expect(await packEntry(cachedOf('a', 5, { answer: answerOf('x'.repeat(9 * 1024 * 1024)) }))).toBeUndefined();
  const entry = cachedOf('a', 5, { answer: answerOf('x'.repeat(9 * 1024 * 1024)) });
  const bomb = Buffer.concat([Buffer.of(2), gzipSync(JSON.stringify(entry))]);
  expect(bomb.length).toBeLessThan(20_000);
  expect(await unpackEntry(bomb, entry.tenant, 'a')).toBeUndefined();
});

test('a byte more, less or other, anywhere, is no entry or the same one, and never throws', async () => {
  const entry = cachedOf('a', 5);
  const body = await pack(entry);
  for (let at = 0; at < body.length; at++) {
    const other = Uint8Array.from(body, (byte, i) => (i === at ? byte ^ 0x10 : byte));
    for (const torn of [body.subarray(0, at), other]) {
      const read = await unpackEntry(torn, entry.tenant, 'a');
      if (read !== undefined) expect(read).toEqual(entry);
    }
  }
});

test('another tenant’s or key’s entry is none', async () => {
  const body = await pack(cachedOf('a', 5));
  expect(await unpackEntry(body, cachedOf('a', 5).tenant, 'b')).toBeUndefined();
  expect(await unpackEntry(body, 'other', 'a')).toBeUndefined();
});
