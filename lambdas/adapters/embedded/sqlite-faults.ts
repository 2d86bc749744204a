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

/** What Node's own errors say beside their message. They are told by their fields: Node may throw another realm's `Error`. */
const fieldsOf = (error: unknown): { code?: unknown; errcode?: unknown; syscall?: unknown; message?: unknown } =>
  typeof error === 'object' && error !== null ? error : {};

/** The primary result code of an error that SQLite raised, or undefined where it was not SQLite. */
const primaryCode = (error: unknown): number | undefined => {
  const { errcode } = fieldsOf(error);
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
};

/** Whether a system call failed, with this code if one is given. */
export const isSystemError = (error: unknown, code?: string): boolean => {
  const fields = fieldsOf(error);
  return typeof fields.syscall === 'string' && (code === undefined || fields.code === code);
};

/** Another connection holds the write lock. */
export const isBusy = (error: unknown): boolean => primaryCode(error) === BUSY;

/** The file or the disk failed: busy, full, I/O error, corrupt, gone, read-only. */
export const isStoreFault = (error: unknown): boolean => {
  const code = primaryCode(error);
  return code !== undefined && !BUGS.has(code);
};

export const toStoreUnavailable = (cause: unknown): StoreUnavailable =>
  new StoreUnavailable(`The embedded store did not answer: ${fieldsOf(cause).message ?? cause}`, { cause });
