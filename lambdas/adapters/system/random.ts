import { randomFillSync } from 'node:crypto';
import type { Random } from '../../core/ports.ts';

/** Asking the system costs as much for 16 bytes as for these. */
const POOL_BYTES = 4_096;
const pool = new Uint8Array(POOL_BYTES);
let taken = POOL_BYTES;

/** Each byte is handed out once and leaves the pool with it. */
const takeBytes = (count: number): Uint8Array => {
  if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
  if (taken + count > POOL_BYTES) {
    randomFillSync(pool);
    taken = 0;
  }
  const bytes = pool.slice(taken, taken + count);
  pool.fill(0, taken, taken + count);
  taken += count;
  return bytes;
};

/** Bytes fit for keys; the fraction only spreads waits and lanes, and need not be unpredictable. */
export const systemRandom: Random = {
  bytes: takeBytes,
  fraction: () => Math.random(),
};
