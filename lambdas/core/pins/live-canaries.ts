import type { Clock, Log } from '../ports.ts';
import { makeReadAnew } from '../read-anew.ts';
import { makeCanaries, type ShareByHand } from '../route/draw-canaries.ts';
import type { Canaries } from '../route/route-sources.ts';
import type { PinOverride, PinStore } from './pin-store.ts';

/** Age from which the overrides are read anew. */
const REFRESH_MS = 3_000;
/** Age from which nobody is asked a canary by them. */
const OUTDATED_MS = 5_000;
/** Neither a start nor a canary waits longer for them. */
const PATIENCE_MS = 1_000;

export interface LiveCanaries {
  canaries: Canaries;
  /** Reads what was set by hand. Never rejects: what is known holds on. */
  refresh(): Promise<void>;
}

/**
 * Canaries with the shares as they hold now: the configuration's, and those set by hand. Whoever plans gets what is known, at
 * once; where that is a few seconds old it is read anew beside the request. Before a canary is asked by what is older still, as
 * after a rest, that read is waited for. A process that could not read them asks no canary first, since it may have been taken
 * back, and keeps it as a fallback, since it may have been promoted.
 */
export const makeLiveCanaries = ({
  pins,
  clock,
  log,
}: {
  pins: Pick<PinStore, 'readOverrides'>;
  clock: Clock;
  log: Log;
}): LiveCanaries => {
  let known: ReadonlyMap<string, PinOverride> | undefined;
  const { whenOlder, refresh, heardAt } = makeReadAnew({
    read: () => pins.readOverrides(),
    take: ({ set }) => {
      known = new Map(set.map((override) => [keyOf(override), override]));
    },
    onDown: (error) => log.warn('canaries set by hand not read: those that are known hold on', { error }),
    patienceMs: PATIENCE_MS,
    clock,
  });

  const shareOf: ShareByHand = (pair, nowMs) => {
    if (known === undefined) return 'unread';
    const override = known.get(keyOf(pair));
    return override !== undefined && isInForce(override, pair, nowMs) ? override.share : undefined;
  };
  const isOutdated = (): boolean => {
    const age = clock.now() - heardAt();
    return age >= OUTDATED_MS || age < 0;
  };
  const canaries = makeCanaries(
    (pair, nowMs) => {
      whenOlder(REFRESH_MS);
      return shareOf(pair, nowMs);
    },
    async (pair) => {
      // Most often begun when the request was planned, and ended while it was admitted.
      if (isOutdated()) await refresh();
      return isOutdated() ? 'unread' : shareOf(pair, clock.now());
    },
  );
  return { canaries, refresh };
};

const keyOf = ({ alias, target }: Pick<PinOverride, 'alias' | 'target'>): string => JSON.stringify([alias, target]);

/** It names the two versions that it is about: once the configuration has others it says nothing of them. */
export const isInForce = (
  { target, canary, until }: Pick<PinOverride, 'target' | 'canary' | 'until'>,
  pair: Pick<PinOverride, 'target' | 'canary'>,
  nowMs: number,
): boolean => target === pair.target && canary === pair.canary && (until === null || until > nowMs);
