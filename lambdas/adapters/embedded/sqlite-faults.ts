import { StoreUnavailable } from '../../core/ports.ts';

/** Primary result codes of SQLite (sqlite.org/rescode.html) that are this code's own mistakes. Every other one is the world's. */
const BUGS = new Set([
  1, // ERROR: no such table, syntax
  17, // SCHEMA
  18, // TOOBIG
  19, // CONSTRAINT
  20, // MISMATCH
  21, // MISUSE
  25, // RANGE
]);
const BUSY = 5;

/** The primary result code of an error that SQLite raised, or undefined where it was not SQLite. */
const primaryCode = (error: unknown): number | undefined =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;

/** Another connection holds the write lock. */
export const isBusy = (error: unknown): boolean => primaryCode(error) === BUSY;

/** The file or the disk failed: busy, full, I/O error, corrupt, gone, read-only. */
export const isStoreFault = (error: unknown): boolean => {
  const code = primaryCode(error);
  return code !== undefined && !BUGS.has(code);
};

export const toStoreUnavailable = (cause: unknown): StoreUnavailable =>
  new StoreUnavailable(`The embedded store did not answer: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  });
