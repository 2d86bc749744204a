import { Option } from 'commander';
import { epochOf, epochStart } from '../../contract/timing.ts';
import type { Cli } from '../cli.ts';
import { EXPORT_FORMATS, exportLedger } from '../export/export-ledger.ts';
import { tailLedger } from '../ledger.ts';
import { rebuild, verify } from '../ledger-audit.ts';
import { shortTime, UsageError } from '../output.ts';
import { readCount } from '../read-options.ts';
import { readHead, readPast } from '../read-time.ts';

/** `tollgate ledger …` */
export const registerLedgerCommands = ({ program, now, addStoreCommand, onStores }: Cli): void => {
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

  addStoreCommand(ledger, 'verify', 'check the chain of digests: has an entry been changed, removed or added?')
    .option('--from <when>', 'a date (2026-11-01), or how long ago (30d); default: all that is kept', (text) =>
      readPast(text, now),
    )
    .option('--to <when>', 'default: all that is closed', (text) => readPast(text, now))
    .option('--expect <head>', 'a head that an earlier run printed: it must still be in the chain', readHead)
    .action((options) => {
      const { from, to, expect } = options;
      checkRange(from, to);
      return onStores(options, ({ audit }) =>
        verify(audit, {
          ...(from !== undefined && { from: epochOf(from) }),
          // The end is exclusive, epochs are inclusive.
          ...(to !== undefined && { to: epochOf(to - 1) }),
          ...(expect !== undefined && { expect }),
          onProgress,
        }),
      );
    });

  addStoreCommand(ledger, 'rebuild', 'recompute accounts from their entries, and put right those that differ')
    .option('--account <key>', 'only this one, such as "team#search#2026-11"')
    .option('--dry-run', 'only say which differ')
    .action((options) => {
      const { account, dryRun: isDryRun = false } = options;
      return onStores(options, ({ audit }) => rebuild(audit, { isDryRun, ...(account !== undefined && { account }) }));
    });

  addStoreCommand(ledger, 'export', 'every entry and correction of a time, as it is read')
    .requiredOption('--from <when>', 'a date (2026-11-01), or how long ago (30d)', (text) => readPast(text, now))
    .option('--to <when>', 'exclusive; default: now', (text) => readPast(text, now))
    .addOption(
      new Option('--format <format>', 'csv, jsonl (with receipts), focus (FOCUS 1.2 as CSV); default: csv').choices(
        EXPORT_FORMATS,
      ),
    )
    .action((options) => {
      const { from, to = now, format, json } = options;
      checkRange(from, to);
      if (json && format !== undefined && format !== 'jsonl')
        throw new UsageError('--json is --format jsonl, and goes with no other format.');
      return onStores(options, async ({ audit }) => {
        await exportLedger(audit, { from, to }, json ? 'jsonl' : (format ?? 'csv'), process.stdout);
        return undefined;
      });
    });
};

/** @throws {UsageError} */
const checkRange = (from: number | undefined, to: number | undefined): void => {
  if (from !== undefined && to !== undefined && from >= to) throw new UsageError('--from must be before --to.');
};

/** On a terminal: how far it is. */
const onProgress = (epoch: number): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r${shortTime(epochStart(epoch))}\r`);
};
