import type { Command } from 'commander';
import type { Log } from '../core/ports.ts';
import type { CliStores } from '../wiring/cli-stores.ts';
import type { Choice, Refused } from '../wiring/open-deployed-cli.ts';
import { CommandFailed, type Output, UsageError } from './output.ts';

/** What every command of a store takes (`addStoreCommand` adds them). */
export interface StoreOptions {
  json?: true;
  local?: true | string;
  stack?: string;
  gateway?: string;
  region?: string;
}

export interface StoreNeeds {
  /** Refuse rather than begin an empty local store, where reading is all that is wanted. Default: true. */
  mustExist?: boolean;
}

/** The world of one command: a process, unless a test has another. */
export interface CliIo {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
  env: Readonly<Record<string, string | undefined>>;
}

/** What a group of commands is registered with. */
export interface Cli {
  program: Command;
  io: CliIo;
  /** The instant at which the command was given, ms. */
  now: number;
  /** A command with `--json`. */
  addCommand(parent: Command, usage: string, description: string): Command;
  /** A command that works on a gateway's stores: local ones (`--local`) or those of a deployed stack. */
  addStoreCommand(parent: Command, usage: string, description: string): Command;
  /** Opens the stores that the options name, runs the command on them, closes them, prints what it gave; nothing, where it has written by itself. */
  onStores(
    options: StoreOptions,
    run: (stores: CliStores) => Promise<Output | undefined>,
    needs?: StoreNeeds,
  ): Promise<void>;
  print(output: Output, options: { json?: true }): void;
  /** Which deployed gateway is meant. @throws {UsageError} for an option that is empty, as an unset variable leaves it */
  choiceOf(options: StoreOptions): Choice;
}

export const DEFAULT_DATA_DIR = '.tollgate';

const write = (stream: NodeJS.WritableStream, text: string): void => void stream.write(`${text}\n`);

const addCommand: Cli['addCommand'] = (parent, usage, description) =>
  parent.command(usage).description(description).option('--json', 'print JSON');

/** @param program with no commands yet: the groups' `register…Commands` add them */
export const makeCli = (program: Command, now: number, io: CliIo): Cli => {
  const print: Cli['print'] = (output, { json }) => {
    write(io.stdout, json ? JSON.stringify(output.data) : output.text);
    for (const warning of output.warnings ?? []) write(io.stderr, warning);
  };
  return {
    program,
    io,
    now,
    print,
    addCommand,
    choiceOf: (options) => readChoice(options, io),
    addStoreCommand: (parent, usage, description) =>
      addCommand(parent, usage, description)
        .option(
          '--stack <name>',
          'the deployed stack (default: TOLLGATE_STACK, or the one there is of Tollgate-<stage>)',
        )
        .option('--gateway <id>', 'the gateway in the stack, where there are several')
        .option('--region <region>', 'its AWS region (default: that of the environment or of AWS_PROFILE)')
        .option(
          '--local [dir]',
          `instead of a stack the store of "npm start" in this directory (default ${DEFAULT_DATA_DIR}/)`,
        ),
    onStores: async (options, run, needs = {}) => {
      const stores = await openStores(options, needs, io);
      try {
        const output = await run(stores);
        if (output !== undefined) print(output, options);
      } finally {
        stores.close();
      }
    },
  };
};

/** Modules that only some commands need are loaded by those: `--help` is there at once. */
const openStores = async (options: StoreOptions, { mustExist = true }: StoreNeeds, io: CliIo): Promise<CliStores> => {
  if (options.local === undefined) return openDeployed(options, io);
  if (options.stack !== undefined || options.gateway !== undefined || options.region !== undefined)
    throw new UsageError(
      '--local is a store on this machine: it goes with neither --stack nor --gateway nor --region.',
    );
  const { openLocalStores } = await import('../wiring/open-local-stores.ts');
  const dataDir = options.local === true ? DEFAULT_DATA_DIR : options.local;
  const opened = openLocalStores(dataDir, { mustExist });
  if (!opened.ok) throw new CommandFailed(opened.problem);
  return { ...opened.stores, place: { kind: 'local', dataDir } };
};

const openDeployed = async (options: StoreOptions, io: CliIo): Promise<CliStores> => {
  const { openDeployedStores } = await import('../wiring/open-deployed-cli.ts');
  const choice = readChoice(options, io);
  const opened = await openDeployedStores(choice, logTo(io.stderr));
  if (!opened.ok) throw refusalOf(opened);
  const { place } = opened.stores;
  // Which one it is was found out here, not said: whoever waits for the answer should know.
  if (choice.stack === undefined && !options.json && place.kind === 'deployed')
    write(io.stderr, `${place.stack} in ${place.region}:`);
  return opened.stores;
};

const readChoice = ({ stack, gateway, region }: StoreOptions, { env }: CliIo): Choice => {
  for (const [name, value] of Object.entries({ stack, region }))
    if (value?.trim() === '') throw new UsageError(`--${name} is empty.`);
  return { stack: stack ?? (env['TOLLGATE_STACK'] || undefined), gateway, region };
};

export const refusalOf = ({ reason, problem }: Refused): Error =>
  reason === 'choice' ? new UsageError(problem) : new CommandFailed(problem);

/** What a store has to say besides: to people, who see the answer too. */
const logTo = (stderr: NodeJS.WritableStream): Log => ({
  debug() {},
  info() {},
  warn: (message) => write(stderr, message),
  error: (message) => write(stderr, message),
});
