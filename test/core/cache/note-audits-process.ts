import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemClock } from '../../../lambdas/adapters/system/clock.ts';
import { makeLog } from '../../../lambdas/adapters/system/log.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import { makeWrongHitBook } from '../../../lambdas/core/cache/wrong-hit-book.ts';

/** A process of its own that notes so many right hits: `FILE COUNT`. */

const [, , file = '', count = '0'] = process.argv;
const stores = openEmbeddedStores({ file, clock: systemClock, random: systemRandom });
const book = makeWrongHitBook(stores.wrongHits, systemClock, makeLog({ level: 'error' }));
const policy = { ttlMs: 1, threshold: 0.9, maxWrongShare: 0.01, auditShare: 1 };
for (let i = 0; i < Number(count); i++) {
  const noted = await book.note({ alias: 'assistant', embedder: 'minilm@1', policy, score: 1, isWrong: false });
  if (noted === undefined) throw new Error('not counted');
}
stores.close();
