/**
 * What a process and all its descendants have used: CPU time and resident memory. Linux tells through /proc, macOS
 * through `ps`.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessRow {
  pid: number;
  parent: number;
  /** User and system time of the process, and of its children that have ended and been waited for where the system says. */
  cpuMs: number;
  residentBytes: number;
}

/** Size of a clock tick, milliseconds, and of a page, bytes: constants of the running system. */
export interface SystemUnits {
  tickMs: number;
  pageBytes: number;
}

export function readSystemUnits(): SystemUnits {
  const ask = (name: string) => Number(execFileSync('getconf', [name], { encoding: 'utf8' }));
  return { tickMs: 1000 / ask('CLK_TCK'), pageBytes: ask('PAGESIZE') };
}

/**
 * Reads one line of /proc/PID/stat (proc_pid_stat(5)): fields 14 to 17 are utime, stime, cutime and cstime in ticks,
 * field 24 is the resident size in pages. The second field is the command in brackets, which may itself hold brackets.
 */
export function parseStat(line: string, units: SystemUnits): ProcessRow {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    pid: Number.parseInt(line, 10),
    parent: field(4),
    cpuMs: (field(14) + field(15) + field(16) + field(17)) * units.tickMs,
    residentBytes: field(24) * units.pageBytes,
  };
}

/** Reads a line of `ps -axo pid=,ppid=,rss=,time=`: kilobytes, and `[[D-]H:]M:S.hh`. */
export function parsePs(line: string): ProcessRow {
  const [pid, parent, rss, time] = line.trim().split(/\s+/);
  const [days, clock] = (time ?? '').includes('-') ? (time ?? '').split('-') : ['0', time];
  const seconds = (clock ?? '').split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return {
    pid: Number(pid),
    parent: Number(parent),
    cpuMs: Math.round((Number(days) * 86_400 + seconds) * 1000),
    residentBytes: Number(rss) * 1024,
  };
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');

function listProcesses(units: SystemUnits): ProcessRow[] {
  if (process.platform !== 'linux') {
    const table = execFileSync('ps', ['-axo', 'pid=,ppid=,rss=,time='], { encoding: 'utf8' });
    return table.trimEnd().split('\n').map(parsePs);
  }
  const rows: ProcessRow[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      rows.push(parseStat(readFileSync(`/proc/${name}/stat`, 'latin1'), units));
    } catch (error) {
      if (!isGone(error)) throw error; // it ended between the listing and the reading
    }
  }
  return rows;
}

/** The process of that id and everything below it. */
export function selectTree(rows: readonly ProcessRow[], root: number): ProcessRow[] {
  const children = Map.groupBy(rows, (row) => row.parent);
  const found = rows.filter((row) => row.pid === root);
  for (const row of found) found.push(...(children.get(row.pid) ?? []));
  return found;
}

/** @throws when the process is not there: a target that died can't be measured. */
export function readTree(root: number, units: SystemUnits): { cpuMs: number; residentBytes: number } {
  const tree = selectTree(listProcesses(units), root);
  if (tree.length === 0) throw new Error(`process ${root} is gone`);
  return {
    cpuMs: tree.reduce((sum, row) => sum + row.cpuMs, 0),
    residentBytes: tree.reduce((sum, row) => sum + row.residentBytes, 0),
  };
}
