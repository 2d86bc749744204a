import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import type { Embedder } from '../../../lambdas/core/cache/embedder.ts';
import { makeAnswerCache } from '../../../lambdas/core/cache/make-answer-cache.ts';
import type { LedgerEntry } from '../../../lambdas/core/ledger.ts';
import { measureEntries } from '../../../lambdas/core/observe/measure-entries.ts';
import type { Script } from '../call/scripted-upstream.ts';
import { CONFIG, chatAnswer, makeStory } from './story-fixture.ts';

/** Two ways to ask the same. */
export const [ASKED, AGAIN] = ['How do I reset my password?', 'How can I reset my password?'];
/** What was kept; the same in other words; and something else. */
export const KEPT = 'Open the settings, choose security, then reset.';
export const SAME = 'Go to settings, pick security and press reset.';
export const OTHER = 'Write to the support desk by letter.';

/** Where texts lie: questions and right answers close together, wrong ones far away. */
export const VECTORS = new Map<string, number[]>([
  [ASKED, [1, 0, 0]],
  [AGAIN, [0.99, Math.sqrt(1 - 0.99 ** 2), 0]],
  [KEPT, [0, 1, 0]],
  [SAME, [0, 0.98, Math.sqrt(1 - 0.98 ** 2)]],
  [OTHER, [0, 0.1, Math.sqrt(1 - 0.1 ** 2)]],
]);

/** @param semantic of the alias's cache, beside its threshold of 0.9 */
export const cachedConfig = (semantic: object, more: Partial<GatewayConfig> = {}): GatewayConfig => {
  const [alias] = Object.values(CONFIG.models);
  if (alias === undefined) throw new Error('the story has no alias');
  return {
    ...CONFIG,
    models: { assistant: { ...alias, cache: { semantic: { ttl: '7d', threshold: 0.9, ...semantic } } } },
    ...more,
  };
};

export interface CachedStoryOptions {
  config?: GatewayConfig;
  embedder?: Partial<Embedder>;
}

/** A gateway with a semantic cache in which the answer to `ASKED` lies. `answers`: what the model says from then on. */
export const makeCachedStory = async (
  answers: Script[],
  { config = cachedConfig({ auditShare: 1 }), ...more }: CachedStoryOptions = {},
) => {
  const story = await makeStory({ a: [chatAnswer(KEPT), ...answers], b: [chatAnswer(OTHER)] }, config);
  const stores = openEmbeddedStores({ file: ':memory:', clock: story.clock, random: systemRandom });
  const embedded: string[] = [];
  const embedder: Embedder = {
    name: 'test/1',
    dimensions: 3,
    embed: async (text) => {
      embedded.push(text);
      const vector = VECTORS.get(text);
      if (vector === undefined) return { kind: 'unreadable', why: 'unknown-words' };
      return { kind: 'vector', vector: Float32Array.from(vector), inputTokens: 0 };
    },
    ...more.embedder,
  };
  const semantic = { embedder, index: stores.vectors, wrongHits: stores.wrongHits, timeoutMs: 150 };
  const cache = makeAnswerCache({ responses: stores.responses, semantic }, story);
  story.ports.cache = cache;
  await story.clock.flush();
  const ask = async (content: string, body: object = {}, headers: Record<string, string> = {}) => {
    const response = await story.ask({ messages: [{ role: 'user', content }], ...body }, { headers });
    const text = await story.read(response);
    return { status: response.status, cache: response.headers.get('x-tollgate-cache'), text };
  };
  await ask(ASKED);
  await story.clock.flush();
  embedded.splice(0);
  return {
    ...story,
    stores,
    cache,
    embedded,
    say: ask,
    /** Asks what is in the cache, and waits for what goes on behind it. */
    hit: async (body: object = {}, headers: Record<string, string> = {}) => {
      const answer = await ask(AGAIN, body, headers);
      await story.clock.settle(cache.settled());
      return answer;
    },
    audits: async (): Promise<LedgerEntry[]> =>
      (await story.entries()).filter(({ receipt }) => receipt?.cacheAudit !== undefined),
    /** What audits have found. */
    state: async () => (await stores.wrongHits.read('assistant', 'test/1')).state,
    metrics: async () =>
      measureEntries(
        (await story.entries()).map((entry) => ({ ...entry, isCorrection: false, settledAt: entry.settledAt ?? 0 })),
        story.clock.now(),
      ),
  };
};
