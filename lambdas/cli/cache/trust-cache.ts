import type { WrongHitRecord } from '../../core/cache/cache-stores.ts';
import { trustAgain } from '../../core/cache/wrong-hit-book.ts';
import type { CliStores } from '../../wiring/cli-stores.ts';
import { CommandFailed, type Output, printable } from '../output.ts';

/**
 * Forgets what audits have found of an alias: somebody has looked, and its semantic cache answers again from the threshold
 * that was set.
 *
 * @throws {CommandFailed} where no audit of that alias is known
 */
export const trustCache = async (
  alias: string,
  { openCache, clock }: Pick<CliStores, 'openCache' | 'clock'>,
): Promise<Output> => {
  const { wrongHits } = await openCache();
  const forgotten = await trustAgain(alias, wrongHits, clock);
  if (forgotten.length === 0) {
    const known = await wrongHits.list();
    if (!known.some((record) => record.alias === alias)) throw new CommandFailed(unknown(alias, known));
  }
  return {
    text:
      forgotten.length === 0
        ? `Nothing was held against the semantic cache of ${printable(alias)}.`
        : [
            ...forgotten.map((record) => `${printable(alias)}, ${record.embedder}: ${wasText(record)} Forgotten.`),
            'Gateways answer again from the threshold that was set, within 10 s.',
          ].join('\n'),
    data: {
      alias,
      forgotten: forgotten.map(({ embedder, state }) => ({
        embedder,
        audited: state.audited,
        wrong: state.wrong,
        tightened: state.tightened,
        was_off: state.isOff,
      })),
    },
  };
};

const wasText = ({ state: { audited, wrong, tightened, isOff } }: WrongHitRecord): string =>
  `${wrong} of ${audited} audited hits were wrong${isOff ? ', and it had turned itself off' : tightened > 0 ? `, and its threshold had been raised ${tightened === 1 ? 'once' : 'twice'}` : ''}.`;

const unknown = (alias: string, known: readonly WrongHitRecord[]): string => {
  const aliases = [...new Set(known.map((record) => record.alias))].sort().map(printable);
  return `No audit of the semantic cache of ${JSON.stringify(alias)} is known.${aliases.length === 0 ? '' : ` There are: ${aliases.join(', ')}.`}`;
};
