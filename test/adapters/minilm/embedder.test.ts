import { expect, test } from '@jest/globals';
import { makeMiniLmEmbedder, type Session } from '../../../lambdas/adapters/minilm/make-minilm-embedder.ts';
import { makeWordPiece } from '../../../lambdas/adapters/minilm/word-piece.ts';
import { EmbedderUnavailable } from '../../../lambdas/core/cache/embedder.ts';

const tokenizer = makeWordPiece(new Map(['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a'].map((piece, id) => [piece, id])));

class Tensor {
  readonly type: string;
  readonly data: BigInt64Array;
  readonly dimensions: readonly number[];
  constructor(type: 'int64', data: BigInt64Array, dimensions: readonly number[]) {
    [this.type, this.data, this.dimensions] = [type, data, dimensions];
  }
}

/** A runtime that says of each token what the test wants: the embedder's own arithmetic, without a model. */
const embedderOf = (run: Session['run']) =>
  makeMiniLmEmbedder({ Tensor, InferenceSession: { create: async () => ({ run }) } }, { run }, tokenizer);

const states = (...tokens: (readonly [number, number])[]) => {
  const data = new Float32Array(tokens.length * 384);
  for (const [token, values] of tokens.entries()) data.set(values, token * 384);
  return { last_hidden_state: { data, dims: [1, tokens.length, 384] } };
};

test('the model is given ids, ones and zeros, and the vector is the mean of its states, of length 1', async () => {
  const given: Record<string, unknown>[] = [];
  const embedder = embedderOf(async (feeds) => {
    given.push(feeds);
    return states([3, 0], [3, 6], [3, 6]);
  });
  const embedded = await embedder.embed('a');
  expect(embedded).toMatchObject({ kind: 'vector', inputTokens: 3 });
  if (embedded.kind === 'vector')
    expect([...embedded.vector.slice(0, 3)].map((value) => value.toFixed(4))).toEqual(['0.6000', '0.8000', '0.0000']);
  expect(given).toEqual([
    {
      input_ids: new Tensor('int64', BigInt64Array.of(2n, 4n, 3n), [1, 3]),
      attention_mask: new Tensor('int64', BigInt64Array.of(1n, 1n, 1n), [1, 3]),
      token_type_ids: new Tensor('int64', BigInt64Array.of(0n, 0n, 0n), [1, 3]),
    },
  ]);
});

test.each([
  ['states of another shape', async () => states([1, 0])],
  ['no states', async () => ({})],
  ['states of nothing', async () => states([0, 0], [0, 0], [0, 0])],
  ['states that are no numbers', async () => states([Number.NaN, 0], [0, 0], [0, 0])],
  ['a failure of the runtime', async () => Promise.reject(new Error('out of memory'))],
] as [string, Session['run']][])('%s: unavailable', async (_, run) => {
  await expect(embedderOf(run).embed('a')).rejects.toBeInstanceOf(EmbedderUnavailable);
});

test('what would not be in the vector in full has none: unknown words, what lies beyond 128 tokens, nothing', async () => {
  const embedder = embedderOf(async () => states());
  expect(await embedder.embed('a z')).toEqual({ kind: 'unreadable', why: 'unknown-words' });
  expect(await embedder.embed('a '.repeat(127))).toEqual({ kind: 'unreadable', why: 'too-long' });
  expect(await embedder.embed('')).toEqual({ kind: 'unreadable', why: 'empty' });
});

test('who no longer waits is told so, before and after', async () => {
  const giveUp = new AbortController();
  const embedder = embedderOf(async () => {
    giveUp.abort();
    return states([1, 0], [1, 0], [1, 0]);
  });
  await expect(embedder.embed('a', AbortSignal.abort())).rejects.toBeInstanceOf(EmbedderUnavailable);
  await expect(embedder.embed('a', giveUp.signal)).rejects.toBeInstanceOf(EmbedderUnavailable);
});
