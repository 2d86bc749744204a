import { isSecretName, SECRET_NAME_RULE } from '../../contract/secret-name.ts';
import type { Cli, StoreOptions } from '../cli.ts';
import { refusalOf } from '../cli.ts';
import { UsageError } from '../output.ts';

/** `tollgate secrets …` */
export const registerSecretCommands = ({ program, io, addStoreCommand, choiceOf, print }: Cli): void => {
  const secrets = program.command('secrets').description('the providers’ keys of a deployed gateway');

  addStoreCommand(
    secrets,
    'put <name>',
    'make or replace a key in Secrets Manager; its value is asked for, or piped in',
  )
    .allowExcessArguments()
    .action(async (name: string, options: StoreOptions, { args }: { args: string[] }) => {
      if (args.length > 1)
        throw new UsageError(
          'The value may not stand on the command line, where the shell and other users can see it: if it was a key, replace it. It is asked for, or piped in.',
        );
      if (options.local !== undefined)
        throw new UsageError(
          `A local gateway reads its keys from the environment: write apiKey: 'env:SOME_NAME' in its configuration, and set SOME_NAME where "npm start" runs. Nothing was put.`,
        );
      if (!isSecretName(name))
        throw new UsageError(
          `${JSON.stringify(name)} is no name of a secret: expected ${SECRET_NAME_RULE}${name.startsWith('secret:') ? ', without "secret:" before it' : ''}.`,
        );
      const [{ openDeployedSecrets }, { readSecret }, { putProviderKey }] = await Promise.all([
        import('../../wiring/open-deployed-cli-secrets.ts'),
        import('../read-secret.ts'),
        import('../secrets.ts'),
      ]);
      const opened = await openDeployedSecrets(choiceOf(options));
      if (!opened.ok) throw refusalOf(opened);
      const value = await readSecret(`Value of ${name} (it is not shown): `, {
        input: io.stdin,
        prompt: io.stderr,
      });
      print(await putProviderKey({ name, value }, opened.secrets), options);
    });
};
