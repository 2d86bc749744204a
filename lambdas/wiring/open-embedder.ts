import { makeEnvironmentSecrets } from '../adapters/environment/make-environment-secrets.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import { catalogue } from '../catalogue/catalogue.ts';
import type { GatewayConfig } from '../contract/config.ts';
import type { ConfigProblem } from '../contract/config-problem.ts';
import type { Embedder } from '../core/cache/embedder.ts';
import type { Log } from '../core/ports.ts';
import { resolveEmbedder } from '../core/route/resolve-caches.ts';
import { resolveProviders } from '../core/route/resolve-gateway.ts';
import { kindsIn, loadCodecs, loadSurface, withLateDialects } from './codecs.ts';
import { openLocalUpstream } from './open-local-upstream.ts';

export type OpenedEmbedder =
  | { ok: true; embedder: Embedder; close(): Promise<void> }
  /** The configuration's embedder can't be asked by anybody. */
  | { ok: false; problems: ConfigProblem[] }
  /** It is right, and not here: MiniLM that has not been fetched. */
  | { ok: false; why: string };

/**
 * The embedder of a checked configuration by itself, with nothing of a gateway around it: for calibrating, also where no model
 * has a threshold yet. A provider's is asked with its key from the environment, and past the ledger.
 *
 * @throws {Error} where MiniLM's files are not those that are pinned
 */
export const openEmbedder = async (
  config: GatewayConfig,
  { env, log, modelsFolder }: { env: Readonly<Record<string, string | undefined>>; log: Log; modelsFolder?: string },
): Promise<OpenedEmbedder> => {
  const providers = resolveProviders(config);
  const resolved = resolveEmbedder(config, providers, catalogue);
  if (!resolved.ok) return resolved;
  const { embedder, dimensions = 0 } = resolved;
  if (embedder === 'minilm') {
    const { openMiniLm } = await import('../adapters/minilm/make-minilm-embedder.ts');
    const local = await openMiniLm(modelsFolder);
    return local.kind === 'ready'
      ? { ok: true, embedder: local.embedder, close: async () => undefined }
      : { ok: false, why: local.why };
  }
  const [{ makePaidEmbedder }, codecs, surface] = await Promise.all([
    import('../core/cache/paid-embedder.ts'),
    loadCodecs(kindsIn(config)),
    loadSurface('openai-embeddings'),
  ]);
  const dialects = await withLateDialects(codecs.dialects, { aliases: new Map(), semanticCache: { embedder } });
  const { upstream, closeUpstream } = openLocalUpstream();
  return {
    ok: true,
    embedder: makePaidEmbedder(embedder, dimensions, surface, {
      clock: systemClock,
      random: systemRandom,
      secrets: makeEnvironmentSecrets(env, log),
      upstream,
      log,
      ...codecs,
      dialects,
    }),
    close: closeUpstream,
  };
};
