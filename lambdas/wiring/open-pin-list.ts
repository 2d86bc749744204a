import { loadConfigFile } from '../adapters/config-file/load-config-file.ts';
import { catalogue } from '../catalogue/catalogue.ts';
import type { ConfigProblem } from '../contract/config-problem.ts';
import { listPins, type Pin } from '../core/pins/list-pins.ts';
import { pinnedTargets } from '../core/pins/pinned-targets.ts';
import { canaryPairs } from '../core/route/draw-canaries.ts';
import { resolveCaches } from '../core/route/resolve-caches.ts';
import { resolveGateway } from '../core/route/resolve-gateway.ts';

/** A canary of the configuration. */
export interface ConfiguredCanary {
  alias: string;
  /** `provider/model` of both. */
  target: string;
  canary: string;
  share: number;
}

export type OpenedPinList =
  | { ok: true; pins: Pin[]; canaries: ConfiguredCanary[]; aliases: string[]; asOf: string }
  | { ok: false; problems: ConfigProblem[] };

/** The pins of a configuration as they stand at an instant, whether their providers have keys here or not: no store, no network. */
export const openPinList = async (file: string, nowMs: number): Promise<OpenedPinList> => {
  const loaded = await loadConfigFile(file);
  if (!loaded.ok) return loaded;
  const resolved = resolveGateway(loaded.config, catalogue, 0, { caches: resolveCaches });
  if (!resolved.ok) return resolved;
  const aliases = [...resolved.gateway.aliases].map(([name, { targets }]) => [name, targets] as const);
  const canaries = aliases.flatMap(([alias, targets]) =>
    canaryPairs(targets).map(({ target, canary, share }) => ({ alias, target, canary, share })),
  );
  const names = aliases.map(([name]) => name);
  return {
    ok: true,
    pins: listPins(pinnedTargets(resolved.gateway), catalogue, nowMs),
    canaries,
    aliases: names,
    asOf: catalogue.asOf,
  };
};
