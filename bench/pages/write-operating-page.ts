import { readFileSync, writeFileSync } from 'node:fs';
import { replacePart } from './marked-part.ts';
import { OPERATING_PAGE, rightsTable } from './rights-table.ts';

/** `npm run docs:operating`: writes the table of docs/operating.md. */

writeFileSync(OPERATING_PAGE, replacePart(readFileSync(OPERATING_PAGE, 'utf8'), 'rights', rightsTable()));
