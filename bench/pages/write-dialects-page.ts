import { readFileSync, writeFileSync } from 'node:fs';
import { carryTable, DIALECTS_PAGE } from './dialects-table.ts';
import { replacePart } from './marked-part.ts';

/** `npm run docs:dialects`: writes the table of docs/dialects.md. */

writeFileSync(DIALECTS_PAGE, replacePart(readFileSync(DIALECTS_PAGE, 'utf8'), 'carry', carryTable()));
