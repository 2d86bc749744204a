import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const OPTIONS = { timeout: 600_000, maxBuffer: 16 * 1024 * 1024 };

/**
 * Packages of PyPI in a virtual environment of their own, fetched where they are not there yet, anew when their list has
 * changed.
 *
 * @param requirements the list's file: the packages and all that they need, each by its version
 * @param name of the folder in `.servers`
 * @returns the folder with its programs, `python` among them
 */
export const installPython = async (requirements: string, name: string): Promise<string> => {
  const folder = resolve('.servers', name);
  const bin = join(folder, 'bin');
  const mark = join(folder, 'installed');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return bin;
  rmSync(folder, { recursive: true, force: true });
  try {
    await run('python3', ['-m', 'venv', folder], OPTIONS);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements];
    await run(join(bin, 'python'), pip, OPTIONS);
  } catch (error) {
    throw new Error(`pip could not fetch ${name}; Python 3.10 or newer with venv must be installed.`, { cause: error });
  }
  writeFileSync(mark, wanted);
  return bin;
};
