import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { COST_RESULTS, costParts, memoryOf, readResults } from './cost-page.ts';
import type { CostResults } from './cost-tables.ts';
import { countUnits } from './count-units.ts';
import { replacePart } from './marked-part.ts';
import { measureFunctions } from './measure-functions.ts';
import { openReferenceDeployment } from './reference-deployment.ts';
import { describedResources } from './template.ts';

/**
 * `npm run docs:cost`: counts what the reference request uses and writes the tables of docs/cost.md. With `--measure` it
 * also measures processor time and memory anew, by size of memory (Linux, some minutes). It needs Java 17.
 */

const SIZES_MB = [128, 256, 512, 1_024, 1_769];

const { values } = parseArgs({ options: { measure: { type: 'boolean', default: false } } });
const folder = mkdtempSync(join(tmpdir(), 'tollgate-pages-'));
try {
  const resources = describedResources(folder);
  const deployment = await openReferenceDeployment();
  const { counted, sizes } = await countUnits(deployment).finally(() => deployment.stop());
  const sizesMb = [...new Set([...SIZES_MB, ...Object.values(memoryOf(resources) as object)])].sort((a, b) => a - b);
  const { measured, measuredOn } =
    values.measure || !existsSync(COST_RESULTS)
      ? {
          measured: await measureFunctions(openReferenceDeployment, {
            sizesMb,
            onProgress: (text) => console.log(text),
          }),
          measuredOn: `${new Date().toISOString().slice(0, 10)}, ${platform()} ${arch()}, ${cpus().length} × ${cpus()[0]?.model}, Node ${process.versions.node}`,
        }
      : readResults();
  const results: CostResults = { counted, sizes, measured, measuredOn };
  writeFileSync(COST_RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  for (const [file, parts] of Object.entries(costParts(results, resources)))
    writeFileSync(
      file,
      Object.entries(parts).reduce((text, [name, part]) => replacePart(text, name, part), readFileSync(file, 'utf8')),
    );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
