import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { boundFrames } from '../../../lambdas/adapters/bedrock/bound-frames.ts';
import { eventFrame } from '../../dialects/bedrock-converse/converse-frames.ts';

async function* chunksOf(bytes: Buffer, sizes: number[]): AsyncGenerator<Uint8Array> {
  for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}

const collect = async (bytes: Buffer, sizes: number[], maxFrameBytes: number): Promise<Buffer> => {
  const passed: Uint8Array[] = [];
  for await (const chunk of boundFrames(chunksOf(bytes, sizes), maxFrameBytes)) passed.push(chunk);
  return Buffer.concat(passed);
};

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
const frames = fc
  .array(fc.string({ maxLength: 60 }), { maxLength: 5 })
  .map((texts) => texts.map((text) => eventFrame('contentBlockDelta', { text })));

describe('the guard on event-stream frames', () => {
  test('whole frames pass unchanged, however they are split', async () => {
    await fc.assert(
      fc.asyncProperty(frames, sizes, async (list, pieces) => {
        const bytes = Buffer.concat(list);
        expect(await collect(bytes, pieces, 1_000)).toEqual(bytes);
      }),
    );
  });

  test('a stream cut anywhere but between frames is a reset', async () => {
    await fc.assert(
      fc.asyncProperty(frames, sizes, fc.nat(), async (list, pieces, place) => {
        const bytes = Buffer.concat(list);
        const ends = list.map((_, index) => Buffer.concat(list.slice(0, index + 1)).length);
        const cut = bytes.length === 0 ? 0 : place % bytes.length;
        const reading = collect(bytes.subarray(0, cut), pieces, 1_000);
        if (cut === 0 || ends.includes(cut)) await reading;
        else await expect(reading).rejects.toMatchObject({ kind: 'reset' });
      }),
    );
  });

  test('a length beyond the bound stops it at once', async () => {
    const huge = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    await expect(collect(huge, [1], 1_000)).rejects.toMatchObject({ kind: 'too-large' });
  });

  test('a length that no frame can have is malformed', async () => {
    await expect(collect(Buffer.alloc(64), [3], 1_000)).rejects.toMatchObject({ kind: 'malformed' });
  });
});
