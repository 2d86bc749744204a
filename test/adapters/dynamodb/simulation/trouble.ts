import type { Dice } from './world.ts';

/** How bad a run's world is: shares of requests, of calls, or of 20 minutes of a process, as each says. */
export interface Trouble {
  /** Of requests: lost, unheard, or minutes late, each. */
  fault: number;
  /** Of requests: refused unread. */
  throttle: number;
  /** Of requests: the process stands still before it hears. */
  freeze: number;
  /** Of a process's 20 minutes: it dies; it stands still; it is cut off. */
  death: number;
  pause: number;
  cutOff: number;
  /** Of closers: they stand still or die in the middle. */
  closerFreeze: number;
  closerDeath: number;
  auditorDeath: number;
  auditorFreeze: number;
  /** Audits come at random, so often at most. */
  auditEveryMs: number;
  projectorDeath: number;
  /** Of the stream's batches: they come again. */
  zombie: number;
  /** Of the stream's pumps: it stands still for up to two hours. */
  stall: number;
  /** Of calls: so long that their epoch may be closed meanwhile; raised, and of those long after their epoch; settled after it. */
  longCall: number;
  raise: number;
  lateRaise: number;
  lateSettle: number;
  /** Clocks of gateways are wrong by up to so much. */
  skewMs: number;
}

const MINUTE_MS = 60_000;

/** A world as a seed makes it: a calm one, or one of three that are worse. */
export const drawTrouble = (random: Dice): Trouble => {
  const worst = random.pick([0, 0.002, 0.01, 0.03]);
  return {
    fault: worst,
    throttle: worst,
    freeze: worst / 20,
    death: worst * 20,
    pause: worst * 4,
    cutOff: worst * 6,
    closerFreeze: worst * 10,
    closerDeath: worst * 10,
    auditorDeath: worst * 10,
    auditorFreeze: worst * 4,
    auditEveryMs: 60 * MINUTE_MS,
    projectorDeath: worst,
    zombie: worst * 6,
    stall: worst > 0 ? 0.001 : 0,
    longCall: 0.03,
    raise: 0.2,
    lateRaise: 0.3,
    lateSettle: 0.02,
    skewMs: random.pick([0, MINUTE_MS, 40 * MINUTE_MS]),
  };
};

/** Of a script's one request: nothing but what the script does. */
export const CALM = { longCall: 0, raise: 0, lateRaise: 0, lateSettle: 0 } as const satisfies Partial<Trouble>;

/** Worlds that are bad in one way, for what else is seldom seen. The whole ledger must hold in them too. */
export const WORLDS = {
  'closers stand still': {
    fault: 0.003,
    closerFreeze: 0.8,
    longCall: 0.7,
    raise: 0.7,
    lateRaise: 0.9,
    lateSettle: 0.3,
    stall: 0.0008,
  },
  'settlements come late and unheard': { fault: 0.02, cutOff: 0.8, lateSettle: 0.5, freeze: 0.004 },
  'clocks are wrong and batches come again': { fault: 0.01, skewMs: 40 * MINUTE_MS, death: 0.9, zombie: 0.5, stall: 0 },
  'auditors sleep and die': { fault: 0.01, auditorDeath: 0.4, auditorFreeze: 0.5, auditEveryMs: 12 * MINUTE_MS },
  'what is late comes again later': { fault: 0.002, lateSettle: 0.5, longCall: 0.3, zombie: 0.9 },
} as const satisfies Record<string, Partial<Trouble>>;

export type WorldName = keyof typeof WORLDS;
