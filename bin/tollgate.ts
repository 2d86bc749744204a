#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { listCircuits, setCircuit } from '../lambdas/cli/circuits.ts';
import { createKey, endKey, listKeys, replaceKey } from '../lambdas/cli/keys.ts';
import { tailLedger } from '../lambdas/cli/ledger.ts';
import { CommandFailed, type Output, UsageError } from '../lambdas/cli/output.ts';
import {
  readCount,
  readDuration,
  readExpiry,
  readList,
  readName,
  readOverrideTime,
  readRights,
  readTags,
  readTimeout,
  readUrl,
} from '../lambdas/cli/read-options.ts';
import { runSmoke } from '../lambdas/cli/smoke/run-smoke.ts';
import { StoreUnavailable } from '../lambdas/core/ports.ts';
import { type LocalStores, openLocalStores } from '../lambdas/wiring/open-local-stores.ts';

/** The command line: arguments and printing. Exit codes: 0 done, 1 failed, 2 asked for in a way that can't be served. */

const DEFAULT_DATA_DIR = '.tollgate';

interface CommonOptions {
  json?: true;
  local?: true | string;
}

const now = Date.now();
const write = (stream: NodeJS.WriteStream, text: string): void => void stream.write(`${text}\n`);

const print = (output: Output, { json }: CommonOptions): void =>
  write(process.stdout, json ? JSON.stringify(output.data) : output.text);

/** Opens the store that the options name, runs the command on it, prints, closes. */
const onStores = async (
  options: CommonOptions,
  run: (stores: LocalStores) => Promise<Output>,
  { mustExist = true } = {},
): Promise<void> => {
  if (options.local === undefined)
    throw new UsageError(
      `A deployed stack can not be reached in this version. Add --local [DIR] for the store of "npm start" (${DEFAULT_DATA_DIR}/ unless DIR says otherwise).`,
    );
  const opened = openLocalStores(options.local === true ? DEFAULT_DATA_DIR : options.local, { mustExist });
  if (!opened.ok) throw new CommandFailed(opened.problem);
  try {
    print(await run(opened.stores), options);
  } finally {
    opened.stores.close();
  }
};

const program = new Command('tollgate')
  .description('Keys, ledger and circuits of a Tollgate gateway.')
  .exitOverride()
  .showHelpAfterError('(--help says more)');

const addCommand = (parent: Command, usage: string, description: string): Command =>
  parent.command(usage).description(description).option('--json', 'print JSON');

const addStoreCommand = (parent: Command, usage: string, description: string): Command =>
  addCommand(parent, usage, description).option(
    '--local [dir]',
    `the store of "npm start" in this directory (default ${DEFAULT_DATA_DIR}/)`,
  );

// ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const keys = program.command('keys').description('API keys of applications');

addStoreCommand(keys, 'create <name>', 'make a key; it is shown once')
  .requiredOption('--team <team>', 'the team that pays', readName)
  .option('--user <user>', 'the key’s own user (default: the name)', readName)
  .option('--models <aliases>', 'only these models, separated by commas (default: all)', readList)
  .option('--tags <tags>', 'pinned on every request: a=b,c=d', readTags, {})
  .option('--rights <rights>', 'act-for-users, read-usage', readRights, [])
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
    await onStores(options, (stores) => createKey(wanted, stores), { mustExist: false });
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

// ── ledger ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const ledger = program.command('ledger').description('what was asked, answered and paid');

addStoreCommand(ledger, 'tail', 'the last requests, newest first')
  .option('--limit <n>', 'how many', readCount, 20)
  .option('--key <id>', 'only of this key')
  .option('--before <request-id>', 'only older ones than this')
  .action((options) => {
    const { limit, key: keyId, before } = options;
    return onStores(options, (stores) =>
      tailLedger(
        { limit, ...(keyId === undefined ? {} : { keyId }), ...(before === undefined ? {} : { before }) },
        stores,
      ),
    );
  });

// ── circuits ──────────────────────────────────────────────────────────────────────────────────────────────────────────

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

// ── smoke ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

addCommand(program, 'smoke', 'prove a running gateway from outside, with a dozen small requests')
  .requiredOption('--url <url>', 'the gateway, with or without /v1', readUrl)
  .addOption(new Option('--key <key>', 'a key of it').env('TOLLGATE_API_KEY').makeOptionMandatory())
  .option('--model <alias>', 'the model to ask (default: the first that the key may use)')
  .option('--timeout <time>', 'for each request', readTimeout, 60_000)
  .option('--direct <url>', 'measure the latency that the gateway adds to this OpenAI-compatible endpoint', readUrl)
  .addOption(new Option('--direct-key <key>', 'a key of the endpoint').env('TOLLGATE_DIRECT_KEY').default(''))
  .option('--direct-model <model>', 'its name of the model (default: as --model)')
  .action(async (options) => {
    const { url: baseUrl, key, model, timeout: timeoutMs, direct, directKey, directModel } = options;
    const clock = { now: () => Math.round(performance.now()) };
    if (direct !== undefined && (directModel ?? model) === undefined)
      throw new UsageError('--direct needs --direct-model, or a --model that the endpoint knows too.');
    const output = await runSmoke(
      { baseUrl, key, timeoutMs, clock },
      {
        ...(model === undefined ? {} : { model }),
        ...(direct === undefined
          ? {}
          : {
              direct: { gateway: { baseUrl: direct, key: directKey, timeoutMs, clock }, model: directModel ?? model },
            }),
      },
    );
    print(output, options);
  });

// ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Tells what went wrong, on stderr, and gives the exit code. Results that a failed command has go to stdout as ever. */
const complain = (error: unknown): number => {
  // commander has told it already, and ends with an "error" when it has shown the help that was asked for. What a command
  // finds wrong with an argument is thrown by ourselves, and told below.
  const isBadArgument = error instanceof InvalidArgumentError;
  if (error instanceof CommanderError && !isBadArgument) return error.exitCode === 0 ? 0 : 2;
  const json = process.argv.includes('--json');
  if (error instanceof CommandFailed && error.output !== undefined) print(error.output, json ? { json } : {});
  const isExpected =
    isBadArgument || error instanceof CommandFailed || error instanceof UsageError || error instanceof StoreUnavailable;
  const message =
    error instanceof Error ? (isExpected ? error.message : (error.stack ?? error.message)) : String(error);
  write(process.stderr, json ? JSON.stringify({ error: { message } }) : message);
  return isBadArgument || error instanceof UsageError ? 2 : 1;
};

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = complain(error);
}
