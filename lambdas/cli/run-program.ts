import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { StoreUnavailable } from '../core/ports.ts';
import type { CliIo } from './cli.ts';
import { explainAwsError } from './explain-aws-error.ts';
import { CommandFailed, UsageError } from './output.ts';

/**
 * Runs the program on these words. What goes wrong is told on stderr, with `--json` as `{"error":{"message"}}`.
 *
 * @param register adds the commands; they take their settings from the program as it then is
 * @returns the exit code: 0 done, 1 failed, 2 asked for in a way that can't be served
 */
export const runProgram = async (
  program: Command,
  words: readonly string[],
  { stdout, stderr }: CliIo,
  register: () => void,
): Promise<0 | 1 | 2> => {
  // After "--" everything is an argument.
  const json = words.slice(0, words.includes('--') ? words.indexOf('--') : words.length).includes('--json');
  program.exitOverride().showHelpAfterError('(--help says more)');
  // What commander would say by itself is said as JSON below.
  program.configureOutput({
    writeOut: (text) => void stdout.write(text),
    writeErr: (text) => void (json || stderr.write(text)),
  });
  register();

  try {
    await program.parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    const { message, exitCode } = describeFailure(error);
    // Results that a failed command has go to stdout as ever.
    if (error instanceof CommandFailed && error.output !== undefined)
      stdout.write(`${json ? JSON.stringify(error.output.data) : error.output.text}\n`);
    const isTold = error instanceof CommanderError && !(error instanceof InvalidArgumentError) && !json;
    if (exitCode !== 0 && !isTold) stderr.write(`${json ? JSON.stringify({ error: { message } }) : message}\n`);
    return exitCode;
  }
};

const describeFailure = (error: unknown): { message: string; exitCode: 0 | 1 | 2 } => {
  // What a command finds wrong with an argument: thrown by ourselves, though by commander's class.
  if (error instanceof InvalidArgumentError || error instanceof UsageError)
    return { message: error.message, exitCode: 2 };
  if (error instanceof CommanderError) {
    // It also ends with an "error" when it has shown the help that was asked for.
    if (error.exitCode === 0) return { message: '', exitCode: 0 };
    const isBare = error.code === 'commander.help';
    return { message: isBare ? NO_COMMAND : error.message.replace(/^error: /, ''), exitCode: 2 };
  }
  if (error instanceof CommandFailed) return { message: error.message, exitCode: 1 };
  const ofAws = explainAwsError(error);
  if (ofAws !== undefined) return { message: ofAws, exitCode: 1 };
  if (error instanceof StoreUnavailable) return { message: error.message, exitCode: 1 };
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: 1 };
};

const NO_COMMAND = 'No command is named. --help lists them.';
