import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleSizes, describeFunctions, functionsTable, grantsTable, sizesTable } from './functions-table.ts';
import { replacePart } from './marked-part.ts';
import { describedBundles, describedResources } from './template.ts';

/** `npm run docs:functions`: writes the tables of docs/functions.md. */

export const FUNCTIONS_PAGE = 'docs/functions.md';

const folder = mkdtempSync(join(tmpdir(), 'tollgate-pages-'));
try {
  const rows = describeFunctions(describedResources(folder));
  const parts = {
    functions: functionsTable(rows),
    grants: grantsTable(rows),
    sizes: sizesTable(bundleSizes(describedBundles())),
  };
  const page = Object.entries(parts).reduce(
    (text, [name, table]) => replacePart(text, name, table),
    readFileSync(FUNCTIONS_PAGE, 'utf8'),
  );
  writeFileSync(FUNCTIONS_PAGE, page);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
