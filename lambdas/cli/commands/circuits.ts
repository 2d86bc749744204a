import { listCircuits, setCircuit } from '../circuits.ts';
import type { Cli } from '../cli.ts';
import { readName, readOverrideTime } from '../read-options.ts';

/** `tollgate circuits …` */
export const registerCircuitCommands = ({ program, addStoreCommand, onStores }: Cli): void => {
  const circuits = program.command('circuits').description('which targets are left alone because they fail');

  addStoreCommand(circuits, 'list', 'every circuit that ever opened, or was set by hand').action((options) =>
    onStores(options, listCircuits),
  );

  for (const [verb, state, description] of [
    ['open', 'open', 'send nothing to a target, whatever is measured'],
    ['close', 'closed', 'send to a target, whatever is measured, and forget its failures'],
  ] as const) {
    addStoreCommand(circuits, `${verb} <target>`, description)
      .option('--for <time>', 'how long', readOverrideTime, 600_000)
      .option('--reason <text>', 'why, for those who look later', readName, 'set by hand')
      .action((target: string, options) =>
        onStores(options, (stores) =>
          setCircuit(readName(target), { state, forMs: options.for, reason: options.reason }, stores),
        ),
      );
  }
};
