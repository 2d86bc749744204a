import type { CacheSelection } from '../../core/cache/vector-index.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import type { CliCache, CliStores } from '../../wiring/cli-stores.ts';
import { CommandFailed, isoTime, type Output, printable, shortTime, UsageError } from '../output.ts';

export interface PurgeOptions extends CacheSelection {
  isAll: boolean;
}

/**
 * Takes kept answers and questions out. Answers go first: from then on nobody is given one, whatever comes of the rest. A
 * purge that broke off is made again.
 *
 * @throws {UsageError} where nothing is named
 * @throws {CommandFailed} where a part could not be done, with what was
 */
export const purgeCache = async (
  { isAll, ...named }: PurgeOptions,
  stores: Pick<CliStores, 'openCache' | 'clock' | 'place'>,
): Promise<Output> => {
  checkSelection(isAll, named);
  const { clock, place } = stores;
  const cache = await stores.openCache();
  const now = clock.now();
  const isLocal = place.kind === 'local';
  const answers = await cache.responses.purge(named, now);
  const questions = await purgeQuestions(cache, named, now).catch((error: unknown) => {
    if (!(error instanceof StoreUnavailable)) throw error;
    throw new CommandFailed(
      `${error.message} ${count(answers, 'answer')} went, so nobody is given them any more; their questions are still kept. Purge again.`,
    );
  });
  const isWiped = await wipe(cache);
  const what = describeSelection(named);
  return {
    text: [
      answers + (questions ?? 0) === 0
        ? `Nothing was kept ${what}.`
        : `Purged what was kept ${what}: ${count(answers, 'answer')}${questions === undefined ? '' : `, ${count(questions, 'question')}`}. Requests under way are not kept.`,
      ...notesOf({ isLocal, hasIndex: questions !== undefined, isWiped }),
    ].join('\n'),
    data: {
      selection: {
        team: named.team ?? null,
        user: named.user ?? null,
        alias: named.alias ?? null,
        created_before: named.createdBefore === undefined ? null : isoTime(named.createdBefore),
      },
      answers,
      /** null = there is no index of questions. */
      questions: questions ?? null,
      wiped: isWiped,
    },
    warnings: isWiped
      ? []
      : [
          'What went may still be read from the bytes on the disk: it could not be overwritten now, since others were at work. Purge again.',
        ],
  };
};

const checkSelection = (isAll: boolean, { team, user, alias, createdBefore }: CacheSelection): void => {
  const isNamed = [team, user, alias, createdBefore].some((value) => value !== undefined);
  if (!isAll && !isNamed)
    throw new UsageError(
      'Say what is to go: --team, --user, --alias, --older-than or --before, several of which narrow it down; or --all.',
    );
  if (isAll && isNamed) throw new UsageError('--all goes with nothing that narrows it down.');
};

const purgeQuestions = async (
  { vectors }: CliCache,
  selection: CacheSelection,
  now: number,
): Promise<number | undefined> => (vectors === undefined ? undefined : vectors.purge(selection, now));

/** @returns whether it is done */
const wipe = async ({ wipe: wipeAll }: CliCache): Promise<boolean> => {
  try {
    await wipeAll();
    return true;
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    return false;
  }
};

const notesOf = ({
  isLocal,
  hasIndex,
  isWiped,
}: {
  isLocal: boolean;
  hasIndex: boolean;
  isWiped: boolean;
}): string[] => [
  ...(hasIndex ? [] : ['The gateway has no index of questions: there were only answers to purge.']),
  ...(isLocal
    ? isWiped
      ? ['Nothing of it is left in the files of the store; gateways that run forget it within a minute.']
      : []
    : ['Backups still have it: docs/operating.md says for how long.']),
  'Not a part of the cache: answers kept for idempotency keys, which go by themselves a day after they were given.',
];

const describeSelection = ({ team, user, alias, createdBefore }: CacheSelection): string => {
  const parts = [
    ...(user === undefined ? [] : [`of the user ${quoted(user)}`]),
    ...(team === undefined ? [] : [`of the team ${quoted(team)}`]),
    ...(alias === undefined ? [] : [`by the alias ${quoted(alias)}`]),
    ...(createdBefore === undefined ? [] : [`from before ${shortTime(createdBefore)}`]),
  ];
  return parts.length === 0 ? 'of anybody' : parts.join(', ');
};

const quoted = (name: string): string => JSON.stringify(printable(name));

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
