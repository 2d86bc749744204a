import { NOTICE_DAYS } from '../../contract/pin-notices.ts';
import type { Clock, Log } from '../ports.ts';
import { present } from '../read-json.ts';
import { type HeardLifecycle, isSameHeard } from './heard-lifecycle.ts';
import type { Pin } from './list-pins.ts';
import { makeChangeNotice, makeEndNotice, type PinNotice } from './make-pin-notice.ts';
import type { CalendarChange, CalendarEntry, NoticeMark, PinRecord, PinStore } from './pin-store.ts';

export interface WatchPorts {
  pins: PinStore;
  clock: Pick<Clock, 'now'>;
  log: Log;
  /** Tells people. Rejects where they could not be told: then they are at the next run. */
  tell(notice: PinNotice): Promise<void>;
  /** By pin, what its provider's own API says: remembered for the days on which it can't be asked. */
  heard?: ReadonlyMap<string, HeardLifecycle>;
}

/** What a run came to; JSON-ready. */
export interface Watched {
  pins: number;
  told: number;
  /** Calendar entries that say otherwise than before. */
  changed: number;
}

/** Who tells has so long for it: longer than a run may take, shorter than a failed run waits for its second try. */
export const NOTICE_LEASE_MS = 45_000;
const MOST_KEPT = 50;
const UNKNOWN: CalendarEntry = { deprecatedOn: null, retiresOn: null, successor: null };

/**
 * Compares every pin with what was last seen of it (so that the announcement of an end is seen, too), and tells what is due, each once however many look: a notice is claimed
 * in the store before it is told and marked after. Only who dies between the two lets it be told again.
 *
 * @throws {AggregateError} when some could not be told or remembered, after all have been tried
 */
export const watchPins = async (pins: readonly Pin[], ports: WatchPorts): Promise<Watched> => {
  const records = await ports.pins.read(pins.map(({ id }) => id));
  const watched: Watched = { pins: pins.length, told: 0, changed: 0 };
  const failures: unknown[] = [];
  for (const [i, pin] of pins.entries()) {
    try {
      const { told, changed } = await watchPin(pin, records[i], ports);
      watched.told += told;
      watched.changed += changed;
    } catch (error) {
      ports.log.error('pin not told of; the next run tries again', { pin: pin.id, error });
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} pins could not be told of`);
  return watched;
};

const watchPin = async (
  pin: Pin,
  seen: PinRecord | undefined,
  { pins: store, clock, tell, heard: heardPins }: WatchPorts,
): Promise<{ told: number; changed: number }> => {
  const now = Math.floor(clock.now());
  const calendar = calendarOf(pin);
  const hasChanged = seen !== undefined && !isSame(seen.calendar, calendar);
  const changes = hasChanged ? [{ at: now, from: seen.calendar, to: calendar }, ...seen.changes] : seen?.changes;
  const heard = heardPins?.get(pin.id);
  const base: PinRecord = {
    pin: pin.id,
    version: (seen?.version ?? 0) + 1,
    calendar,
    changes: (changes ?? []).slice(0, MOST_KEPT),
    notices: seen?.notices ?? [],
    ...present('heard', heard),
  };
  const due = dueNotices(pin, base).filter(({ key }) => isFree(base, key, now));
  const isKnown = seen !== undefined && !hasChanged && isSameHeard(seen.heard, heard);
  if (isKnown && due.length === 0) return { told: 0, changed: 0 };

  const keys = new Set(due.map(({ key }) => key));
  const others = base.notices.filter(({ key }) => !keys.has(key));
  const withMarks = (toldAt: number | null, marked: readonly Due[]): NoticeMark[] =>
    [...marked.map(({ key }) => ({ key, leaseUntil: now + NOTICE_LEASE_MS, toldAt })), ...others].slice(0, MOST_KEPT);
  const claimed = { ...base, notices: withMarks(null, due) };
  // Another run has just written the same: what is due is its to tell.
  if (!(await store.write(claimed))) return { told: 0, changed: 0 };
  if (due.length === 0) return { told: 0, changed: Number(hasChanged) };

  const next = { ...claimed, version: claimed.version + 1 };
  const told: Due[] = [];
  try {
    for (const one of due) {
      await tell(one.make());
      told.push(one);
    }
  } finally {
    // What could not be told is given back, so that a second try need not wait; should this fail, the lease ends by itself.
    await store.write({ ...next, notices: withMarks(Math.floor(clock.now()), told) });
  }
  return { told: told.length, changed: Number(hasChanged) };
};

const calendarOf = ({ lifecycle }: Pin): CalendarEntry =>
  lifecycle === undefined
    ? UNKNOWN
    : {
        deprecatedOn: lifecycle.deprecatedOn ?? null,
        retiresOn: lifecycle.retiresOn ?? null,
        successor: lifecycle.successor ?? null,
      };

const isSame = (a: CalendarEntry, b: CalendarEntry): boolean =>
  a.deprecatedOn === b.deprecatedOn && a.retiresOn === b.retiresOn && a.successor === b.successor;

interface Due {
  key: string;
  make(): PinNotice;
}

/** The newest change, and the tightest threshold that is crossed: whoever comes late is not told of the wider ones first. */
const dueNotices = (pin: Pin, { changes, calendar }: PinRecord): Due[] => {
  const { daysLeft } = pin.standing;
  const [change] = changes;
  const crossed = daysLeft === null ? undefined : NOTICE_DAYS.findLast((days) => daysLeft <= days);
  return [
    ...(change === undefined ? [] : [{ key: changeKey(change), make: () => makeChangeNotice(pin, change) }]),
    // By the date as well: a version that is given more time is told of anew.
    ...(crossed === undefined
      ? []
      : [{ key: `${crossed} ${calendar.retiresOn}`, make: () => makeEndNotice(pin, crossed) }]),
  ];
};

const changeKey = ({ at, to }: CalendarChange): string =>
  `change ${at} ${to.deprecatedOn} ${to.retiresOn} ${to.successor}`;

const isFree = ({ notices }: PinRecord, key: string, now: number): boolean => {
  const mark = notices.find((one) => one.key === key);
  return mark === undefined || (mark.toldAt === null && mark.leaseUntil <= now);
};
