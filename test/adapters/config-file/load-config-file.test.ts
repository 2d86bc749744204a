import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfigFile } from '../../../lambdas/adapters/config-file/load-config-file.ts';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import type { CheckedConfig } from '../../../lambdas/contract/check-config.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';

const ROOT = join(import.meta.dirname, '../../..');
const GOOD = {
  providers: { demo: { kind: 'simulator' } },
  models: { demo: { targets: [{ provider: 'demo', model: 'echo' }] } },
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-config-'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const messageOf = (loaded: CheckedConfig): string =>
  loaded.ok ? 'loaded' : loaded.problems.map(({ path, message }) => `${path}: ${message}`).join('\n');

/** Loads files as the gateway does, in plain Node: under jest, jest itself reads TypeScript. */
const loadInNode = (...files: string[]): CheckedConfig[] => {
  const loader = pathToFileURL(join(ROOT, 'lambdas/adapters/config-file/load-config-file.ts')).href;
  const program = `const { loadConfigFile } = await import(${JSON.stringify(loader)});
    const loaded = [];
    for (const file of ${JSON.stringify(files)}) loaded.push(await loadConfigFile(file));
    process.stdout.write(JSON.stringify(loaded));`;
  const output = execFileSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program],
    {
      cwd: folder,
      stdio: 'pipe',
    },
  );
  return JSON.parse(output.toString()) as CheckedConfig[];
};

describe('loadConfigFile: JSON', () => {
  test('is read and checked', async () => {
    expect(await loadConfigFile(write('good.json', JSON.stringify(GOOD)))).toEqual({ ok: true, config: GOOD });
  });

  test('may begin with a byte order mark', async () => {
    expect((await loadConfigFile(write('bom.json', `\uFEFF${JSON.stringify(GOOD)}`))).ok).toBe(true);
  });

  test('what is wrong in it is told by its path', async () => {
    expect(messageOf(await loadConfigFile(write('wrong.json', JSON.stringify({ ...GOOD, org: 5 }))))).toMatch(/^org: /);
  });

  test('a slip of the pen is told by line and column, without the text around it', async () => {
    const message = messageOf(await loadConfigFile(write('slip.json', '{\n  "apiKey": "sk-hunter2",,\n}')));
    expect(message).toContain('line 2, column 26');
    expect(message).not.toContain('hunter2');
  });

  test('a name that is there twice is told: the parser would take the last without a word', async () => {
    const twice = `${JSON.stringify(GOOD).slice(0, -1)},"org":"a","org":"b"}`;
    expect(messageOf(await loadConfigFile(write('twice.json', twice)))).toBe(
      'org: is there twice; only the last would count',
    );
  });

  test('a file that breaks off says so', async () => {
    expect(messageOf(await loadConfigFile(write('cut.json', '{"providers": {')))).toMatch(/is not JSON/);
  });
});

describe('loadConfigFile: files', () => {
  test.each(['missing.json', 'missing.ts'])('%s that is not there is named', async (name) => {
    const message = messageOf(await loadConfigFile(join(folder, name)));
    expect(message).toContain(join(folder, name));
    expect(message).toContain("can't be read");
  });

  test('a folder is not a file', async () => {
    mkdirSync(join(folder, 'folder.json'));
    expect(messageOf(await loadConfigFile(join(folder, 'folder.json')))).toContain("can't be read");
  });

  test.each([
    ['tollgate.yaml', '".yaml"'],
    ['tollgate', 'no ending'],
  ])('%s is of no kind that is read', async (name, got) => {
    expect(messageOf(await loadConfigFile(name))).toContain(got);
  });
});

describe('loadConfigFile: TypeScript, in plain Node', () => {
  test('types are taken off, imports and top-level await work, and each mistake comes with what to do', () => {
    write(
      'prices.ts',
      'export const price: { inputPerMTok: number; outputPerMTok: number } = { inputPerMTok: 1, outputPerMTok: 2 };',
    );
    const config = JSON.stringify(GOOD);
    const commonJs = mkdtempSync(join(tmpdir(), 'tollgate-cjs-'));
    writeFileSync(join(commonJs, 'package.json'), '{"type":"commonjs"}');
    writeFileSync(join(commonJs, 'config.ts'), `export default ${config};`);
    const [good, waited, noDefault, withEnum, noEnding, syntax, thrown, cjs] = loadInNode(
      write(
        'good.ts',
        `import { price } from './prices.ts';\ninterface Unused { x: number }\nexport default ${config} as object satisfies typeof price | object;`,
      ),
      write('waited.mts', `const config = await Promise.resolve(${config});\nexport default config;`),
      write('no-default.ts', `export const config = ${config};`),
      write('enum.ts', `enum Kind { Simulator = 'simulator' }\nexport default { Kind };`),
      write('no-ending.ts', `import { price } from './prices';\nexport default { price };`),
      write('syntax.ts', 'export default { providers: {;'),
      write('thrown.ts', `throw new Error('no such team');`),
      join(commonJs, 'config.ts'),
    ).map(messageOf);
    rmSync(commonJs, { recursive: true, force: true });

    expect(good).toBe('loaded');
    expect(waited).toBe('loaded');
    expect(noDefault).toContain('export default defineGateway');
    expect(withEnum).toContain('no enum');
    expect(noEnding).toContain('`./prices.ts`');
    expect(syntax).toContain("syntax.ts can't be loaded");
    expect(thrown).toContain('no such team');
    expect(cjs).toContain('"type": "module"');
  });
});

describe('the example configuration', () => {
  const example = join(ROOT, 'tollgate.config.ts');

  test('is right, and every model in it has a price', async () => {
    const loaded = await loadConfigFile(example);
    if (!loaded.ok) throw new Error(messageOf(loaded));
    const resolved = resolveGateway(loaded.config, catalogue, 1);
    expect(resolved).toMatchObject({ ok: true, notices: [] });
  });

  test('works without any key: the demo aliases are there, the others are reported', async () => {
    const loaded = await loadConfigFile(example);
    if (!loaded.ok) throw new Error(messageOf(loaded));
    const resolved = resolveGateway(loaded.config, catalogue, 1, { available: ({ kind }) => kind === 'simulator' });
    if (!resolved.ok) throw new Error('refused');
    expect([...resolved.gateway.aliases.keys()]).toEqual([
      'demo',
      'demo-slow',
      'demo-fallback',
      'demo-cut',
      'demo-embeddings',
    ]);
    expect(resolved.notices).toHaveLength(3);
  });
});
