import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { installPython } from './install-python.ts';

/** AWS's linter of templates and everything that it needs, by version. */
const REQUIREMENTS = resolve('test/real/support/cfn-lint.txt');

/** Fetches it where it is not there yet. @returns the folder with its programs */
export const installCfnLint = (): Promise<string> => installPython(REQUIREMENTS, 'cfn-lint');

/** W3005: the CDK names a function's role in DependsOn beside its policy, which the role's use says already. */
const IGNORED = ['W3005'];

/** Lints a template for a region with every service in it. @returns what it complains about, one a line */
export const lintTemplate = async (template: object): Promise<string[]> => {
  const bin = await installCfnLint();
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-lint-'));
  try {
    const file = join(folder, 'template.json');
    writeFileSync(file, JSON.stringify(template));
    const args = ['--format', 'parseable', '--regions', 'us-east-1', '--ignore-checks', ...IGNORED, '--template', file];
    const { status, stdout, stderr, error } = spawnSync(join(bin, 'cfn-lint'), args, { encoding: 'utf8' });
    if (error !== undefined) throw error;
    // It exits with bits for errors, warnings and notes; anything else is its own failure.
    if (status === null || status > 14 || (status !== 0 && stdout.trim() === ''))
      throw new Error(`cfn-lint failed (${status}): ${stderr}`);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(line.indexOf('template.json') + 'template.json'.length));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
