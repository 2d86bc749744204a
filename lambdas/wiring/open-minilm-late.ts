import { DIMENSIONS, EMBEDDER_NAME } from '../adapters/minilm/artefacts.ts';
import { isMiniLmFetched } from '../adapters/minilm/is-fetched.ts';
import { openMiniLm } from '../adapters/minilm/make-minilm-embedder.ts';
import { makeLateEmbedder } from '../core/cache/late-embedder.ts';
import type { Embedder, Log } from '../core/ports.ts';

/**
 * MiniLM, opened behind a start that does not wait for it.
 *
 * @returns undefined where it has not been fetched
 */
export const openMiniLmLate = (folder: string | undefined, log: Pick<Log, 'info' | 'error'>): Embedder | undefined => {
  if (!isMiniLmFetched(folder)) return undefined;
  const late = makeLateEmbedder({ name: EMBEDDER_NAME, dimensions: DIMENSIONS }, async () => {
    const local = await openMiniLm(folder);
    return local.kind === 'ready' ? local.embedder : local.why;
  });
  void late.opened.then((embedder) => {
    if (typeof embedder === 'string') log.error('the semantic cache is off: no embedder', { why: embedder });
    else log.info('the semantic cache is on', { embedder: embedder.name });
  });
  return late;
};
