import { readFileSync, writeFileSync } from 'node:fs';
import { openMiniLm } from '../../lambdas/adapters/minilm/make-minilm-embedder.ts';
import { answersTable, measureAnswers } from './cache-answers.ts';
import { heldOutTables, measureHeldOut } from './cache-held-out.ts';
import { readPairs } from './cache-pairs.ts';
import { CACHE_PAGE, kindTable, measureCache, resultTables } from './cache-tables.ts';
import { replacePart } from './marked-part.ts';

/** `npm run docs:cache`: writes the tables of docs/semantic-cache.md. It needs `npm run fetch-model`. */

const local = await openMiniLm();
if (local.kind === 'off') throw new Error(local.why);
const measured = await measureCache(readPairs(), local.embedder);
const heldOut = await measureHeldOut(local.embedder);
const answers = await measureAnswers(local.embedder);
const parts: Record<string, string> = {
  results: resultTables(measured),
  kinds: kindTable(measured),
  'held-out': heldOutTables(heldOut, measured.calibration.threshold ?? 1),
  answers: answersTable(answers),
};
let page = readFileSync(CACHE_PAGE, 'utf8');
for (const [name, text] of Object.entries(parts)) page = replacePart(page, name, text);
writeFileSync(CACHE_PAGE, page);
