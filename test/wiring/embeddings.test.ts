import { expect, test } from '@jest/globals';
import type { Target } from '../../lambdas/core/target.ts';
import { loadCodecs, loadSurface, withLateDialects } from '../../lambdas/wiring/codecs.ts';

const aliases = (...names: Target['dialect'][]) => ({
  aliases: new Map([['all', { targets: names.map((dialect) => ({ dialect }) as Target) }]]),
});

test('languages of vectors are there where a target speaks them, and nowhere else', async () => {
  const { dialects } = await loadCodecs(['openai', 'bedrock']);
  expect(Object.keys(await withLateDialects(dialects, aliases('openai-chat', 'bedrock-converse')))).toEqual(
    Object.keys(dialects),
  );
  const loaded = await withLateDialects(
    dialects,
    aliases('openai-embeddings', 'titan-embeddings', 'gemini-embeddings'),
  );
  for (const name of ['openai-embeddings', 'titan-embeddings', 'gemini-embeddings'] as const) {
    expect(loaded[name]?.name).toBe(name);
    expect(loaded[name]?.vectors).toBeDefined();
  }
});

test('a stream is malformed where vectors were asked for, and nothing is written as one', async () => {
  const surface = await loadSurface('openai-embeddings');
  const event = { type: '', data: '{}' };
  const error = { type: 'error', error: { status: 502, type: 'malformed_stream', message: expect.any(String) } };
  const context = { requestId: 'req_1', alias: 'vectors', createdAt: 0, streamUsage: false };
  expect(surface.decodeStream().push(event)).toEqual([error]);
  expect(surface.relayStream(context).push(event)).toEqual({ text: '', events: [error] });
  expect(surface.encodeStream(context).push({ type: 'answer-end' })).toBe('');
});
