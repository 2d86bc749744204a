import type { Cli } from './cli.ts';
import { registerBudgetCommands } from './commands/budgets.ts';
import { registerCacheCommands } from './commands/cache.ts';
import { registerCircuitCommands } from './commands/circuits.ts';
import { registerKeyCommands } from './commands/keys.ts';
import { registerLedgerCommands } from './commands/ledger.ts';
import { registerPinCommands } from './commands/pins.ts';
import { registerPriceCommand } from './commands/prices.ts';
import { registerQuoteCommand } from './commands/quote.ts';
import { registerRunCommands } from './commands/runs.ts';
import { registerSecretCommands } from './commands/secrets.ts';
import { registerSmokeCommand } from './commands/smoke.ts';

/**
 * Every group of commands, one a file, in the order of `--help`. A command that works on a deployed stack also has its line in
 * `lib/cli-rights.ts`.
 */
export const registerCommands = (cli: Cli): void => {
  registerKeyCommands(cli);
  registerLedgerCommands(cli);
  registerBudgetCommands(cli);
  registerCircuitCommands(cli);
  registerRunCommands(cli);
  registerCacheCommands(cli);
  registerSecretCommands(cli);
  registerPinCommands(cli);
  registerPriceCommand(cli);
  registerQuoteCommand(cli);
  registerSmokeCommand(cli);
};
