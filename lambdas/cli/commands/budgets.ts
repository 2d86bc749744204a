import { approveBudget, readKind, setBudget, showBudgets } from '../budgets.ts';
import type { Cli } from '../cli.ts';
import { UsageError } from '../output.ts';
import { readCap, readExpiry, readName, readUsd } from '../read-options.ts';
import { whoAmI } from '../who-am-i.ts';

/** `tollgate budgets …` */
export const registerBudgetCommands = ({ program, now, addStoreCommand, onStores }: Cli): void => {
  const budgets = program.command('budgets').description('caps on spending, and where each account stands');
  const by = whoAmI();

  addStoreCommand(
    budgets,
    'show [kind] [name]',
    'the caps that hold and where each comes from: org, team, user, key, …',
  ).action((kind: string | undefined, id: string | undefined, options) =>
    onStores(options, (stores) =>
      showBudgets(
        { ...(kind !== undefined && { kind: readKind(kind) }), ...(id !== undefined && { id: readName(id) }) },
        stores,
      ),
    ),
  );

  addStoreCommand(
    budgets,
    'set <kind> [name]',
    'set a cap by hand, over what the file says ("file" takes it away again)',
  )
    .option('--daily <usd>', 'a day', readCap)
    .option('--weekly <usd>', 'a week', readCap)
    .option('--monthly <usd>', 'a month', readCap)
    .option('--lifetime <usd>', 'in all', readCap)
    .option('--until <when>', 'a duration (30d) or a date (2027-01-31); default: until it is taken away', (text) =>
      readExpiry(text, now),
    )
    .option('--by <name>', 'who sets it', readName, by)
    .action((kind: string, id: string | undefined, { daily, weekly, monthly, lifetime, ...options }) =>
      onStores(options, (stores) =>
        setBudget(
          {
            kind: readKind(kind),
            id: id === undefined ? undefined : readName(id),
            caps: { daily, weekly, monthly, lifetime },
            until: options.until ?? null,
            by: options.by,
          },
          stores,
        ),
      ),
    );

  addStoreCommand(budgets, 'approve <account>', 'decide about an account at its cap, such as team#search#2026-11')
    .option('--to <usd>', 'raise it to this, until its period ends', readUsd)
    .option('--refuse', 'leave it where it is')
    .option('--by <name>', 'who decides', readName, by)
    .action((account: string, options) => {
      if ((options.to === undefined) === (options.refuse === undefined))
        throw new UsageError('Say either --to AMOUNT or --refuse.');
      return onStores(options, (stores) => approveBudget({ account, to: options.to ?? null, by: options.by }, stores));
    });
};
