import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

const PROGRAM = resolve(import.meta.dirname, '../../../bin/tollgate.ts');

export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command line as a process of its own. @param options.input what is piped into it */
export const runTollgate = async (
  words: readonly string[],
  { env, input = '' }: { env: Readonly<Record<string, string>>; input?: string },
): Promise<Ran> => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, ...words], { env });
  const ran = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (ran.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (ran.stderr += text));
  // A command that reads nothing may be gone before it is written to.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, ...ran };
};

/** What a command says with `--json`. @throws {Error} with its words, when it fails */
export const askTollgate = async (
  words: readonly string[],
  options: { env: Readonly<Record<string, string>>; input?: string },
): Promise<unknown> => {
  const { status, stdout, stderr } = await runTollgate([...words, '--json'], options);
  if (status !== 0) throw new Error(`tollgate ${words.join(' ')}: ${status}: ${stderr}`);
  return JSON.parse(stdout);
};
