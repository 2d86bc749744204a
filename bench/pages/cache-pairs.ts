import { readFileSync } from 'node:fs';
import { type LabelledPair, parsePairs } from '../../lambdas/core/cache/labelled-pairs.ts';

export const PAIRS_FILE = 'test/fixtures/semantic-pairs.jsonl';

export const readPairs = (): LabelledPair[] => parsePairs(readFileSync(PAIRS_FILE, 'utf8'));
