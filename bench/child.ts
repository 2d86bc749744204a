import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** A server process that the benchmark started and will end. */
export interface Child {
  pid: number;
  /** The object of the JSON line that it printed when ready; empty for one that was asked over HTTP. */
  ready: Record<string, unknown>;
  /** Ends it, politely first. */
  stop(): Promise<void>;
}

export interface ChildCommand {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  /** Where to ask until it answers; without it the process prints a line of JSON when ready. */
  healthUrl?: string;
  readyWithinMs: number;
}

/** The environment of a target: nothing of a proxy, of another service's address or of somebody's keys. */
function makeEnvironment(extra: Record<string, string>): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'LD_LIBRARY_PATH'];
  const inherited = kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { ...Object.fromEntries(inherited), NODE_ENV: 'production', NO_PROXY: '127.0.0.1,localhost', ...extra };
}

export const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function endProcess(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

const isAnswering = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    (response) => response.body?.cancel().then(() => response.ok) ?? response.ok,
    () => false,
  );

async function waitForHealth(url: string, child: ChildProcess, untilMs: number): Promise<Record<string, unknown>> {
  while (performance.now() < untilMs && !hasEnded(child)) {
    if (await isAnswering(url)) return {};
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('was not ready in time');
}

function waitForLine(child: ChildProcess, timeoutMs: number): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('was not ready in time')), timeoutMs);
    const settle = (action: () => void) => {
      clearTimeout(timer);
      action();
    };
    child.once('exit', (code) => settle(() => reject(new Error(`ended with code ${code}`))));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) settle(() => resolve(JSON.parse(line) as Record<string, unknown>));
    });
  });
}

/**
 * Starts a process and waits until it serves.
 *
 * @throws with the end of what it printed when it can't start
 */
export async function startChild(spec: ChildCommand): Promise<Child> {
  const child = spawn(spec.command, spec.args, {
    env: makeEnvironment(spec.env ?? {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const tail: string[] = [];
  const keep = (text: Buffer) => {
    tail.push(text.toString('utf8'));
    if (tail.length > 40) tail.shift();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  try {
    await once(child, 'spawn');
    const ready =
      spec.healthUrl === undefined
        ? await waitForLine(child, spec.readyWithinMs)
        : await waitForHealth(spec.healthUrl, child, performance.now() + spec.readyWithinMs);
    if (child.pid === undefined) throw new Error('has no process id');
    return { pid: child.pid, ready, stop: () => endProcess(child) };
  } catch (error) {
    await endProcess(child);
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${spec.name} ${reason}\n${tail.join('').trim().slice(-4_000)}`);
  }
}

/** A port that was free a moment ago, for servers that can't choose one themselves. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
