import { expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import type { Script } from '../call/scripted-upstream.ts';
import { makeProbeStory } from './probe-fixture.ts';

const CONFIG: GatewayConfig = {
  providers: { a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' } },
  models: {
    vectors: {
      targets: [
        {
          provider: 'a',
          model: 'bge-m3',
          price: { inputPerMTok: '100', outputPerMTok: '0' },
          contextTokens: 8_000,
          capabilities: ['embeddings'],
        },
      ],
    },
  },
};

const replying = (body: object): Script => ({ status: 200, body: JSON.stringify(body) });

test('a target that makes vectors is tried by asking for one, which is billed, and closes its circuit', async () => {
  const vector = { data: [{ index: 0, embedding: [1, 0] }], usage: { prompt_tokens: 1, total_tokens: 1 } };
  const story = await makeProbeStory({ a: [replying(vector)] }, CONFIG);
  await story.openCircuit(0, 'a/bge-m3');
  await story.tick();
  expect(story.upstream.calls.map(({ body }) => body)).toEqual([
    { model: 'bge-m3', input: ['OK'], encoding_format: 'float' },
  ]);
  expect((await story.circuit('a/bge-m3')).circuit).toEqual({ state: 'closed' });
  expect(await story.probes()).toMatchObject([{ state: 'settled', cost: 100_000n, inputTokens: 1, outputTokens: 0 }]);
});

test('one that answers a wish for a vector with none stays shut', async () => {
  const story = await makeProbeStory({ a: [replying({ data: [] })] }, CONFIG);
  await story.openCircuit(0, 'a/bge-m3');
  await story.tick();
  expect((await story.circuit('a/bge-m3')).circuit).toMatchObject({ state: 'open' });
});
