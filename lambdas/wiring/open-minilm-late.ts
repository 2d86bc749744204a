import { DIMENSIONS, EMBEDDER_NAME } from '../adapters/minilm/artefacts.ts';
import { isMiniLmFetched } from '../adapters/minilm/is-fetched.ts';
import { openMiniLm } from '../adapters/minilm/make-minilm-embedder.ts';
import type { Embedder } from '../core/cache/embedder.ts';
import { makeLateEmbedder } from '../core/cache/late-embedder.ts';
import type { Clock, Log } from '../core/ports.ts';

/** Reading and checking 24 MB keeps the process busy for a tenth of a second: not while it starts. */
const BEHIND_THE_START_MS = 250;

export interface LateMiniLm {
  embedder: Embedder;
  /** Does not begin to open it any more. */
  cancel(): void;
}

/**
 * MiniLM, opened once the start is over or the first text comes.
 *
 * @returns undefined where it has not been fetched
 */
export const openMiniLmLate = (
  folder: string | undefined,
  { clock, log }: { clock: Pick<Clock, 'after'>; log: Pick<Log, 'info' | 'error'> },
): LateMiniLm | undefined => {
  if (!isMiniLmFetched(folder)) return undefined;
  const embedder = makeLateEmbedder({ name: EMBEDDER_NAME, dimensions: DIMENSIONS }, async () => {
    const local = await openMiniLm(folder);
    return local.kind === 'ready' ? local.embedder : local.why;
  });
  const cancel = clock.after(BEHIND_THE_START_MS, async () => {
    const opened = await embedder.open();
    if (typeof opened === 'string') log.error('the semantic cache is off: no embedder', { why: opened });
    else log.info('the semantic cache is on', { embedder: opened.name });
  });
  return { embedder, cancel };
};
