#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
import { Command } from 'commander';
import { makeCli } from '../lambdas/cli/cli.ts';
import { registerCommands } from '../lambdas/cli/register-commands.ts';
import { runProgram } from '../lambdas/cli/run-program.ts';

/** The command line. A new group of commands: lambdas/cli/register-commands.ts. */

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const program = new Command('tollgate').description('Operates a Tollgate gateway, deployed or on this machine.');
process.exitCode = await runProgram(program, process.argv.slice(2), process, () =>
  registerCommands(makeCli(program, Date.now(), process)),
);
