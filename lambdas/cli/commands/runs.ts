import type { Cli } from '../cli.ts';
import { readName, readRunId } from '../read-options.ts';
import { killRun, showRun } from '../runs.ts';

/** `tollgate runs …` */
export const registerRunCommands = ({ program, addStoreCommand, onStores }: Cli): void => {
  const runs = program.command('runs').description('agent runs (x-tollgate-run)');

  addStoreCommand(runs, 'show <id>', 'calls, money, and what started it')
    .requiredOption('--team <team>', 'the team it belongs to', readName)
    .action((id: string, options) => onStores(options, (stores) => showRun(options.team, readRunId(id), stores)));

  addStoreCommand(runs, 'kill <id>', 'stop it and all that it has started: no more calls, those under way end')
    .requiredOption('--team <team>', 'the team it belongs to', readName)
    .option('--reason <text>', 'why; the refused are told', readName, 'stopped by hand')
    .action((id: string, options) =>
      onStores(options, (stores) => killRun(options.team, readRunId(id), options.reason, stores)),
    );
};
