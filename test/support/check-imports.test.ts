import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';

const script = resolve(import.meta.dirname, 'check-imports.ts');
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs the check over a small tree: path → text. */
const check = (files: Record<string, string>) => {
  const root = mkdtempSync(join(tmpdir(), 'tollgate-imports-'));
  folders.push(root);
  for (const [path, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--root', root], { encoding: 'utf8' });
  return { status, stdout: stdout.trim(), stderr };
};

const adapter = { 'lambdas/adapters/http/send.ts': 'export const send = 1;' };

describe('the import check', () => {
  test('passes a tree that keeps to the table, and says how much it saw', () => {
    const { status, stdout, stderr } = check({
      ...adapter,
      'lambdas/core/decide.ts': "import { createHash } from 'node:crypto';\nexport const hash = createHash;",
      'lambdas/wiring/open.ts':
        "import { hash } from '../core/decide.ts';\nimport { send } from '../adapters/http/send.ts';\nexport const open = [hash, send];",
    });
    expect([status, stdout, stderr]).toEqual([0, '3 modules, 0 violations', '']);
  });

  test('names each import that the table forbids', () => {
    const forbidden = {
      'bin/tollgate.ts': "import { send } from '../lambdas/adapters/http/send.ts';",
      'lambdas/adapters/embedded/open.ts': "import { send } from '../http/send.ts';",
      'lambdas/core/a-type.ts': "import type { send } from '../adapters/http/send.ts';",
      'lambdas/core/later.ts': "export const later = await import('../adapters/http/send.ts');",
      'lambdas/core/of-node.ts': "import { readFileSync } from 'node:fs';",
      'lambdas/core/passed-on.ts': "export { send } from '../adapters/http/send.ts';",
      'lambdas/core/plain.ts': "import { send } from '../adapters/http/send.ts';",
      'lambdas/dialects/gemini/codec.ts': "import { other } from '../openai-chat/codec.ts';",
      'lambdas/utils/misc.ts': "import { ok } from '../core/ok.ts';",
      'lambdas/wiring/gone.ts': "import { gone } from './not-there.ts';",
      'lambdas/wiring/open.ts': "import { fake } from '../../test/lambdas/core/fake.ts';",
    };
    const { status, stdout, stderr } = check({
      ...adapter,
      ...forbidden,
      'lambdas/core/ok.ts': 'export const ok = 1;',
      'lambdas/dialects/openai-chat/codec.ts': 'export const other = 1;',
      'test/lambdas/core/fake.ts': 'export const fake = 1;',
    });
    expect([status, stdout]).toEqual([1, '14 modules, 11 violations']);
    expect(
      stderr
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0])
        .sort(),
    ).toEqual(Object.keys(forbidden));
  });

  test('fails on modules that need each other, unless only their types do', () => {
    const needs = (name: string, kind: string) => ({
      [`lambdas/core/${name}-a.ts`]: `import { b } from './${name}-b.ts';\nexport const a = (): unknown => b;`,
      [`lambdas/core/${name}-b.ts`]: `import ${kind} { a } from './${name}-a.ts';\nexport const b = 1 as unknown as typeof a;`,
    });
    const { status, stderr } = check({ ...needs('run', ''), ...needs('types', 'type') });
    expect(status).toBe(1);
    expect(stderr).toContain('run-a.ts → ');
    expect(stderr).not.toContain('types-a.ts');
  });

  test('fails when it has seen fewer modules than there are', () => {
    const { status, stdout, stderr } = check({
      ...adapter,
      'lambdas/core/node_modules/hidden.ts': 'export const hidden = 1;',
    });
    expect([status, stdout]).toEqual([1, '1 modules, 0 violations']);
    expect(stderr).toContain('hidden.ts: the tool has not seen it');
  });

  test('fails when there is nothing to see', () => {
    expect(check({})).toMatchObject({ status: 1, stderr: expect.stringContaining('no modules') });
  });
});
