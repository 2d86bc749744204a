import { waitAtMost } from '../call/with-patience.ts';
import type { Clock } from '../ports.ts';
import type { Hit } from './find-answer.ts';

/** What a call has come to for those who wait for it: an answer that is theirs too, or none. */
export interface Landing {
  hit?: Hit;
  /** Its client has left or stopped it: nothing is known of the answer, and one of those who wait may call. */
  wasLeft?: true;
}

/** A call under way in this process, as others see it who ask the same. */
export interface Flight {
  readonly landed: Promise<Landing>;
  /** Milliseconds since 1970. */
  readonly beganAt: number;
  /** When its stream was last heard of, milliseconds since 1970; undefined where none has begun. */
  heardAt(): number | undefined;
}

/** The same, as whoever calls has it. */
export interface OwnFlight {
  heard(): void;
  /** Once; what comes later changes nothing. */
  land(landing: Landing): void;
}

/** Calls under way in this process, by the key that their answers will be kept under. */
export interface Flights {
  under(tenant: string, key: string): Flight | undefined;
  begin(tenant: string, key: string): OwnFlight;
}

export const makeFlights = (clock: Pick<Clock, 'now'>): Flights => {
  const flights = new Map<string, Flight>();
  const nameOf = (tenant: string, key: string): string => JSON.stringify([tenant, key]);
  return {
    under: (tenant, key) => flights.get(nameOf(tenant, key)),
    begin(tenant, key) {
      const name = nameOf(tenant, key);
      const { promise, resolve } = Promise.withResolvers<Landing>();
      let heardAt: number | undefined;
      const flight: Flight = { landed: promise, beganAt: clock.now(), heardAt: () => heardAt };
      flights.set(name, flight);
      return {
        heard() {
          heardAt = clock.now();
        },
        land(landing) {
          if (flights.get(name) === flight) flights.delete(name);
          resolve(landing);
        },
      };
    },
  };
};

/** A stream that says nothing for so long is held up, by its client or its vendor. */
const STALLED_MS = 5_000;
const LOOK_EVERY_MS = 1_000;

/** Waits for another's call. @returns undefined where it is waited for no longer: the signal aborts, the time is up, or it has stalled */
export const follow = async (
  flight: Flight,
  { signal, mostMs, clock }: { signal: AbortSignal; mostMs: number; clock: Clock },
): Promise<Landing | undefined> => {
  let landing: Landing | undefined;
  const left = Promise.withResolvers<void>();
  const leave = (): void => left.resolve();
  signal.addEventListener('abort', leave, { once: true });
  const landed = flight.landed.then((what) => {
    landing = what;
  });
  const end = clock.now() + mostMs;
  const isStalled = (): boolean => clock.now() - (flight.heardAt() ?? Number.POSITIVE_INFINITY) >= STALLED_MS;
  try {
    for (;;) {
      const leftMs = end - clock.now();
      if (landing !== undefined || signal.aborted || !(leftMs > 0) || isStalled()) return landing;
      await waitAtMost(Promise.race([landed, left.promise]), Math.min(leftMs, LOOK_EVERY_MS), clock);
    }
  } finally {
    signal.removeEventListener('abort', leave);
  }
};
