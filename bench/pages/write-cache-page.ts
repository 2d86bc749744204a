import { readFileSync, writeFileSync } from 'node:fs';
import { openMiniLm } from '../../lambdas/adapters/minilm/make-minilm-embedder.ts';
import { readPairs } from './cache-pairs.ts';
import { CACHE_PAGE, kindTable, measureCache, resultTables } from './cache-tables.ts';
import { replacePart } from './marked-part.ts';

/** `npm run docs:cache`: writes the tables of docs/semantic-cache.md. It needs `npm run fetch-model`. */

const local = await openMiniLm();
if (local.kind === 'off') throw new Error(local.why);
const measured = await measureCache(readPairs(), local.embedder);
const page = replacePart(readFileSync(CACHE_PAGE, 'utf8'), 'results', resultTables(measured));
writeFileSync(CACHE_PAGE, replacePart(page, 'kinds', kindTable(measured)));
