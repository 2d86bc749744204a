import { parentPort } from 'node:worker_threads';
import { openMiniLm } from '../../../lambdas/adapters/minilm/make-minilm-embedder.ts';

/** MiniLM beside Jest: its runtime does not take typed arrays of another realm, which Jest's tests run in. */
const local = await openMiniLm();
parentPort?.on('message', async ({ id, text }: { id: number; text: string }) => {
  const embedded = local.kind === 'ready' ? await local.embedder.embed(text) : { kind: 'off' as const, why: local.why };
  parentPort?.postMessage({ id, embedded });
});
