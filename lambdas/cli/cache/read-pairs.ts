import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type LabelledPair, parsePairs } from '../../core/cache/labelled-pairs.ts';
import { isInScope } from '../../core/cache/pair-scope.ts';
import { CommandFailed, UsageError } from '../output.ts';

/** Those that the guards were made with, and judged by. They come with the repository, not with a deployment. */
const SHIPPED = resolve(import.meta.dirname, '../../../test/fixtures/semantic-pairs.jsonl');

/**
 * Labelled pairs, one JSON object a line (docs/semantic-cache.md).
 *
 * @param file undefined = those that come with Tollgate
 * @throws {UsageError} where the file can't be read @throws {CommandFailed} where a line is no pair
 */
export const readPairs = async (file: string | undefined): Promise<{ pairs: LabelledPair[]; source: string }> => {
  const path = file ?? SHIPPED;
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} can't be read: ${error.code}.`);
  });
  try {
    const pairs = parsePairs(text);
    // What a pair differs in has to be known before anything is paid for.
    for (const pair of pairs) isInScope('any')(pair);
    if (pairs.length === 0) throw new Error('it has no pairs');
    return { pairs, source: file ?? 'those that come with Tollgate' };
  } catch (error) {
    throw new CommandFailed(`${path}: ${(error as Error).message}.`);
  }
};
