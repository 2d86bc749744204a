import type { Writable } from 'node:stream';
import type { Log } from '../../core/ports.ts';
import { redactKeys } from './redact-keys.ts';
import { toLoggable } from './to-loggable.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const MOST_WAITING = 16_384;

export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

export interface LogOptions {
  /** Records below it are dropped before anything is done with them. */
  level?: LogLevel;
  stream?: Writable;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** How long records below `warn` may wait to be written together; each write stops the process for a moment. 0 = none. */
  delayMs?: number;
}

/**
 * One line of JSON a record, on stderr: `timestamp`, `level`, `message`, then the fields, their names in snake case
 * (OpenTelemetry's dotted names stay). Takes any value and never throws: a log line must not break a request. What looks
 * like a key is taken out of the finished line, whatever field it was in.
 */
export const makeLog = (options: LogOptions = {}): Log => {
  const { level = 'info', stream = process.stderr, now = Date.now, delayMs = 0 } = options;
  const lowest = LOG_LEVELS.indexOf(level);
  // A closed stderr must not end the process, and there is nowhere left to say so.
  stream.on('error', () => {});

  let waiting = '';
  const flush = (): void => {
    const lines = waiting;
    waiting = '';
    if (lines !== '' && !stream.destroyed) stream.write(lines);
  };
  if (delayMs > 0) process.once('exit', flush);

  const recordAt = (of: Exclude<LogLevel, 'silent'>) => {
    const isWritten = LOG_LEVELS.indexOf(of) >= lowest;
    return (message: string, fields?: Record<string, unknown>): void => {
      if (!isWritten || stream.destroyed) return;
      const record = { timestamp: new Date(now()).toISOString(), level: of, message: String(message) };
      const isFirst = waiting === '';
      waiting += `${redactKeys(JSON.stringify(withFields(record, fields)))}\n`;
      if (delayMs === 0 || of === 'warn' || of === 'error' || waiting.length > MOST_WAITING) flush();
      else if (isFirst) setTimeout(flush, delayMs).unref();
    };
  };

  return { debug: recordAt('debug'), info: recordAt('info'), warn: recordAt('warn'), error: recordAt('error') };
};

const withFields = (record: Record<string, unknown>, fields: unknown): Record<string, unknown> => {
  if (fields === undefined) return record;
  const loggable = toLoggable(fields);
  if (typeof loggable !== 'object' || loggable === null || Array.isArray(loggable))
    return { ...record, fields: loggable };
  for (const [name, value] of Object.entries(loggable)) {
    const snake = toSnakeCase(name);
    record[Object.hasOwn(record, snake) ? `field.${snake}` : snake] = value;
  }
  return record;
};

/** Names come from the code, so they are few. */
const snakeCase = new Map<string, string>();
const MOST_NAMES = 1_000;

const toSnakeCase = (name: string): string => {
  const known = snakeCase.get(name);
  if (known !== undefined) return known;
  const snake = name.replace(
    /([a-z\d])([A-Z])/g,
    (_, before: string, capital: string) => `${before}_${capital.toLowerCase()}`,
  );
  if (snakeCase.size < MOST_NAMES) snakeCase.set(name, snake);
  return snake;
};
