import { loadCodecs, PROVIDER_KINDS } from '../../lambdas/wiring/codecs.ts';

/** Every dialect and provider that there is. */
export const ALL_CODECS = await loadCodecs(PROVIDER_KINDS);
