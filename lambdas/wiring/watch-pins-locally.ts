import type { Catalogue } from '../catalogue/catalogue.ts';
import { DAY_MS } from '../contract/calendar-date.ts';
import { listPins } from '../core/pins/list-pins.ts';
import type { PinStore } from '../core/pins/pin-store.ts';
import { pinnedTargets } from '../core/pins/pinned-targets.ts';
import { watchPins } from '../core/pins/watch-pins.ts';
import type { Clock, Gateway, Log } from '../core/ports.ts';

export interface LocalPinWatch {
  /** Ends the wait, and a look that is under way. */
  stop(): Promise<void>;
}

/** The daily look at the pins within a server's own process, the first one at once: what is due is a line in its log. */
export const watchPinsLocally = (
  gateway: Pick<Gateway, 'aliases' | 'semanticCache'>,
  catalogue: Catalogue,
  { pins, clock, log }: { pins: PinStore; clock: Clock; log: Log },
): LocalPinWatch => {
  const targets = pinnedTargets(gateway);
  let isStopped = false;
  let cancel = () => {};
  const look = async (): Promise<void> => {
    try {
      await watchPins(listPins(targets, catalogue, clock.now()), {
        pins,
        clock,
        log,
        tell: async ({ message, detail }) => log.warn('pin', { ...detail, notice_text: message }),
      });
    } catch (error) {
      log.error('pins not looked at; tomorrow they are', { error });
    }
    if (!isStopped)
      cancel = clock.after(DAY_MS, () => {
        looking = look();
      });
  };
  let looking = look();
  return {
    stop: async () => {
      isStopped = true;
      cancel();
      await looking;
    },
  };
};
