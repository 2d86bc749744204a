import type { PinStore } from '../core/pins/pin-store.ts';
import type { Clock, Log, Ports } from '../core/ports.ts';
import type { Alias } from '../core/target.ts';

export interface LoadedCanaries {
  ports: Pick<Ports, 'canaries'>;
  /** Reads now what was set by hand, rather than within seconds. */
  refresh(): Promise<void>;
}

/** What draws canaries, where a target has one: of others no code is loaded, and nothing is read. */
export const loadCanaries = async (
  aliases: ReadonlyMap<string, Alias>,
  stores: { pins: Pick<PinStore, 'readOverrides'>; clock: Clock; log: Log },
): Promise<LoadedCanaries> => {
  const isNeeded = [...aliases.values()].some(({ targets }) => targets.some(({ canaryOf }) => canaryOf !== undefined));
  if (!isNeeded) return { ports: {}, refresh: async () => undefined };
  const { makeLiveCanaries } = await import('../core/pins/live-canaries.ts');
  const { canaries, refresh } = makeLiveCanaries(stores);
  await refresh();
  return { ports: { canaries }, refresh };
};
