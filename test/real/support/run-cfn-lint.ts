import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** AWS's linter of templates and everything that it needs, by version. */
const REQUIREMENTS = resolve('test/real/support/cfn-lint.txt');

/** Fetches it where it is not there yet. @returns the folder with its programs */
export const installCfnLint = (): string => {
  const version = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 8);
  const folder = resolve('.servers', `cfn-lint-${version}`);
  const ready = join(folder, 'ready');
  if (!existsSync(ready)) {
    rmSync(folder, { recursive: true, force: true });
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'pipe' });
    execFileSync(join(folder, 'bin', 'pip'), ['install', '--quiet', '--no-deps', '--requirement', REQUIREMENTS], {
      stdio: 'pipe',
    });
    writeFileSync(ready, '');
  }
  return join(folder, 'bin');
};

/** W3005: the CDK names a function's role in DependsOn beside its policy, which the role's use says already. */
const IGNORED = ['W3005'];

/** Lints a template for a region with every service in it. @returns what it complains about, one a line */
export const lintTemplate = (template: object): string[] => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-lint-'));
  try {
    const file = join(folder, 'template.json');
    writeFileSync(file, JSON.stringify(template));
    const args = ['--format', 'parseable', '--regions', 'us-east-1', '--ignore-checks', ...IGNORED, '--template', file];
    const { status, stdout, stderr, error } = spawnSync(join(installCfnLint(), 'cfn-lint'), args, { encoding: 'utf8' });
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
