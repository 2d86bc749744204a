import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
/** What the linter can't forbid: `Date` and `Math` themselves are pure. Globals (fetch, timers, process) are its business, see biome.json. */
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\bgetRandomValues\b|\bglobalThis\b/;

const impureLines = (text: string): number[] =>
  text.split('\n').flatMap((line, i) => (IMPURE.test(line) && !/^\s*(\/\/|\*|\/\*\*)/.test(line) ? [i + 1] : []));

describe('the pure folders', () => {
  test.each(['core', 'dialects', 'providers', 'contract'])('lambdas/%s asks no clock and no chance', (folder) => {
    const files = globSync(`lambdas/${folder}/**/*.ts`, { cwd: ROOT });
    expect(files.length).toBeGreaterThan(5);
    expect(
      files.flatMap((file) => impureLines(readFileSync(join(ROOT, file), 'utf8')).map((line) => `${file}:${line}`)),
    ).toEqual([]);
  });

  test.each([
    'const at = Date.now();',
    'const at = new Date();',
    'const chance = Math.random();',
    'crypto.randomUUID()',
    'globalThis.fetch(url)',
  ])('%s would be seen', (line) => {
    expect(impureLines(line)).toEqual([1]);
  });

  test.each(['new Date(atMs).toISOString()', '// not Date.now(), which jumps', 'Math.max(1, 2)'])(
    '%s may stand',
    (line) => {
      expect(impureLines(line)).toEqual([]);
    },
  );
});
