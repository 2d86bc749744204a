import { DAY_MS } from '../../contract/calendar-date.ts';
import { NEAR_DAYS } from '../../core/pins/end-of-life.ts';
import type { Pin } from '../../core/pins/list-pins.ts';
import type { Cli } from '../cli.ts';
import { CommandFailed } from '../output.ts';
import { readDays } from '../read-options.ts';

interface PinOptions {
  json?: true;
  config: string;
  within: number;
}

/** `tollgate pins …`: the first two read the configuration and the catalogue; no store, no network. */
export const registerPinCommands = ({ program, now, addCommand, addStoreCommand, onStores, print }: Cli): void => {
  const pins = program.command('pins').description('which model versions aliases are pinned to, and when those end');

  addCommand(pins, 'list [alias]', 'every pinned version: its state, its end, what replaces it')
    .option('--config <file>', 'the configuration', 'tollgate.config.ts')
    .action(async (alias: string | undefined, options: PinOptions) => {
      const { showPins } = await import('../pins.ts');
      const { list, asOf } = await open(options.config, now);
      print(showPins(list, asOf, alias), options);
    });

  addCommand(pins, 'check', 'what has retired and what soon will; fails where something has')
    .option('--config <file>', 'the configuration', 'tollgate.config.ts')
    .option('--within <time>', 'how soon', readDays, NEAR_DAYS * DAY_MS)
    .action(async (options: PinOptions) => {
      const { checkPins } = await import('../pins.ts');
      const { list } = await open(options.config, now);
      print(checkPins(list, Math.floor(options.within / DAY_MS)), options);
    });

  addStoreCommand(pins, 'history', 'what has changed in the calendar, and what people were told').action((options) =>
    onStores(options, async (stores) => (await import('../pins.ts')).showPinHistory(stores)),
  );
};

const open = async (config: string, now: number): Promise<{ list: Pin[]; asOf: string }> => {
  const { openPinList } = await import('../../wiring/open-pin-list.ts');
  const opened = await openPinList(config, now);
  if (opened.ok) return { list: opened.pins, asOf: opened.asOf };
  throw new CommandFailed(
    `There are no pins with ${config}:\n${opened.problems.map(({ path, message }) => `  ${path}: ${message}`).join('\n')}`,
  );
};
