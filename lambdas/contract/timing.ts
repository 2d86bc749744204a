/** The ledger's constants (docs/ledger): changing one changes what a deployed ledger means. Milliseconds. */
export const EPOCH_MS = 5 * 60_000;
export const LONGEST_CALL_MS = 15 * 60_000;
export const GRACE_MS = 60_000;
export const LANES = 16;

export const epochOf = (timeMs: number): number => Math.floor(timeMs / EPOCH_MS);
export const epochStart = (epoch: number): number => epoch * EPOCH_MS;
export const epochEnd = (epoch: number): number => (epoch + 1) * EPOCH_MS;
/** From this instant on no write of the epoch can still arrive, and its closer may read it. */
export const closeDueAt = (epoch: number): number => epochEnd(epoch) + LONGEST_CALL_MS + 2 * GRACE_MS;
