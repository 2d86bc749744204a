import type { AnyDialectName } from '../../lambdas/core/dialect.ts';
import type { Target } from '../../lambdas/core/target.ts';
import { loadCodecs, PROVIDER_KINDS, withLateDialects } from '../../lambdas/wiring/codecs.ts';

/** Those that come with targets, not with kinds of provider. */
const LATE: AnyDialectName[] = ['openai-responses', 'openai-embeddings', 'titan-embeddings', 'gemini-embeddings'];

const { dialects, providers } = await loadCodecs(PROVIDER_KINDS);
const targets = LATE.map((dialect) => ({ dialect }) as Target);

/** Every dialect and provider that there is. */
export const ALL_CODECS = {
  providers,
  dialects: await withLateDialects(dialects, { aliases: new Map([['all', { targets }]]) }),
};
