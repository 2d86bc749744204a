import { didYouMean, problemText } from '../../contract/config-problem.ts';
import { MAX_WRONG_SHARE } from '../../contract/configured-caches.ts';
import type { Log } from '../../core/ports.ts';
import { present } from '../../core/read-json.ts';
import type { OpenedCalibration } from '../../wiring/open-calibration.ts';
import type { Cli } from '../cli.ts';
import { CommandFailed, type Output, UsageError } from '../output.ts';
import { readDuration, readLimit, readName, readShare, readUser } from '../read-options.ts';
import { readPast } from '../read-time.ts';

const REQUESTS_READ = 1_000;

interface CalibrateFlags {
  json?: true;
  config: string;
  pairs?: string;
  alias?: string;
  maxWrong?: number;
  yes?: true;
}

/** `tollgate cache …` */
export const registerCacheCommands = (cli: Cli): void => {
  const { program, now, io, addCommand, addStoreCommand, onStores, print } = cli;
  const cache = program.command('cache').description('answers that are kept and given again');

  addStoreCommand(cache, 'stats', 'what is kept, what it saved of late, how often it was wrong')
    .option('--team <team>', 'only of this team', readName)
    .option('--alias <alias>', 'only of this alias', readName)
    .option('--last <n>', 'requests of the ledger that are looked at', readLimit, REQUESTS_READ)
    .action((options) =>
      onStores(options, async (stores) => {
        const { showCache } = await import('../cache/show-cache.ts');
        const { team, alias, last } = options;
        return showCache({ ...present('team', team), ...present('alias', alias) }, last, stores);
      }),
    );

  addStoreCommand(cache, 'purge', 'take kept answers out, and the questions that they answer')
    .option('--team <team>', 'those of this team', readName)
    .option('--user <user>', 'those that this end user asked', readUser)
    .option('--alias <alias>', 'those of this alias', readName)
    .option('--older-than <time>', 'those that were asked longer ago than this, such as 7d', readDuration)
    .option('--before <when>', 'those that were asked before this date, such as 2026-11-01', (text) =>
      readPast(text, now),
    )
    .option('--all', 'all there are')
    .action((options) => {
      const { team, user, alias, all: isAll = false } = options;
      const createdBefore = readBefore(options, now);
      return onStores(options, async (stores) => {
        const { purgeCache } = await import('../cache/purge-cache.ts');
        return purgeCache(
          {
            isAll,
            ...present('team', team),
            ...present('user', user),
            ...present('alias', alias),
            ...present('createdBefore', createdBefore),
          },
          stores,
        );
      });
    });

  addStoreCommand(cache, 'trust <alias>', 'forget what audits have found: somebody has looked').action(
    (alias: string, options) =>
      onStores(options, async (stores) =>
        (await import('../cache/trust-cache.ts')).trustCache(readName(alias), stores),
      ),
  );

  addCommand(cache, 'calibrate', 'find the threshold of an embedder, from pairs that are labelled')
    .option('--config <file>', 'the configuration, for its embedder', 'tollgate.config.ts')
    .option('--pairs <file>', 'your own: JSON lines {"a","b","same"}; default: those that come with Tollgate')
    .option('--alias <alias>', 'for this one: its maxWrongShare', readName)
    .option(
      '--max-wrong <share>',
      `share of hits that may be wrong; default: the alias's own, or ${MAX_WRONG_SHARE}`,
      readShare,
    )
    .option('--yes', 'pay for the embedder of a provider')
    .action(async (options: CalibrateFlags) => {
      const say = (text: string): void => void io.stderr.write(`${text}\n`);
      print(await calibrate(options, { env: io.env, say }), options);
    });
};

/** @throws {UsageError} */
const readBefore = (
  { olderThan, before }: { olderThan?: number; before?: number },
  now: number,
): number | undefined => {
  if (olderThan !== undefined && before !== undefined) throw new UsageError('Say either --older-than or --before.');
  if (before !== undefined && before > now) throw new UsageError('--before is yet to come.');
  return olderThan === undefined ? before : now - olderThan;
};

const calibrate = async (
  { config, pairs: file, alias, maxWrong, yes }: CalibrateFlags,
  { env, say }: { env: Readonly<Record<string, string | undefined>>; say(text: string): void },
): Promise<Output> => {
  const [{ openCalibration }, { readPairs }, { calibrateCache }] = await Promise.all([
    import('../../wiring/open-calibration.ts'),
    import('../cache/read-pairs.ts'),
    import('../cache/calibrate-cache.ts'),
  ]);
  const read = await readPairs(file);
  const opened = await openCalibration(config, { env, log: logBy(say) });
  if (!opened.ok)
    throw new CommandFailed(
      'why' in opened
        ? `There is no embedder: ${opened.why}.`
        : `There is no embedder with ${config}:\n${opened.problems.map((one) => `  ${problemText(one)}`).join('\n')}`,
    );
  const { embedder, clock, calibrated, close } = opened.calibration;
  try {
    const semantic = semanticOf(alias, opened.calibration);
    return await calibrateCache(embedder, clock, {
      ...read,
      maxWrongShare: maxWrong ?? semantic?.maxWrongShare ?? MAX_WRONG_SHARE,
      thresholdNow: semantic?.threshold ?? calibrated,
      alias,
      isAgreed: yes === true,
      say,
    });
  } finally {
    await close();
  }
};

/** @throws {CommandFailed} where there is no such alias */
const semanticOf = (alias: string | undefined, { caches }: OpenedCalibration) => {
  if (alias === undefined) return undefined;
  if (caches.has(alias)) return caches.get(alias)?.semantic;
  throw new CommandFailed(`There is no alias ${JSON.stringify(alias)}.${didYouMean(alias, new Set(caches.keys()))}`);
};

const logBy = (say: (text: string) => void): Log => ({ debug() {}, info() {}, warn: say, error: say });
