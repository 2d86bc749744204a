import { expect, test } from '@jest/globals';
import { type Embedder, EmbedderUnavailable } from '../../../lambdas/core/cache/embedder.ts';
import { makeLateEmbedder } from '../../../lambdas/core/cache/late-embedder.ts';

const KNOWN = { name: 'mini/1', dimensions: 2 };
const VECTOR = { kind: 'vector', vector: Float32Array.from([1, 0]), inputTokens: 1 } as const;
const embedder: Embedder = { ...KNOWN, embed: async () => VECTOR };

test('a text that comes while the embedder is opened waits for it', async () => {
  const opening = Promise.withResolvers<Embedder>();
  let isOpening = 0;
  const late = makeLateEmbedder(KNOWN, () => {
    isOpening += 1;
    return opening.promise;
  });
  const embedding = late.embed('a');
  const another = late.embed('b', new AbortController().signal);
  opening.resolve(embedder);
  expect(await Promise.all([embedding, another, late.embed('c')])).toEqual([VECTOR, VECTOR, VECTOR]);
  expect(isOpening).toBe(1);
});

test('it is opened by the first text, or before, and once', async () => {
  let times = 0;
  const late = makeLateEmbedder(KNOWN, async () => {
    times += 1;
    return embedder;
  });
  expect(times).toBe(0);
  expect(await late.open()).toBe(embedder);
  await late.embed('a');
  expect(await late.open()).toBe(embedder);
  expect(times).toBe(1);
});

test('no longer than whoever asks does', async () => {
  const late = makeLateEmbedder(KNOWN, () => new Promise<never>(() => {}));
  const gone = new AbortController();
  const embedding = late.embed('a', gone.signal);
  gone.abort();
  await expect(embedding).rejects.toMatchObject({ name: 'EmbedderUnavailable', inputTokens: 0 });
  await expect(late.embed('a', AbortSignal.abort())).rejects.toThrow(EmbedderUnavailable);
});

test.each<[string, () => Promise<Embedder | string>, string]>([
  ['is not there', async () => 'it has not been fetched', 'mini/1 could not be opened: it has not been fetched.'],
  [
    'is broken',
    async () => {
      throw new Error('checksum');
    },
    'mini/1 could not be opened: Error: checksum.',
  ],
  [
    'is another one',
    async () => ({ ...embedder, name: 'mini/2' }),
    'mini/1 could not be opened: it is mini/2 of 2 numbers.',
  ],
  [
    'is of another length',
    async () => ({ ...embedder, dimensions: 3 }),
    'mini/1 could not be opened: it is mini/1 of 3 numbers.',
  ],
])('one that %s makes no vector, and says why', async (_what, open, message) => {
  const late = makeLateEmbedder(KNOWN, open);
  await expect(late.embed('a')).rejects.toThrow(message);
  await expect(late.embed('b')).rejects.toThrow(EmbedderUnavailable);
});
