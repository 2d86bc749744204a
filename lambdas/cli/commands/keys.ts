import { readFiledBudgets } from '../../core/budget/filed-budgets.ts';
import { warnOfModels } from '../check-scope.ts';
import type { Cli } from '../cli.ts';
import { createKey, endKey, listKeys, replaceKey } from '../keys.ts';
import { readDuration, readExpiry, readList, readName, readRights, readTags } from '../read-options.ts';

/** `tollgate keys …` */
export const registerKeyCommands = ({ program, now, addStoreCommand, onStores }: Cli): void => {
  const keys = program.command('keys').description('API keys of applications');

  addStoreCommand(keys, 'create <name>', 'make a key; it is shown once')
    .requiredOption('--team <team>', 'the team that pays', readName)
    .option('--user <user>', 'the key’s own user (default: the name)', readName)
    .option('--models <aliases>', 'only these models, separated by commas (default: all)', readList)
    .option('--tags <tags>', 'pinned on every request: a=b,c=d', readTags, {})
    .option('--rights <rights>', 'act-for-users, read-usage, require-run', readRights, [])
    .option('--expires <when>', 'a duration (30d) or a date (2027-01-31)', (text) => readExpiry(text, now))
    .action(async (name: string, options) => {
      const wanted = {
        name: readName(name),
        team: options.team,
        user: options.user ?? readName(name),
        tags: options.tags,
        aliases: options.models ?? null,
        rights: options.rights,
        expiresAt: options.expires ?? null,
      };
      await onStores(
        options,
        async (stores) => {
          // Whoever makes keys of a deployed gateway may not read its budgets.
          const knowsModels = wanted.aliases !== null && stores.place.kind === 'local';
          const filed = knowsModels ? readFiledBudgets(await stores.budgets.readPolicy()).filed : undefined;
          return createKey(wanted, stores, warnOfModels(wanted.aliases ?? [], filed));
        },
        { mustExist: false },
      );
    });

  addStoreCommand(keys, 'list', 'all keys, without their secrets').action((options) => onStores(options, listKeys));

  addStoreCommand(keys, 'revoke <id>', 'end a key now').action((id: string, options) =>
    onStores(options, (stores) => endKey(id, stores)),
  );

  addStoreCommand(keys, 'rotate <id>', 'make a new key in the place of this one')
    .option('--grace <time>', 'how long the old key goes on working', readDuration, 24 * 3_600_000)
    .option('--expires <when>', 'when the new key ends (default: as the old one)', (text) => readExpiry(text, now))
    .action((id: string, options) =>
      onStores(options, (stores) => {
        const { grace: graceMs, expires: expiresAt } = options;
        return replaceKey(id, { graceMs, ...(expiresAt === undefined ? {} : { expiresAt }) }, stores);
      }),
    );
};
