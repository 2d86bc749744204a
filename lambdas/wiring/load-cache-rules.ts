import type { GatewayConfig } from '../contract/config.ts';
import { hasCaches } from '../contract/configured-caches.ts';
import type { ResolveOptions } from '../core/route/resolve-gateway.ts';

/** How `cache` is resolved, where any model has one. */
export const loadCacheRules = async (config: Pick<GatewayConfig, 'models'>): Promise<Pick<ResolveOptions, 'caches'>> =>
  hasCaches(config) ? { caches: (await import('../core/route/resolve-caches.ts')).resolveCaches } : {};
