import type { EmbeddedStores } from '../adapters/embedded/open-embedded-stores.ts';
import type { Gateway, Ports } from '../core/ports.ts';
import { forgetPurgedRegularly } from './forget-purged-regularly.ts';
import { type CachePorts, keepsAnswers, openAnswerCache } from './open-answer-cache.ts';

export interface LocalCache {
  ports: Pick<Ports, 'cache'>;
  /** What people should know. */
  notices: string[];
  /** Resolves when nothing goes on behind the answers any more, and nothing is opened. */
  close(): Promise<void>;
}

const NOT_FETCHED = 'The semantic cache is off: the local embedder has not been fetched: npm run fetch-model';

/**
 * The caches of the local server, in its own file; MiniLM opens behind the start.
 *
 * @param modelsFolder where `npm run fetch-model` has put it
 */
export const openLocalCache = async (
  gateway: Pick<Gateway, 'aliases' | 'semanticCache'>,
  { responses, wrongHits, vectors }: Pick<EmbeddedStores, 'responses' | 'wrongHits' | 'vectors'>,
  ports: CachePorts,
  modelsFolder?: string,
): Promise<LocalCache> => {
  if (!keepsAnswers(gateway)) return { ports: {}, notices: [], close: async () => undefined };
  const notices: string[] = [];
  let cancel = (): void => undefined;
  const cache = await openAnswerCache(
    gateway,
    { responses, wrongHits, openIndex: async () => vectors },
    ports,
    async () => {
      const { openMiniLmLate } = await import('./open-minilm-late.ts');
      const late = openMiniLmLate(modelsFolder, ports);
      if (late === undefined) notices.push(NOT_FETCHED);
      else cancel = late.cancel;
      return late?.embedder;
    },
  );
  const stopForgetting = gateway.semanticCache === undefined ? undefined : forgetPurgedRegularly({ vectors }, ports);
  return {
    ports: { ...(cache !== undefined && { cache }) },
    notices,
    close: async () => {
      cancel();
      stopForgetting?.();
      // Nobody waits for an audit.
      await cache?.settled(AbortSignal.abort());
    },
  };
};
