import { randomBytes } from 'node:crypto';
import type { Random } from '../../core/ports.ts';

/** Bytes fit for keys; the fraction only spreads waits and lanes, and need not be unpredictable. */
export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  fraction: () => Math.random(),
};
