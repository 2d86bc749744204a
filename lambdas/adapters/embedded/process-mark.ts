import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isSystemError } from './sqlite-faults.ts';

/** Where and when a process runs: enough to tell later, from another process, whether it still does. */
export interface ProcessMark {
  host: string;
  pid: number;
  /** Linux: the boot, and the process-number namespace (a container's own). null where the system doesn't tell. */
  boot: string | null;
  namespace: string | null;
  /** Linux: ticks from boot to the process's start, since its number may be given to another. */
  started: string | null;
}

export type Liveness = 'alive' | 'dead' | 'unknown';

export const markThisProcess = (): ProcessMark => ({
  host: hostname(),
  pid: process.pid,
  boot: readOrNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  namespace: readOrNull(() => readlinkSync('/proc/self/ns/pid')),
  started: readStat(process.pid)?.started ?? null,
});

/**
 * Whether the marked process still runs, as seen from the process `self`. `dead` is sure. `unknown` is a process whose
 * numbers mean nothing here: on another machine or in another container.
 */
export const judgeProcess = (mark: ProcessMark, self: ProcessMark): Liveness => {
  if (mark.host !== self.host) return 'unknown';
  if (mark.boot !== self.boot) return mark.boot === null || self.boot === null ? 'unknown' : 'dead';
  if (mark.namespace !== self.namespace) return 'unknown';
  if (!isRunning(mark.pid)) return 'dead';
  const stat = readStat(mark.pid);
  if (stat === null) return 'alive';
  // A zombie has ended, only its parent has not looked yet. And the number may be somebody else's by now.
  const isZombie = stat.state === 'Z' || stat.state === 'X';
  return isZombie || (mark.started !== null && mark.started !== stat.started) ? 'dead' : 'alive';
};

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs as another user.
    return !isSystemError(error, 'ESRCH');
  }
};

/** Fields 3 and 22 of `/proc/<pid>/stat`. The second, the command in parentheses, may hold anything, so they count from its end. */
const readStat = (pid: number): { state: string; started: string } | null =>
  readOrNull(() => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state, started] = [fields[0], fields[19]];
    return state === undefined || started === undefined ? null : { state, started };
  });

/** Only Linux has these files; elsewhere, and where they are hidden, there is nothing to know. */
const readOrNull = <T>(read: () => T): T | null => {
  try {
    return read();
  } catch {
    return null;
  }
};
