import type { TimeoutsConfig } from '../../lambdas/contract/config.ts';
import type { Fault } from './faults.ts';

/** What a client sees of a primary that fails so: the backup's answer, the primary's own, or an error in its dialect. */
export type Outcome = 'backup' | 'primary' | 'told';

export interface FaultRow {
  name: string;
  /** For people. */
  title: string;
  /** What the primary does; absent where nobody can be reached at its address. */
  fault?: Fault;
  /** Where the primary is looked for, instead of at the upstream. */
  address?: 'refused' | 'no-such-host' | 'untrusted' | 'no-tls';
  plain: Outcome;
  stream: Outcome;
  /** Whether its circuit opens: a busy target is not a broken one. */
  opens: boolean;
  /** Each failure costs its client as long as the timeout. */
  isSlow?: true;
}

/** So that a silence is one before the whole test is over. */
export const ROW_TIMEOUTS: TimeoutsConfig = { connectMs: 2_000, firstTokenMs: 2_500, idleMs: 2_500, totalMs: 10_000 };

const status = (code: number, headers?: Record<string, string>): Fault => ({
  kind: 'status',
  status: code,
  ...(headers && { headers }),
});
const toBackup = { plain: 'backup', stream: 'backup', opens: true } as const;

/** Every way to fail: the primary fails so from the first call to the last, the backup is healthy. */
export const FAULT_ROWS: readonly FaultRow[] = [
  {
    name: 'healthy',
    title: 'none: healthy',
    fault: { kind: 'healthy' },
    plain: 'primary',
    stream: 'primary',
    opens: false,
  },
  { name: 'status-500', title: '500', fault: status(500), ...toBackup },
  { name: 'status-503', title: '503', fault: status(503), ...toBackup },
  { name: 'status-529', title: '529 (overloaded)', fault: status(529), ...toBackup },
  { name: 'limited', title: '429', fault: status(429), ...toBackup, opens: false },
  {
    name: 'limited-seconds',
    title: '429, `retry-after: 600`',
    fault: status(429, { 'retry-after': '600' }),
    ...toBackup,
    opens: false,
  },
  {
    name: 'limited-ms',
    title: '429, `retry-after-ms: 600000`',
    fault: status(429, { 'retry-after-ms': '600000' }),
    ...toBackup,
    opens: false,
  },
  { name: 'refused', title: 'connection refused', address: 'refused', ...toBackup },
  { name: 'no-such-host', title: 'no such host', address: 'no-such-host', ...toBackup },
  { name: 'untrusted', title: 'TLS: untrusted certificate', address: 'untrusted', ...toBackup },
  { name: 'no-tls', title: 'TLS: no handshake', address: 'no-tls', ...toBackup },
  { name: 'reset', title: 'connection reset', fault: { kind: 'reset' }, ...toBackup },
  { name: 'hang', title: 'hangs', fault: { kind: 'hang' }, ...toBackup, isSlow: true },
  {
    name: 'late',
    title: 'first token after 60 s',
    fault: { kind: 'slow-first-token', afterMs: 60_000 },
    ...toBackup,
    isSlow: true,
  },
  {
    name: 'drip',
    title: 'slow drip, 50 ms a token',
    fault: { kind: 'healthy', gapMs: 50 },
    plain: 'primary',
    stream: 'primary',
    opens: false,
  },
  { name: 'cut-early', title: 'cut in the first event', fault: { kind: 'cut', at: 'before-content' }, ...toBackup },
  {
    name: 'cut-late',
    title: 'cut mid-event, after content',
    fault: { kind: 'cut', at: 'after-content' },
    plain: 'backup',
    stream: 'told',
    opens: true,
  },
  {
    name: 'ends-early',
    title: 'ends early, without an end',
    fault: { kind: 'ends-early' },
    plain: 'backup',
    stream: 'told',
    opens: true,
  },
  { name: 'malformed', title: 'malformed answer', fault: { kind: 'malformed' }, ...toBackup },
  {
    name: 'error-early',
    title: 'error inside a 200',
    fault: { kind: 'error-in-200', at: 'before-content' },
    ...toBackup,
  },
  {
    name: 'error-late',
    title: 'error inside a 200, after content',
    fault: { kind: 'error-in-200', at: 'after-content' },
    plain: 'backup',
    stream: 'told',
    opens: true,
  },
  {
    name: 'length-above',
    title: '`content-length` too high',
    fault: { kind: 'wrong-length', is: 'above' },
    // A stream says itself where it ends.
    plain: 'backup',
    stream: 'primary',
    opens: true,
  },
  {
    name: 'length-below',
    title: '`content-length` too low',
    fault: { kind: 'wrong-length', is: 'below' },
    ...toBackup,
  },
];

export type Mode = 'plain' | 'stream';
export const MODES: readonly Mode[] = ['plain', 'stream'];

/** The alias of a row; a mode each, so that neither finds a circuit open that the other has opened. */
export const aliasOf = ({ name }: FaultRow, mode: Mode): string => `${name}-${mode}`;
