import type { CachedAnswer } from './cache-stores.ts';

/** Calls under way in this process, by the key that their answers will be kept under. */
export interface Flights {
  /** What comes of the call under way; undefined where there is none. */
  under(tenant: string, key: string): Promise<CachedAnswer | undefined> | undefined;
  /** Begins one. @returns what ends it: with its answer, or without one that others may be given */
  begin(tenant: string, key: string): (answer?: CachedAnswer) => void;
}

export const makeFlights = (): Flights => {
  const flights = new Map<string, Promise<CachedAnswer | undefined>>();
  const nameOf = (tenant: string, key: string): string => JSON.stringify([tenant, key]);
  return {
    under: (tenant, key) => flights.get(nameOf(tenant, key)),
    begin(tenant, key) {
      const name = nameOf(tenant, key);
      const { promise, resolve } = Promise.withResolvers<CachedAnswer | undefined>();
      flights.set(name, promise);
      return (answer) => {
        // After a failure several may be under way: each ends its own.
        if (flights.get(name) === promise) flights.delete(name);
        resolve(answer);
      };
    },
  };
};
