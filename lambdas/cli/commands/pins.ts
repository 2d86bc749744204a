import { InvalidArgumentError } from 'commander';
import { DAY_MS } from '../../contract/calendar-date.ts';
import { problemText } from '../../contract/config-problem.ts';
import { NEAR_DAYS } from '../../core/pins/end-of-life.ts';
import type { AskLifecycles, PinList } from '../../wiring/open-pin-list.ts';
import type { Cli, StoreOptions } from '../cli.ts';
import { configFileOf, LOCAL_CONFIG } from '../config-file.ts';
import { CommandFailed } from '../output.ts';
import { readDays, readExpiry, readName } from '../read-options.ts';
import { readPast } from '../read-time.ts';
import { whoAmI } from '../who-am-i.ts';

/** Beside a store: it says which is meant, unless somebody does. */
const CONFIG = [
  '--config <file>',
  `the configuration (default: with the stack Tollgate-<stage> stages/<stage>.config.ts, else ${LOCAL_CONFIG})`,
] as const;
const TARGET = ['--target <provider/model>', 'whose canary, where the alias has several', readName] as const;
const MOST_ENTRIES = 10_000;

/** `tollgate pins …` */
export const registerPinCommands = (cli: Cli): void => {
  const pins = cli.program
    .command('pins')
    .description('which model versions aliases are pinned to, when those end, and what is tried in their place');
  registerLookups(pins, cli);
  registerCanaryCommands(pins, cli);
};

type Parent = Parameters<Cli['addCommand']>[0];

const registerLookups = (pins: Parent, { now, addCommand, addStoreCommand, onStores, print }: Cli): void => {
  addStoreCommand(pins, 'list [alias]', 'every pinned version: its state, its end, what replaces it, what is tried')
    .option(...CONFIG)
    .action(async (alias: string | undefined, options: { config?: string } & StoreOptions) => {
      const { showPins } = await import('../pins.ts');
      // What is pinned needs no store; what was set by hand is in one.
      if ([options.local, options.stack, options.gateway, options.region].every((said) => said === undefined))
        print(showPins(await open(configFileOf(options.config), now), alias, undefined, now), options);
      else
        await onStores(options, async ({ pins: store, place }) => {
          const opened = await open(configFileOf(options.config, place), now);
          return showPins(opened, alias, (await store.readOverrides()).set, now);
        });
    });

  addCommand(pins, 'check', 'what has retired and what soon will; fails where something has')
    .option('--config <file>', "the configuration; a stage's is stages/<stage>.config.ts", LOCAL_CONFIG)
    .option('--within <time>', 'how soon', readDays, NEAR_DAYS * DAY_MS)
    .option('--offline', "ask no provider's API: what the catalogue says")
    .action(async (options: { json?: true; config: string; within: number; offline?: true }) => {
      const [{ checkPins }, { askLifecycles }] = await Promise.all([
        import('../pins.ts'),
        import('../../wiring/ask-lifecycles.ts'),
      ]);
      const opened = await open(options.config, now, options.offline ? undefined : askLifecycles);
      print(checkPins(opened, Math.floor(options.within / DAY_MS)), options);
    });

  addStoreCommand(
    pins,
    'history',
    'what has changed in the calendar, what people were told, and who set canaries by hand',
  ).action((options) => onStores(options, async (stores) => (await import('../pins.ts')).showPinHistory(stores)));
};

const registerCanaryCommands = (pins: Parent, { now, addStoreCommand, onStores }: Cli): void => {
  const by = whoAmI();

  addStoreCommand(pins, 'compare [alias]', 'canaries beside their targets: errors, refusals, times, cost')
    .option('--since <when>', 'a date (2026-11-01), or how long ago (7d); default: as far as is read', (text) =>
      readPast(text, now),
    )
    .option('--most <n>', 'entries that are read at most', readEntries, MOST_ENTRIES)
    .option(...CONFIG)
    .action((alias: string | undefined, { since, most, config, ...options }) =>
      onStores(options, async (stores) => {
        const { comparePins } = await import('../compare-pins.ts');
        const configured = alias === undefined ? undefined : await listOf(configFileOf(config, stores.place), now);
        return comparePins({ alias, since, most, configured }, stores);
      }),
    );

  for (const [verb, description] of [
    ['promote', 'give a canary all of the conversations, or a share of them, without a deployment'],
    ['back', 'take a canary back: the version before it answers alone'],
  ] as const) {
    const command = addStoreCommand(pins, `${verb} <alias>`, description)
      .option(...TARGET)
      .option(...CONFIG)
      .option('--until <when>', 'a duration (30d) or a date (2027-01-31); default: until it is released', (text) =>
        readExpiry(text, now),
      )
      .option('--by <name>', 'who does it', readName, by);
    if (verb === 'promote')
      command
        .option('--to <model>', "the canary's name, to be sure that it is that one", readName)
        .option('--share <share>', 'of the conversations, above 0 up to 1', readShare, 1);
    command.action((alias: string, { config, target, to, share = 0, until = null, by: who, ...options }) =>
      onStores(options, async (stores) => {
        const [{ setCanary }, opened] = await Promise.all([
          import('../canaries.ts'),
          open(configFileOf(config, stores.place), now),
        ]);
        return setCanary({ alias, target, to, share, until, by: who }, opened, stores);
      }),
    );
  }

  addStoreCommand(pins, 'release <alias>', "let the configuration's share of a canary hold again")
    .option(...TARGET)
    .option('--by <name>', 'who does it', readName, by)
    .action((alias: string, { target, by: who, ...options }) =>
      onStores(options, async (stores) =>
        (await import('../canaries.ts')).releaseCanary({ alias, target, by: who }, stores),
      ),
    );
};

/** Undefined where there is no configuration here: a comparison needs none. */
const listOf = async (file: string, now: number): Promise<PinList | undefined> => {
  const { openPinList } = await import('../../wiring/open-pin-list.ts');
  const opened = await openPinList(file, now);
  return opened.ok ? opened : undefined;
};

const readEntries = (text: string): number => {
  const count = Number(text.replaceAll('_', ''));
  if (/^[\d_]+$/.test(text) && count >= 1 && count <= 1_000_000) return count;
  throw new InvalidArgumentError('Expected a number of entries from 1 to 1000000.');
};

const readShare = (text: string): number => {
  const share = Number(text);
  if (/^[01](\.\d{1,4})?$/.test(text) && share > 0 && share <= 1) return share;
  throw new InvalidArgumentError('Expected a share above 0 up to 1 with at most four decimals, such as 0.25.');
};

const open = async (config: string, now: number, ask?: AskLifecycles): Promise<PinList> => {
  const { openPinList } = await import('../../wiring/open-pin-list.ts');
  const opened = await openPinList(config, now, ask);
  if (opened.ok) return opened;
  throw new CommandFailed(
    `There are no pins with ${config}:\n${opened.problems.map((one) => `  ${problemText(one)}`).join('\n')}`,
  );
};
