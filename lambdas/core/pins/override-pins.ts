import type { Clock } from '../ports.ts';
import { StoreUnavailable } from '../ports.ts';
import type { PinOverride, PinOverrideChange, PinOverrides, PinStore } from './pin-store.ts';

const TRIES = 10;
/** What gateways read every few seconds has to stay small. */
export const MOST_OVERRIDES = 200;
const MOST_HISTORY = 40;

type Ports = { pins: Pick<PinStore, 'readOverrides' | 'writeOverrides'>; clock: Pick<Clock, 'now'> };

/**
 * Sets the share of a canary by hand, in the place of whatever was set for that alias and target.
 *
 * @returns undefined where there are too many of them
 * @throws {StoreUnavailable} also where others write each time
 */
export const overridePin = (override: Omit<PinOverride, 'at'>, ports: Ports): Promise<PinOverrides | undefined> =>
  change(ports, (set, at) => {
    const next: PinOverride = { ...override, at };
    return { set: [...set.filter((one) => !isSame(one, next)), next], changes: [next] };
  });

/** Lets the configuration hold again, for one target of the alias or for all. @throws {StoreUnavailable} as `overridePin` does */
export const releasePins = async (
  { alias, target, by }: { alias: string; target: string | undefined; by: string },
  ports: Ports,
): Promise<PinOverrideChange[]> => {
  let released: PinOverrideChange[] = [];
  await change(ports, (set, at) => {
    const meant = set.filter((one) => one.alias === alias && (target === undefined || one.target === target));
    released = meant.map((one) => ({ ...one, share: null, by, at, until: null }));
    return { set: set.filter((one) => !meant.includes(one)), changes: released };
  });
  return released;
};

const isSame = (a: PinOverride, b: PinOverride): boolean => a.alias === b.alias && a.target === b.target;

const change = async (
  { pins, clock }: Ports,
  edit: (set: PinOverride[], nowMs: number) => { set: PinOverride[]; changes: PinOverrideChange[] },
): Promise<PinOverrides | undefined> => {
  for (let tries = 0; tries < TRIES; tries++) {
    const seen = await pins.readOverrides();
    const now = Math.floor(clock.now());
    const lasting = seen.set.filter(({ until }) => until === null || until > now);
    const { set, changes } = edit(lasting, now);
    if (set.length > MOST_OVERRIDES) return undefined;
    if (changes.length === 0) return seen;
    const next = { version: seen.version + 1, set, history: [...changes, ...seen.history].slice(0, MOST_HISTORY) };
    if (await pins.writeOverrides(next)) return next;
  }
  throw new StoreUnavailable('the overrides of pins change too often');
};
