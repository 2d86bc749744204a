import { Logger } from '@aws-lambda-powertools/logger';
import type { Log } from '../../core/ports.ts';
import { embedMetrics } from './embed-metrics.ts';

export interface PowertoolsLogOptions {
  /** Name of the function in its lines. */
  service: string;
  /** Any value as one that JSON can hold. */
  toLoggable: (value: unknown) => unknown;
  /** JSON text with everything that looks like a key taken out. */
  redactKeys: (json: string) => string;
}

export interface PowertoolsLog extends Log {
  /** Lines from here on carry the invocation's id and whether the environment was new. */
  beginInvocation(context: object): void;
}

/**
 * The log on Lambda, by Powertools: one line of JSON a record on stdout, in the level that the function's log settings ask
 * for. A record's `metrics` (contract/metrics.ts) become CloudWatch's, out of that line. Never throws: a log line must not
 * break a request.
 */
export const makePowertoolsLog = ({ service, toLoggable, redactKeys }: PowertoolsLogOptions): PowertoolsLog => {
  const redact = (key: string, value: unknown): unknown => {
    if (typeof value !== 'string') return value;
    const text = JSON.stringify({ [key]: value });
    const redacted = redactKeys(text);
    return redacted === text ? value : (JSON.parse(redacted) as Record<string, unknown>)[key];
  };
  const logger = new Logger({ serviceName: service, jsonReplacerFn: redact });
  const record =
    (level: keyof Log) =>
    (message: string, fields?: Record<string, unknown>): void =>
      logger[level](
        message,
        ...(fields === undefined ? [] : [embedMetrics(namesApart(toLoggable(fields)), Date.now())]),
      );
  return {
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
    // Powertools reads what Lambda's context has, and nothing else of it.
    beginInvocation: (context) => logger.addContext(context as Parameters<Logger['addContext']>[0]),
  };
};

/** Powertools' own fields, which a record's must not overwrite. */
const OWN = new Set(['level', 'message', 'timestamp', 'service', 'xray_trace_id']);

const namesApart = (fields: unknown): Record<string, unknown> => {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return { fields };
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [OWN.has(name) ? `field.${name}` : name, value]),
  );
};
