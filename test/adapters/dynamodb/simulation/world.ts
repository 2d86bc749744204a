import { setImmediate as nextTurn } from 'node:timers/promises';

/** Many processes in one, on a time of its own: whatever happens, happens in an order that a seed decides. */
export interface SimWorld {
  random: Dice;
  /** Milliseconds since 1970, of the table. */
  now(): number;
  /** Calls back at that time; of the same time in an order that the seed decides. */
  at(timeMs: number, callback: () => void): void;
  /** Runs what is due until that time, letting all that each event sets off come to rest. @throws what `fail` was given */
  runUntil(timeMs: number): Promise<void>;
  /** Ends the run. */
  fail(error: Error): void;
  events(): number;
}

export interface Dice {
  /** In [0, 1). */
  fraction(): number;
  /** A whole number below. */
  int(below: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
}

export const makeDice = (seed: number): Dice => {
  let state = seed >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number): number => Math.floor(fraction() * below);
  return {
    fraction,
    int,
    chance: (probability) => fraction() < probability,
    pick<T>(from: readonly T[]): T {
      if (from.length === 0) throw new RangeError('nothing to pick from');
      return from[int(from.length)] as T;
    },
  };
};

interface Event {
  timeMs: number;
  tie: number;
  callback: () => void;
}

const isBefore = (a: Event, b: Event): boolean => a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.tie <= b.tie);

/** A binary heap of events, the next one first. */
const makeQueue = () => {
  const heap: Event[] = [];
  const at = (i: number): Event => heap[i] as Event;
  return {
    next: (): Event | undefined => heap[0],
    push(event: Event): void {
      let i = heap.push(event) - 1;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (isBefore(at(parent), event)) break;
        heap[i] = at(parent);
        i = parent;
      }
      heap[i] = event;
    },
    pop(): Event | undefined {
      const top = heap[0];
      const last = heap.pop();
      if (last === undefined || heap.length === 0) return top;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && !isBefore(at(child), at(child + 1))) child += 1;
        if (isBefore(last, at(child))) break;
        heap[i] = at(child);
        i = child;
      }
      heap[i] = last;
      return top;
    },
  };
};

export const makeWorld = (seed: number, startMs: number): SimWorld => {
  const random = makeDice(seed);
  const queue = makeQueue();
  let now = startMs;
  let failure: Error | undefined;
  let events = 0;
  return {
    random,
    now: () => now,
    at(timeMs, callback) {
      queue.push({ timeMs: Math.max(timeMs, now), tie: random.fraction(), callback });
    },
    async runUntil(timeMs) {
      for (let event = queue.next(); event !== undefined && event.timeMs <= timeMs; event = queue.next()) {
        queue.pop();
        now = event.timeMs;
        events += 1;
        event.callback();
        // Nothing but promises runs in here: when the turn is over, all have come to rest.
        await nextTurn();
        if (failure !== undefined) throw failure;
      }
      now = Math.max(now, timeMs);
    },
    fail(error) {
      failure ??= error;
    },
    events: () => events,
  };
};
