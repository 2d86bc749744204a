import { once } from 'node:events';
import { epochOf } from '../../contract/timing.ts';
import type { LedgerAudit, LedgerRecord } from '../../core/audit/ledger-audit.ts';
import { csvLine, text } from './csv.ts';
import { FOCUS_HEADING, focusRows } from './focus.ts';
import { RECORD_HEADING, recordJson, recordRow } from './records.ts';

export const EXPORT_FORMATS = ['csv', 'jsonl', 'focus'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

interface Writer {
  head: string;
  lines(record: LedgerRecord): string;
}

const WRITERS: Record<ExportFormat, Writer> = {
  csv: { head: csvLine(RECORD_HEADING.map(text)), lines: (record) => csvLine(recordRow(record)) },
  focus: { head: csvLine(FOCUS_HEADING.map(text)), lines: (record) => focusRows(record).map(csvLine).join('') },
  jsonl: { head: '', lines: (record) => `${recordJson(record)}\n` },
};

/** Written at once: fewer calls, and little enough to be no burden. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Writes every entry opened, and every correction made, from one time to before another, as it is read: what takes the
 * output sets the pace.
 *
 * @param range milliseconds since 1970; `to` exclusive
 */
export const exportLedger = async (
  audit: LedgerAudit,
  range: { from: number; to: number },
  format: ExportFormat,
  output: NodeJS.WritableStream,
): Promise<{ records: number }> => {
  const { head, lines } = WRITERS[format];
  let records = 0;
  let chunk = head;
  const flush = async (): Promise<void> => {
    const isTaken = output.write(chunk);
    chunk = '';
    if (!isTaken) await once(output, 'drain');
  };
  // An entry may be opened a little before its epoch begins or after it has ended.
  for await (const record of audit.records(epochOf(range.from) - 1, epochOf(range.to) + 1)) {
    if (record.openedAt < range.from || record.openedAt >= range.to) continue;
    records += 1;
    chunk += lines(record);
    if (chunk.length >= CHUNK_CHARACTERS) await flush();
  }
  if (chunk !== '') await flush();
  return { records };
};
