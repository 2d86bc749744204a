import { existsSync, globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cruise, type ICruiseResult } from 'dependency-cruiser';

/** What runs; tests and benchmarks may import anything. */
const FOLDERS = ['lambdas', 'bin', 'lib'];

const require = createRequire(import.meta.url);

/**
 * Checks who imports whom against the table in .dependency-cruiser.cjs. A tool that has not looked finds nothing to
 * complain about, so what it saw is compared with what is on disk: every file a module, every file with an import a
 * module with a dependency.
 *
 * @returns complaints, one a line; none = all is well
 */
const checkImports = async (root: string): Promise<{ complaints: string[]; modules: number; violations: number }> => {
  const { forbidden, options } = require('../../.dependency-cruiser.cjs');
  const files = FOLDERS.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root })).sort();
  const folders = FOLDERS.filter((folder) => existsSync(resolve(root, folder)));
  const { output } = await cruise(
    folders,
    {
      baseDir: root,
      validate: true,
      ruleSet: { forbidden },
      tsPreCompilationDeps: options.tsPreCompilationDeps,
      doNotFollow: options.doNotFollow,
    },
    options.enhancedResolveOptions,
  );
  const { modules, summary } = output as ICruiseResult;
  const seen = new Map(modules.map(({ source, dependencies }) => [source, dependencies.length]));
  const violations = summary.violations.map(
    ({ from, to, rule, cycle }) => `${from} → ${cycle?.map(({ name }) => name).join(' → ') ?? to}: ${rule.name}`,
  );
  const unseen = files.filter((file) => !seen.has(file)).map((file) => `${file}: the tool has not seen it`);
  const unread = files
    .filter(
      (file) => seen.get(file) === 0 && /^(import|export) .*from '/m.test(readFileSync(resolve(root, file), 'utf8')),
    )
    .map((file) => `${file}: the tool has seen none of its imports`);
  const empty = files.length === 0 ? [`no modules under ${FOLDERS.join(' or ')}`] : [];
  return {
    complaints: [...empty, ...unseen, ...unread, ...violations],
    modules: files.filter((file) => seen.has(file)).length,
    violations: violations.length,
  };
};

const { values } = parseArgs({ options: { root: { type: 'string', default: resolve(import.meta.dirname, '../..') } } });
const { complaints, modules, violations } = await checkImports(resolve(values.root));
for (const complaint of complaints) console.error(complaint);
console.log(`${modules} modules, ${violations} violations`);
process.exitCode = complaints.length === 0 ? 0 : 1;
