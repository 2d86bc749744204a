import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { answersTable, measureAnswers } from '../../bench/pages/cache-answers.ts';
import { heldOutTables, measureHeldOut } from '../../bench/pages/cache-held-out.ts';
import { readPairs } from '../../bench/pages/cache-pairs.ts';
import { CACHE_PAGE, kindTable, measureCache, resultTables } from '../../bench/pages/cache-tables.ts';
import { readPart } from '../../bench/pages/marked-part.ts';
import {
  DIMENSIONS,
  EMBEDDER_NAME,
  MODELS_FOLDER,
  readArtefact,
  TOKENIZER,
} from '../../lambdas/adapters/minilm/artefacts.ts';
import { parseTokenizer } from '../../lambdas/adapters/minilm/word-piece.ts';
import { CALIBRATED } from '../../lambdas/core/cache/calibrated-thresholds.ts';
import type { Embedded, Embedder } from '../../lambdas/core/cache/embedder.ts';

let worker: Worker;
const waiting = new Map<number, (embedded: Embedded) => void>();
const embedder: Embedder = {
  name: EMBEDDER_NAME,
  dimensions: DIMENSIONS,
  embed: (text) =>
    new Promise((resolve) => {
      const id = waiting.size;
      waiting.set(id, resolve);
      worker.postMessage({ id, text });
    }),
};

beforeAll(async () => {
  execFileSync('npm', ['run', '-s', 'fetch-model'], { stdio: 'inherit' });
  worker = new Worker(new URL('./support/minilm-worker.ts', import.meta.url));
  worker.on('message', ({ id, embedded }: { id: number; embedded: Embedded | { kind: 'off'; why: string } }) => {
    if (embedded.kind === 'off') throw new Error(embedded.why);
    const isVector = embedded.kind === 'vector';
    waiting.get(id)?.(isVector ? { ...embedded, vector: Float32Array.from(embedded.vector) } : embedded);
  });
}, 600_000);

afterAll(async () => {
  await worker.terminate();
});

const vectorOf = async (text: string): Promise<Float32Array> => {
  const embedded = await embedder.embed(text);
  if (embedded.kind !== 'vector') throw new Error(`${text}: ${embedded.why}`);
  return embedded.vector;
};
const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

test('cuts texts as Hugging Face’s tokenizers 0.23 does (test/fixtures/minilm-tokens.json)', () => {
  const tokenizer = parseTokenizer(readArtefact(MODELS_FOLDER, TOKENIZER).toString('utf8'));
  const expected = JSON.parse(readFileSync(join('test', 'fixtures', 'minilm-tokens.json'), 'utf8')) as [
    string,
    number[],
  ][];
  expect(expected.map(([text]) => [text, tokenizer.encode(text, 10_000).ids])).toEqual(expected);
});

test('vectors have 384 numbers and length 1, the same for the same text, also when many are asked at once', async () => {
  const alone = await vectorOf('How do I reset my password?');
  expect([alone.length, cosine(alone, alone).toFixed(5)]).toEqual([384, '1.00000']);
  const together = await Promise.all(
    Array.from({ length: 8 }, (_, i) => vectorOf(i % 2 === 0 ? 'How do I reset my password?' : 'Where is Oslo?')),
  );
  for (const [i, vector] of together.entries()) if (i % 2 === 0) expect(vector).toEqual(alone);
});

test('a paraphrase is nearer than another question', async () => {
  const [one, same, other] = await Promise.all(
    ['How do I reset my password?', 'I forgot my password, how can I reset it?', 'How do I cook rice?'].map(vectorOf),
  );
  if (!one || !same || !other) throw new Error('three vectors');
  expect(cosine(one, same)).toBeGreaterThan(0.8);
  expect(cosine(one, other)).toBeLessThan(0.3);
});

test('what it can’t read in full has no vector: too long, unknown signs, nothing', async () => {
  expect(await embedder.embed('word '.repeat(127))).toEqual({ kind: 'unreadable', why: 'too-long' });
  expect((await embedder.embed('word '.repeat(126))).kind).toBe('vector');
  expect(await embedder.embed('怎么修改密码？')).toEqual({ kind: 'unreadable', why: 'unknown-words' });
  expect(await embedder.embed(' ')).toEqual({ kind: 'unreadable', why: 'empty' });
  expect(await embedder.embed('a'.repeat(20_000))).toEqual({ kind: 'unreadable', why: 'unknown-words' });
});

test('docs/semantic-cache.md says what is measured (npm run docs:cache), and at most 1 % of the test half’s hits are wrong', async () => {
  const measured = await measureCache(readPairs(), embedder);
  const { test: unseen } = measured.calibration;
  expect(measured.calibration.threshold).toBe(CALIBRATED.get(EMBEDDER_NAME));
  expect(unseen).toBeDefined();
  expect(unseen?.hits).toBeGreaterThan(30);
  expect(unseen?.wrong).toBeLessThanOrEqual((unseen?.hits ?? 0) / 100);
  const page = readFileSync(CACHE_PAGE, 'utf8');
  expect(readPart(page, 'results').trim()).toBe(resultTables(measured).trim());
  expect(readPart(page, 'kinds').trim()).toBe(kindTable(measured).trim());
  const sets = await measureHeldOut(embedder);
  expect(readPart(page, 'held-out').trim()).toBe(heldOutTables(sets, measured.calibration.threshold ?? 1).trim());
  expect(readPart(page, 'answers').trim()).toBe(answersTable(await measureAnswers(embedder)).trim());
}, 300_000);
