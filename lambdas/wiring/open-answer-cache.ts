import type { AnswerCache, CacheParts } from '../core/cache/answer-cache.ts';
import type { ResponseCache, WrongHitStore } from '../core/cache/cache-stores.ts';
import type { Embedder } from '../core/cache/embedder.ts';
import type { EmbedderPorts } from '../core/cache/paid-embedder.ts';
import type { VectorIndex } from '../core/cache/vector-index.ts';
import type { Gateway, Ports, SemanticCache } from '../core/ports.ts';

/** Where answers, vectors and what is known of wrong hits are kept. */
export interface CacheStores {
  responses: ResponseCache;
  wrongHits: WrongHitStore;
  /** @param dimensions of the vectors; undefined where there is no index */
  openIndex(dimensions: number, timeoutMs: number): Promise<VectorIndex | undefined>;
}

export type CachePorts = EmbedderPorts & Pick<Ports, 'loadSurface'>;

/** Whether answers of any alias are kept. */
export const keepsAnswers = ({ aliases }: Pick<Gateway, 'aliases'>): boolean =>
  [...aliases.values()].some(({ cache }) => cache !== undefined);

/**
 * The caches of a gateway, each part loaded where an alias needs it.
 *
 * @param openLocal the embedder of this machine; undefined where there is none
 * @returns undefined where no alias keeps answers
 */
export const openAnswerCache = async (
  { aliases, semanticCache }: Pick<Gateway, 'aliases' | 'semanticCache'>,
  stores: CacheStores,
  ports: CachePorts,
  openLocal: () => Promise<Embedder | undefined> = async () => undefined,
): Promise<AnswerCache | undefined> => {
  if (!keepsAnswers({ aliases })) return undefined;
  const [{ makeAnswerCache }, semantic] = await Promise.all([
    import('../core/cache/make-answer-cache.ts'),
    semanticCache && openSemantic(semanticCache, stores, ports, openLocal),
  ]);
  return makeAnswerCache({ responses: stores.responses, ...semantic }, ports);
};

const openSemantic = async (
  { embedder: configured, dimensions = 0, timeoutMs }: SemanticCache,
  { openIndex, wrongHits }: CacheStores,
  ports: CachePorts,
  openLocal: () => Promise<Embedder | undefined>,
): Promise<Pick<CacheParts, 'semantic'>> => {
  const embedder = configured === 'minilm' ? await openLocal() : await openPaid(configured, dimensions, ports);
  const index = embedder && (await openIndex(embedder.dimensions, timeoutMs));
  return embedder === undefined || index === undefined ? {} : { semantic: { embedder, index, wrongHits, timeoutMs } };
};

const openPaid = async (
  target: Exclude<SemanticCache['embedder'], 'minilm'>,
  dimensions: number,
  ports: CachePorts,
): Promise<Embedder> => {
  const [{ makePaidEmbedder }, surface] = await Promise.all([
    import('../core/cache/paid-embedder.ts'),
    ports.loadSurface('openai-embeddings'),
  ]);
  return makePaidEmbedder(target, dimensions, surface, ports);
};
