import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployerPolicy, typesOf } from './deployer-policy.ts';
import { readHandlerPermissions } from './handler-permissions.ts';
import { describedResources, fullResources } from './template.ts';

/**
 * `npm run docs:policy`: writes docs/deployer-policy.json and what a domain and a firewall need more, and beside this
 * file what the registry says they are made of.
 */

const folder = mkdtempSync(join(tmpdir(), 'tollgate-pages-'));
try {
  const base = typesOf(describedResources(folder));
  const types = typesOf(fullResources(folder));
  const more = types.filter((type) => !base.includes(type));
  const permissions = await readHandlerPermissions(types);
  const write = (file: string, value: unknown): void => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
  write('bench/pages/handler-permissions.json', permissions);
  write('docs/deployer-policy.json', deployerPolicy(base, permissions));
  write('docs/deployer-policy-options.json', deployerPolicy(more, permissions, { isAddition: true }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
